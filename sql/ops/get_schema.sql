-- The newest migration that was applied, and when; by refinery_schema_history_pkey, backwards.
select version, applied_on
from refinery_schema_history
order by version desc
limit 1
