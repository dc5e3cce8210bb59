-- What a lifter's energy depends on, and what is stored of it; by users_pkey and three look-ups in personal_bests_pkey.
select
  weight,
  gender,
  preferred_unit,
  energy,
  rank,
  coalesce((select score_value from personal_bests where user_id = users.id and scenario_id = 'back_squat'), 0) as squat,
  coalesce((select score_value from personal_bests where user_id = users.id and scenario_id = 'barbell_bench_press'), 0) as bench,
  coalesce((select score_value from personal_bests where user_id = users.id and scenario_id = 'deadlift'), 0) as deadlift
from users
where id = $1
