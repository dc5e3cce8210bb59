-- Locks a lifter's row, so that their awards and scores take effect one after another; by users_pkey.
select id
from users
where id = $1
for no key update
