-- A lifter's best score on an exercise; by personal_bests_pkey and scores_pkey.
select
  scores.id,
  scores.user_id,
  scores.scenario_id,
  scores.weight_lifted,
  scores.score_value,
  coalesce(scores.is_bodyweight, false) as is_bodyweight,
  scores.created_at,
  scores.sets,
  scores.reps
from personal_bests as best
join scores on scores.id = best.score_id
where best.user_id = $1
  and best.scenario_id = $2
