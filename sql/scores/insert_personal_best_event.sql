-- Notes that a personal best was reached.
insert into personal_best_events (user_id, scenario_id, score_value, weight_lifted, reps, is_bodyweight, created_at)
values ($1, $2, $3, $4, $5, $6, $7)
