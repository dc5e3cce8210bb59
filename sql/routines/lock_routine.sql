-- Locks a routine until the end of the transaction, also against workouts that would refer to it, and tells whose it is; by
-- routines_pkey.
select user_id
from routines
where id = $1
for update
