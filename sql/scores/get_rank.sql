-- For each who asks: a lifter's place on an exercise's board and up to so many neighbours either way, in the board's order;
-- nothing for who does not stand there. By personal_bests_pkey, ranges of personal_bests_board, and what places_ahead_on_scenario
-- reads of the counts and of one block; where no neighbour has the same value, equals need no counting.
-- 25 is as far as anybody may ask: a constant, so that one plan serves all. One neighbour is looked at in any case, for equals.
select
  place.position,
  place.score_id,
  place.user_id,
  place.score_value,
  place.weight_lifted,
  place.reached_at,
  place.distance,
  place.total,
  place.better,
  place.worse,
  asked.asked
from unnest($1::text[], $2::uuid[], $3::int8[]) with ordinality as asked (scenario_id, user_id, around, asked)
cross join lateral (
  with own as materialized (
    select score_id, user_id, score_value, weight_lifted, reached_at
    from personal_bests
    where user_id = asked.user_id
      and scenario_id = asked.scenario_id
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
          from (
            select score_id, user_id, score_value, weight_lifted, reached_at
            from personal_bests
            where scenario_id = asked.scenario_id
              and lifter_active
              and score_value = own.score_value
              and (reached_at, score_id) < (own.reached_at, own.score_id)
            order by reached_at desc, score_id desc
            limit 25
          ) as equal
          limit greatest(asked.around, 1)
        )
        union all
        (
          select score_id, user_id, score_value, weight_lifted, reached_at
          from (
            select score_id, user_id, score_value, weight_lifted, reached_at
            from personal_bests
            where scenario_id = asked.scenario_id
              and lifter_active
              and score_value > own.score_value
            order by score_value, reached_at desc, score_id desc
            limit 25
          ) as unequal
          limit greatest(asked.around, 1)
        )
      ) as before
      order by score_value, reached_at desc, score_id desc
      limit greatest(asked.around, 1)
    ) as above
    union all
    select row_number() over (order by score_value desc, reached_at, score_id), below.*
    from (
      select behind.*
      from own
      cross join lateral (
        (
          select score_id, user_id, score_value, weight_lifted, reached_at
          from (
            select score_id, user_id, score_value, weight_lifted, reached_at
            from personal_bests
            where scenario_id = asked.scenario_id
              and lifter_active
              and score_value = own.score_value
              and (reached_at, score_id) > (own.reached_at, own.score_id)
            order by reached_at, score_id
            limit 25
          ) as equal
          limit greatest(asked.around, 1)
        )
        union all
        (
          select score_id, user_id, score_value, weight_lifted, reached_at
          from (
            select score_id, user_id, score_value, weight_lifted, reached_at
            from personal_bests
            where scenario_id = asked.scenario_id
              and lifter_active
              and score_value < own.score_value
            order by score_value desc, reached_at, score_id
            limit 25
          ) as unequal
          limit greatest(asked.around, 1)
        )
      ) as behind
      order by score_value desc, reached_at, score_id
      limit greatest(asked.around, 1)
    ) as below
  ), counted as materialized (
    select place.side, counted.ahead
    from own
    cross join lateral (
      values
        (0, own.reached_at, own.score_id),
        (-1, '-infinity', -2147483648),
        (1, 'infinity', 2147483647)
    ) as place (side, reached_at, tie)
    cross join lateral places_ahead_on_scenario(asked.scenario_id, own.score_value, place.reached_at, place.tie) as counted
    where place.side = 0
      or exists (select from near where near.distance = place.side and near.score_value = own.score_value)
  ), board as materialized (
    select total from places_on_board('scenario:' || asked.scenario_id)
  ), standing as materialized (
    select
      own.ahead,
      board.total,
      coalesce((select ahead from counted where side = -1), own.ahead) as better,
      board.total - coalesce((select ahead from counted where side = 1), own.ahead + 1) as worse
    from counted as own
    cross join board
    where own.side = 0
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
  where abs(near.distance) <= asked.around
) as place
order by asked.asked, place.distance
