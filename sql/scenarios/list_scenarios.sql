-- Every exercise, by name; the whole of a small table.
select id, name, description
from scenarios
order by name, id
