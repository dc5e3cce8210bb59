-- A lifter's scores on an exercise, newest first, but for values that are no numbers; by scores_user_scenario_best.
select
  id,
  user_id,
  scenario_id,
  weight_lifted,
  score_value,
  coalesce(is_bodyweight, false) as is_bodyweight,
  created_at,
  sets,
  reps
from scores
where user_id = $1
  and scenario_id = $2
  and score_value > '-Infinity' and score_value < 'Infinity'
order by created_at desc, id desc
