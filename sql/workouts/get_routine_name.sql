-- The name of a routine that a lifter may train by, their own or everybody's; by routines_pkey. The lock lets no deletion come
-- between the reading and the workout that refers to it.
select name
from routines
where id = $1
  and (user_id = $2 or user_id is null)
for key share
