-- Gives a lifter the quests of these cycles, unless they have them; by uq_user_quests_cycle.
insert into user_quests (
  id, user_id, template_id, status, progress_value, required_value, cycle_start, cycle_end, available_from, expires_at,
  created_at, updated_at
)
select gen_random_uuid(), $1, template_id, 'active', 0, required, cycle_start, cycle_end, cycle_start, cycle_end, $6, $6
from unnest($2::uuid[], $3::integer[], $4::timestamptz[], $5::timestamptz[])
  as new (template_id, required, cycle_start, cycle_end)
on conflict (user_id, template_id, cycle_start) do nothing
