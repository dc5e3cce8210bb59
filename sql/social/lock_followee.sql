-- Keeps an active account from being deleted until the edge to it is written; by users_pkey.
select id
from users
where id = $1
  and is_active is not false
for key share
