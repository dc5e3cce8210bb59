-- Those of these exercises that there are, in no order that matters; by scenarios_pkey.
select id
from scenarios
where id = any($1)
order by id
