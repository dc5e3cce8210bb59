-- Parts workouts from a routine that goes; by routine_submission_routine.
update routine_submission
set routine_id = null
where routine_id = $1
