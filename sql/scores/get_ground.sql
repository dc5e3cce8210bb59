-- All that recording a lift depends on, in one statement because a lift is what callers do most: the exercise, the lifter and
-- what is stored of their energy, their best so far, their points (the sum of their events where an old row has no total), and
-- the id of the score that will be written, so that its awards can name it in the same round trip. By primary keys alone;
-- nothing where there is no such exercise.
select
  nextval('scores_id_seq')::integer as score_id,
  scenarios.is_bodyweight,
  scenarios.volume_multiplier,
  best.score_value as best_value,
  best.weight_lifted as best_weight,
  best_score.reps as best_reps,
  best_score.sets as best_sets,
  users.weight,
  users.gender,
  users.preferred_unit,
  users.energy,
  users.rank,
  coalesce((select score_value from personal_bests where user_id = $1 and scenario_id = 'back_squat'), 0) as squat,
  coalesce((select score_value from personal_bests where user_id = $1 and scenario_id = 'barbell_bench_press'), 0) as bench,
  coalesce((select score_value from personal_bests where user_id = $1 and scenario_id = 'deadlift'), 0) as deadlift,
  least(
    coalesce(
      (select total_xp from user_xp where user_id = $1),
      (select sum(amount) from xp_events where user_id = $1),
      0
    ),
    2147483647
  )::integer as total_xp
from users
join scenarios on scenarios.id = $2
left join personal_bests as best on best.user_id = users.id and best.scenario_id = scenarios.id
left join scores as best_score on best_score.id = best.score_id
where users.id = $1
