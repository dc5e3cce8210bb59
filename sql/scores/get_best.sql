-- A lifter's best score on an exercise; by personal_bests_pkey and scores_pkey.
select best.score_value, best.weight_lifted, scores.reps, scores.sets
from personal_bests as best
join scores on scores.id = best.score_id
where best.user_id = $1
  and best.scenario_id = $2
