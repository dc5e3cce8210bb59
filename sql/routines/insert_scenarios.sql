-- Gives a routine its exercises, in this order.
insert into routine_scenario_association (routine_id, scenario_id, sets, reps, position)
select $1, scenario_id, sets, reps, position
from unnest($2::varchar[], $3::integer[], $4::integer[]) with ordinality as planned (scenario_id, sets, reps, position)
