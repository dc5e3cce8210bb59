-- A lifter's place on an exercise's board and up to $3 neighbours either way, in the board's order; nothing for who does not
-- stand there. By personal_bests_pkey, ranges of personal_bests_board, and what count_ahead_on_scenario reads of the counts and
-- of one block; where no neighbour has the same value, equals need no counting.
-- 25 is as far as anybody may ask: a constant, so that one plan serves all.
with own as materialized (
  select score_id, user_id, score_value, weight_lifted, reached_at
  from personal_bests
  where user_id = $2
    and scenario_id = $1
    and lifter_active
), near as materialized (
  select 0 as distance, own.* from own
  union all
  select -row_number() over (order by score_value, reached_at desc, score_id desc), above.*
  from (
    select before.*
    from own
    cross join lateral (
      (
        select score_id, user_id, score_value, weight_lifted, reached_at
        from personal_bests
        where scenario_id = $1
          and lifter_active
          and score_value = own.score_value
          and (reached_at, score_id) < (own.reached_at, own.score_id)
        order by reached_at desc, score_id desc
        limit 25
      )
      union all
      (
        select score_id, user_id, score_value, weight_lifted, reached_at
        from personal_bests
        where scenario_id = $1
          and lifter_active
          and score_value > own.score_value
        order by score_value, reached_at desc, score_id desc
        limit 25
      )
    ) as before
    order by score_value, reached_at desc, score_id desc
    limit 25
  ) as above
  union all
  select row_number() over (order by score_value desc, reached_at, score_id), below.*
  from (
    select behind.*
    from own
    cross join lateral (
      (
        select score_id, user_id, score_value, weight_lifted, reached_at
        from personal_bests
        where scenario_id = $1
          and lifter_active
          and score_value = own.score_value
          and (reached_at, score_id) > (own.reached_at, own.score_id)
        order by reached_at, score_id
        limit 25
      )
      union all
      (
        select score_id, user_id, score_value, weight_lifted, reached_at
        from personal_bests
        where scenario_id = $1
          and lifter_active
          and score_value < own.score_value
        order by score_value desc, reached_at, score_id
        limit 25
      )
    ) as behind
    order by score_value desc, reached_at, score_id
    limit 25
  ) as below
), counted as materialized (
  select
    count_ahead_on_scenario($1, own.score_value, own.reached_at, own.score_id) as ahead,
    count_board('scenario:' || $1) as total,
    exists (select from near where distance = -1 and near.score_value = own.score_value) as has_equal_above,
    exists (select from near where distance = 1 and near.score_value = own.score_value) as has_equal_below,
    own.score_value
  from own
), standing as materialized (
  select
    ahead,
    total,
    case
      when has_equal_above then count_ahead_on_scenario($1, score_value, '-infinity', -2147483648)
      else ahead
    end as better,
    case
      when has_equal_below then total - count_ahead_on_scenario($1, score_value, 'infinity', 2147483647)
      else total - ahead - 1
    end as worse
  from counted
)
select
  standing.ahead + 1 + near.distance as position,
  near.score_id,
  near.user_id,
  near.score_value,
  near.weight_lifted,
  near.reached_at,
  near.distance,
  standing.total,
  standing.better,
  standing.worse
from near
cross join standing
where abs(near.distance) <= $3
order by near.distance
