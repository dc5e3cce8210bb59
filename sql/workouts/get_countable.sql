-- A workout that quests count, if it is still there; by routine_submission_pkey.
select user_id, duration, completion_timestamp
from routine_submission
where id = $1
  and counts_for_quests is not false
