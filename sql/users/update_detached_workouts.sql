-- Parts workouts from the routines of a user who goes; by routines_user and routine_submission_routine.
update routine_submission
set routine_id = null
where routine_id in (select id from routines where user_id = $1)
