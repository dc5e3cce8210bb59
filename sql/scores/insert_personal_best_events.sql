-- Notes that personal bests were reached.
insert into personal_best_events (user_id, scenario_id, score_value, weight_lifted, reps, is_bodyweight, created_at)
select best.user_id, best.scenario_id, best.score_value, best.weight_lifted, best.reps, best.is_bodyweight, $7
from unnest($1::uuid[], $2::text[], $3::float8[], $4::float8[], $5::integer[], $6::boolean[])
  as best (user_id, scenario_id, score_value, weight_lifted, reps, is_bodyweight)
