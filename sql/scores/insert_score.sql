-- Writes a score; the trigger scores_raise_personal_best does the rest.
insert into scores (id, user_id, scenario_id, score_value, weight_lifted, reps, sets, created_at, is_bodyweight)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
