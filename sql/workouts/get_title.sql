-- The title of a workout that was stored before; by routine_submission_fingerprint.
select title
from routine_submission
where user_id = $1
  and fingerprint = $2
