-- Shows a routine again; by uq_hidden_user_routine.
delete from hidden_routines
where user_id = $1
  and routine_id = $2
