-- What a lifter may plan by, newest first: own and global routines, but the hidden ones and those that were made to be shared
-- only; by routines_user, hidden_routines' uq_hidden_user_routine and routine_scenario_association_pkey.
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
where (user_id = $1 or user_id is null)
  and not is_share_template
  and not exists (
    select 1 from hidden_routines as hidden where hidden.user_id = $1 and hidden.routine_id = routines.id
  )
order by created_at desc, id desc
