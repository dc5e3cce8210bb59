-- A page of a lifter's workouts that ended before $3, a row for each exercise and one for a workout without any, newest first; by
-- routine_submission_user and routine_scenario_submission_routine. Workouts that ended at one instant are not parted by a page's
-- end, unless they are a thousand.
select
  workout.id,
  workout.routine_id,
  workout.user_id,
  workout.duration,
  workout.completion_timestamp,
  workout.status,
  workout.title,
  done.scenario_id as scenario_id,
  done.sets,
  done.reps,
  done.weight,
  done.total_volume
from (
  select id, routine_id, user_id, duration, completion_timestamp, status, title
  from (
    select id, routine_id, user_id, duration, completion_timestamp, status, title
    from routine_submission
    where user_id = $1
      and completion_timestamp < coalesce($3, timestamptz 'infinity')
    order by completion_timestamp desc
    fetch first ($2) rows with ties
  ) as tied
  order by completion_timestamp desc, id
  limit $2 + 1000
) as workout
left join routine_scenario_submission as done on done.routine_id = workout.id
order by workout.completion_timestamp desc, workout.id, done.position nulls last, done.id
