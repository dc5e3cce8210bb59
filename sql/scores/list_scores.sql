-- A page of a lifter's scores on an exercise, newest first, but for values that are no numbers: those behind the score $4, if one
-- is named; by scores_user_scenario_newest and scores_pkey.
select
  id,
  user_id,
  scenario_id,
  weight_lifted,
  score_value,
  coalesce(is_bodyweight, false) as is_bodyweight,
  created_at,
  sets,
  reps
from scores
where user_id = $1
  and scenario_id = $2
  and score_value > '-Infinity' and score_value < 'Infinity'
  and (created_at, id) < (
    coalesce(
      (select before.created_at from scores as before where before.id = $4 and before.user_id = $1 and before.scenario_id = $2),
      case when $4::integer is null then timestamptz 'infinity' else '-infinity' end
    ),
    coalesce($4, 2147483647)
  )
order by created_at desc, id desc
limit $3
