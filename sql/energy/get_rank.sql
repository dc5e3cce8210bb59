-- A lifter's place on the energy board and up to $2 neighbours either way, in the board's order; nothing for who does not stand
-- there. By energy_standings_pkey, ranges of energy_standings_board, what count_ahead_on_energy reads of the counts and of one
-- block, and users_pkey; where no neighbour has the same energy, equals need no counting.
-- 25 is as far as anybody may ask: a constant, so that one plan serves all.
with own as materialized (
  select user_id, energy, reached_at
  from energy_standings
  where user_id = $1
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
        from energy_standings
        where lifter_active
          and energy = own.energy
          and (reached_at, user_id) < (own.reached_at, own.user_id)
        order by reached_at desc, user_id desc
        limit 25
      )
      union all
      (
        select user_id, energy, reached_at
        from energy_standings
        where lifter_active
          and energy > own.energy
        order by energy, reached_at desc, user_id desc
        limit 25
      )
    ) as before
    order by energy, reached_at desc, user_id desc
    limit 25
  ) as above
  union all
  select row_number() over (order by energy desc, reached_at, user_id), below.*
  from (
    select behind.*
    from own
    cross join lateral (
      (
        select user_id, energy, reached_at
        from energy_standings
        where lifter_active
          and energy = own.energy
          and (reached_at, user_id) > (own.reached_at, own.user_id)
        order by reached_at, user_id
        limit 25
      )
      union all
      (
        select user_id, energy, reached_at
        from energy_standings
        where lifter_active
          and energy < own.energy
        order by energy desc, reached_at, user_id
        limit 25
      )
    ) as behind
    order by energy desc, reached_at, user_id
    limit 25
  ) as below
), counted as materialized (
  select
    count_ahead_on_energy(own.energy, own.reached_at, own.user_id) as ahead,
    count_board('energy') as total,
    exists (select from near where distance = -1 and near.energy = own.energy) as has_equal_above,
    exists (select from near where distance = 1 and near.energy = own.energy) as has_equal_below,
    own.energy
  from own
), standing as materialized (
  select
    ahead,
    total,
    case
      when has_equal_above then count_ahead_on_energy(energy, '-infinity', '00000000-0000-0000-0000-000000000000')
      else ahead
    end as better,
    case
      when has_equal_below then total - count_ahead_on_energy(energy, 'infinity', 'ffffffff-ffff-ffff-ffff-ffffffffffff')
      else total - ahead - 1
    end as worse
  from counted
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
where abs(near.distance) <= $2
order by near.distance
