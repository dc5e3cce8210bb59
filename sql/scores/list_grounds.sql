-- All that recording lifts depends on, in one statement because a lift is what callers do most: the exercise, the lifter and
-- what is stored of their energy, their best so far, their points (the sum of their events where an old row has no total), and
-- the id of the score that will be written, so that its awards can name it in the same round trip. `asked` counts the lifts from
-- 1; there is no row for one whose exercise is not there. By primary keys, but for that sum; each of the limits keeps a small
-- table from being read as a whole.
select
  nextval('scores_id_seq')::integer as score_id,
  scenario.is_bodyweight,
  scenario.volume_multiplier,
  best.score_value as best_value,
  best.weight_lifted as best_weight,
  best.reps as best_reps,
  best.sets as best_sets,
  users.weight,
  users.gender,
  users.preferred_unit,
  users.energy,
  users.rank,
  coalesce(
    (select score_value from personal_bests where user_id = users.id and scenario_id = 'back_squat'), 0
  ) as squat,
  coalesce(
    (select score_value from personal_bests where user_id = users.id and scenario_id = 'barbell_bench_press'), 0
  ) as bench,
  coalesce(
    (select score_value from personal_bests where user_id = users.id and scenario_id = 'deadlift'), 0
  ) as deadlift,
  least(
    coalesce(
      (select total_xp from user_xp where user_id = users.id),
      (select sum(amount) from xp_events where user_id = users.id),
      0
    ),
    2147483647
  )::integer as total_xp,
  lift.asked
from unnest($1::uuid[], $2::text[]) with ordinality as lift (user_id, scenario_id, asked)
join users on users.id = lift.user_id
cross join lateral (
  select is_bodyweight, volume_multiplier
  from scenarios
  where scenarios.id = lift.scenario_id
  limit 1
) as scenario
left join lateral (
  select personal_bests.score_value, personal_bests.weight_lifted, scores.reps, scores.sets
  from personal_bests
  left join scores on scores.id = personal_bests.score_id
  where personal_bests.user_id = lift.user_id and personal_bests.scenario_id = lift.scenario_id
  limit 1
) as best on true
