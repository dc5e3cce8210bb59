-- The page of an exercise's board behind a place, whether or not somebody still stands there; two ranges of
-- personal_bests_board, and what places_ahead_on_scenario reads of the counts and of one block.
-- Old rows can have infinite times, which callers know as the calendar's ends.
-- 100 is as long as a page may be: a constant, so that one plan serves all.
with moment as materialized (
  select
    case
      when $3 >= timestamptz '9999-12-31 23:59:59+00' then 'infinity'
      when $3 <= timestamptz '0001-01-01 00:00:00+00' then '-infinity'
      else $3
    end as reached_at
), first as materialized (
  select place.ahead + (
    select count(*)
    from personal_bests
    where scenario_id = $1
      and lifter_active
      and score_value = $2
      and reached_at = moment.reached_at
      and score_id = $4
  ) as ahead
  from moment
  cross join lateral places_ahead_on_scenario($1, $2, moment.reached_at, $4) as place
), page as (
  select score_id, user_id, score_value, weight_lifted, reached_at
  from (
    (
      select score_id, user_id, score_value, weight_lifted, reached_at
      from personal_bests
      where scenario_id = $1
        and lifter_active
        and score_value = $2
        and (reached_at, score_id) > ((select reached_at from moment), $4)
      order by reached_at, score_id
      limit 100
    )
    union all
    (
      select score_id, user_id, score_value, weight_lifted, reached_at
      from personal_bests
      where scenario_id = $1
        and lifter_active
        and score_value < $2
      order by score_value desc, reached_at, score_id
      limit 100
    )
  ) as behind
  order by score_value desc, reached_at, score_id
  limit $5
)
select
  first.ahead + row_number() over (order by score_value desc, reached_at, score_id) as position,
  score_id,
  user_id,
  score_value,
  weight_lifted,
  reached_at
from page
cross join first
order by score_value desc, reached_at, score_id
