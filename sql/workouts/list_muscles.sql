-- Those of these exercises that there are, each with the first of its primary muscles by name; by scenarios_pkey and the
-- association's primary key.
select
  id,
  (
    select muscles.name
    from scenario_primary_muscle_association as link
    join muscles on muscles.id = link.muscle_id
    where link.scenario_id = scenarios.id
    order by muscles.name
    limit 1
  ) as muscle
from scenarios
where id = any($1)
order by id
