-- The routines that a lifter does not want to see, the newest routine first; by uq_hidden_user_routine and routines_pkey.
select routines.id
from hidden_routines as hidden
join routines on routines.id = hidden.routine_id
where hidden.user_id = $1
order by routines.created_at desc, routines.id desc
