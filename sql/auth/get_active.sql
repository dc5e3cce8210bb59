-- The account if it is there and active; by users_pkey.
select id
from users
where id = $1
  and is_active is not false
