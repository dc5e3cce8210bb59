-- All about an exercise but its calibration; by scenarios_pkey and the primary keys of the associations.
select
  id,
  name,
  description,
  is_bodyweight,
  multiplier,
  volume_multiplier,
  array(
    select muscles.name
    from scenario_primary_muscle_association as link
    join muscles on muscles.id = link.muscle_id
    where link.scenario_id = scenarios.id
    order by muscles.name
  )::text[] as primary_muscles,
  array(
    select muscles.name
    from scenario_secondary_muscle_association as link
    join muscles on muscles.id = link.muscle_id
    where link.scenario_id = scenarios.id
    order by muscles.name
  )::text[] as secondary_muscles,
  array(
    select equipment.name
    from scenario_equipment_association as link
    join equipment on equipment.id = link.equipment_id
    where link.scenario_id = scenarios.id
    order by equipment.name
  )::text[] as equipment
from scenarios
where id = $1
