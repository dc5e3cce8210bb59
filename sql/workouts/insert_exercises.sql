-- Gives a workout its exercises, in this order.
insert into routine_scenario_submission (id, routine_id, scenario_id, sets, reps, weight, total_volume, position)
select gen_random_uuid(), $1, scenario_id, sets, reps, weight, total_volume, position
from unnest($2::varchar[], $3::integer[], $4::integer[], $5::float8[], $6::float8[]) with ordinality
  as done (scenario_id, sets, reps, weight, total_volume, position)
