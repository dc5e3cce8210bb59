-- The account, active or not; by users_pkey.
select id
from users
where id = $1
