-- Locks an account until the end of the transaction, and tells whether it is active; by users_pkey.
select is_active is not false as active
from users
where id = $1
for no key update
