-- For each who asks: a lifter's place on the energy board and up to so many neighbours either way, in the board's order; nothing
-- for who does not stand there. By energy_standings_pkey, ranges of energy_standings_board, what places_ahead_on_energy reads of
-- the counts and of one block, and users_pkey; where no neighbour has the same energy, equals need no counting.
-- 25 is as far as anybody may ask: a constant, so that one plan serves all. One neighbour is looked at in any case, for equals.
select
  place.position,
  place.user_id,
  place.username,
  place.display_name,
  place.energy,
  place.reached_at,
  place.avatar_url,
  place.rank,
  place.distance,
  place.total,
  place.better,
  place.worse,
  asked.asked
from unnest($1::uuid[], $2::int8[]) with ordinality as asked (user_id, around, asked)
cross join lateral (
  with own as materialized (
    select user_id, energy, reached_at
    from energy_standings
    where user_id = asked.user_id
      and lifter_active
  ), near as materialized (
    select 0 as distance, own.* from own
    union all
    select -row_number() over (order by energy, reached_at desc, user_id desc), above.*
    from (
      select before.*
      from own
      cross join lateral (
        (
          select user_id, energy, reached_at
          from (
            select user_id, energy, reached_at
            from energy_standings
            where lifter_active
              and energy = own.energy
              and (reached_at, user_id) < (own.reached_at, own.user_id)
            order by reached_at desc, user_id desc
            limit 25
          ) as equal
          limit greatest(asked.around, 1)
        )
        union all
        (
          select user_id, energy, reached_at
          from (
            select user_id, energy, reached_at
            from energy_standings
            where lifter_active
              and energy > own.energy
            order by energy, reached_at desc, user_id desc
            limit 25
          ) as unequal
          limit greatest(asked.around, 1)
        )
      ) as before
      order by energy, reached_at desc, user_id desc
      limit greatest(asked.around, 1)
    ) as above
    union all
    select row_number() over (order by energy desc, reached_at, user_id), below.*
    from (
      select behind.*
      from own
      cross join lateral (
        (
          select user_id, energy, reached_at
          from (
            select user_id, energy, reached_at
            from energy_standings
            where lifter_active
              and energy = own.energy
              and (reached_at, user_id) > (own.reached_at, own.user_id)
            order by reached_at, user_id
            limit 25
          ) as equal
          limit greatest(asked.around, 1)
        )
        union all
        (
          select user_id, energy, reached_at
          from (
            select user_id, energy, reached_at
            from energy_standings
            where lifter_active
              and energy < own.energy
            order by energy desc, reached_at, user_id
            limit 25
          ) as unequal
          limit greatest(asked.around, 1)
        )
      ) as behind
      order by energy desc, reached_at, user_id
      limit greatest(asked.around, 1)
    ) as below
  ), counted as materialized (
    select place.side, counted.ahead
    from own
    cross join lateral (
      values
        (0, own.reached_at, own.user_id),
        (-1, '-infinity', '00000000-0000-0000-0000-000000000000'),
        (1, 'infinity', 'ffffffff-ffff-ffff-ffff-ffffffffffff')
    ) as place (side, reached_at, tie)
    cross join lateral places_ahead_on_energy(own.energy, place.reached_at, place.tie) as counted
    where place.side = 0
      or exists (select from near where near.distance = place.side and near.energy = own.energy)
  ), board as materialized (
    select total from places_on_board('energy')
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
    users.id as user_id,
    users.username,
    users.display_name,
    near.energy,
    near.reached_at,
    users.avatar_url,
    users.rank,
    near.distance,
    standing.total,
    standing.better,
    standing.worse
  from near
  cross join standing
  join users on users.id = near.user_id
  where abs(near.distance) <= asked.around
) as place
order by asked.asked, place.distance
