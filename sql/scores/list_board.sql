-- A page of an exercise's board: the best of each active lifter, who reached it first before the others; a range of
-- personal_bests_board and nothing else.
select
  row_number() over (order by score_value desc, reached_at, score_id) as position,
  score_id,
  user_id,
  score_value,
  weight_lifted,
  reached_at
from personal_bests
where scenario_id = $1
  and lifter_active
order by score_value desc, reached_at, score_id
limit $2 offset $3
