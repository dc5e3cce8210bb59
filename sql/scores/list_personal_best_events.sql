-- A lifter's personal bests as they were reached, newest first; by personal_best_events_user_newest.
select id, user_id, scenario_id, score_value, weight_lifted, is_bodyweight, created_at, reps
from personal_best_events
where user_id = $1
  and score_value > '-Infinity' and score_value < 'Infinity'
order by created_at desc, id desc
limit $2
