-- Stores energies and ranks, and for those with an id for it a line of history; by users_pkey.
with stored as (
  update users
  set energy = standing.energy, rank = standing.rank, updated_at = $5
  from unnest($1::uuid[], $2::float8[], $3::text[], $4::uuid[]) as standing (user_id, energy, rank, history_id)
  where users.id = standing.user_id
  returning standing.history_id, standing.user_id, standing.energy
)
insert into energy_history (id, user_id, energy, created_at)
select history_id, user_id, energy, $5
from stored
where history_id is not null
