-- Adds the exercises whose id and name are both free, with their muscles, equipment and calibration; one JSON array of
-- objects each. What is there stays as it is; by the primary keys and ix_scenarios_name.
with new_muscles as (
  insert into muscles (id, name)
  select id, name
  from jsonb_to_recordset($2::jsonb) as muscle (id text, name text)
  on conflict do nothing
), new_equipment as (
  insert into equipment (id, name)
  select id, name
  from jsonb_to_recordset($3::jsonb) as item (id text, name text)
  on conflict do nothing
), given as (
  select id, name, description, is_bodyweight, multiplier, volume_multiplier, primary_muscles, secondary_muscles, equipment
  from jsonb_to_recordset($1::jsonb) as exercise (
    id text, name text, description text, is_bodyweight boolean, multiplier float8, volume_multiplier float8,
    primary_muscles text[], secondary_muscles text[], equipment text[]
  )
), added as (
  insert into scenarios (id, name, description, is_bodyweight, multiplier, volume_multiplier)
  select id, name, description, is_bodyweight, multiplier, volume_multiplier
  from given
  where not exists (select 1 from scenarios where scenarios.id = given.id or scenarios.name = given.name)
  on conflict do nothing
  returning id
), new_primary as (
  insert into scenario_primary_muscle_association (scenario_id, muscle_id)
  select given.id, unnest(given.primary_muscles)
  from given
  join added on added.id = given.id
), new_secondary as (
  insert into scenario_secondary_muscle_association (scenario_id, muscle_id)
  select given.id, unnest(given.secondary_muscles)
  from given
  join added on added.id = given.id
), new_items as (
  insert into scenario_equipment_association (scenario_id, equipment_id)
  select given.id, unnest(given.equipment)
  from given
  join added on added.id = given.id
)
insert into bodyweight_calibrations (
  scenario_id, beginner_50, elite_50, beginner_140, elite_140, intermediate_95
)
select scenario_id, beginner_50, elite_50, beginner_140, elite_140, intermediate_95
from jsonb_to_recordset($4::jsonb) as calibration (
  scenario_id text, beginner_50 integer, elite_50 integer, beginner_140 integer, elite_140 integer, intermediate_95 integer
)
join added on added.id = calibration.scenario_id
