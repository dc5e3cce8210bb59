-- Stores energy and rank, and with an id for it a line of history; by users_pkey.
with stored as (
  update users
  set energy = $2, rank = $3, updated_at = $5
  where id = $1
  returning id
)
insert into energy_history (id, user_id, energy, created_at)
select $4::uuid, id, $2, $5
from stored
where $4::uuid is not null
