-- Locks a routine until the end of the transaction, also against workouts that would refer to it, and tells whose it is and
-- what it shows; by routines_pkey.
select
  user_id,
  image_url
from routines
where id = $1
for update
