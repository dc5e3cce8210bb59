-- Writes scores; the trigger scores_raise_personal_best does the rest.
insert into scores (id, user_id, scenario_id, score_value, weight_lifted, reps, sets, is_bodyweight, created_at)
select score.id, score.user_id, score.scenario_id, score.score_value, score.weight_lifted, score.reps, score.sets,
  score.is_bodyweight, $9
from unnest($1::integer[], $2::uuid[], $3::text[], $4::float8[], $5::float8[], $6::integer[], $7::integer[], $8::boolean[])
  as score (id, user_id, scenario_id, score_value, weight_lifted, reps, sets, is_bodyweight)
