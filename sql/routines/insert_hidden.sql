-- Hides a routine from a lifter who can see it; by routines_pkey. The lock lets no deletion come between.
insert into hidden_routines (user_id, routine_id)
select $1, id
from routines
where id = $2
  and (user_id = $1 or user_id is null)
for key share of routines
on conflict do nothing
