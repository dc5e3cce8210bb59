-- Keeps a routine as it is under a code, if it is this lifter's or everybody's and the code is free; by routines_pkey and
-- routine_scenario_association_pkey. The lock lets no deletion come between the reading and the reference to it.
insert into routine_share_snapshots (code, name, image_url, scenarios, created_at, source_routine_id, created_by_user_id)
select
  $1,
  name,
  image_url,
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
  ),
  $4,
  id,
  $3
from routines
where id = $2
  and (user_id = $3 or user_id is null)
for key share of routines
on conflict (code) do nothing
returning code, name, image_url, scenarios::text as scenarios, created_at
