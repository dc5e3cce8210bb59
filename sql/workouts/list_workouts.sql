-- A lifter's newest workouts, a row for each exercise and one for a workout without any, newest first; by
-- routine_submission_user and routine_scenario_submission_routine.
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
  from routine_submission
  where user_id = $1
  order by completion_timestamp desc, id
  limit $2
) as workout
left join routine_scenario_submission as done on done.routine_id = workout.id
order by workout.completion_timestamp desc, workout.id, done.position nulls last, done.id
