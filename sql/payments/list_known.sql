-- Those of these accounts that there are; by users_pkey.
select id
from users
where id = any($1)
order by id
