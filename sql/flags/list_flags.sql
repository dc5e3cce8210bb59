-- Every flag by its name; there are few, so their table is read whole.
select name, enabled
from feature_flags
order by name
limit 1000
