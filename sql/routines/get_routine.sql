-- One routine, if it is this lifter's or everybody's; by routines_pkey and routine_scenario_association_pkey.
select
  id,
  name,
  image_url,
  user_id,
  created_at,
  (
    select coalesce(
      json_agg(
        json_build_object('scenario_id', planned.scenario_id, 'name', scenarios.name, 'sets', planned.sets, 'reps', planned.reps)
        order by planned.position nulls last, planned.scenario_id
      ),
      '[]'
    )
    from routine_scenario_association as planned
    join scenarios on scenarios.id = planned.scenario_id
    where planned.routine_id = routines.id
  )::text as scenarios
from routines
where id = $1
  and (user_id = $2 or user_id is null)
