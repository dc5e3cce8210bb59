-- The page of the energy board behind a place, whether or not somebody still stands there; two ranges of
-- energy_standings_board, what places_ahead_on_energy reads of the counts and of one block, then the page's users by users_pkey.
-- Old rows can have infinite times, which callers know as the calendar's ends.
-- 100 is as long as a page may be: a constant, so that one plan serves all.
with moment as materialized (
  select
    case
      when $2 >= timestamptz '9999-12-31 23:59:59+00' then 'infinity'
      when $2 <= timestamptz '0001-01-01 00:00:00+00' then '-infinity'
      else $2
    end as reached_at
), first as materialized (
  select place.ahead + (
    select count(*)
    from energy_standings
    where lifter_active
      and energy = $1
      and reached_at = moment.reached_at
      and user_id = $3
  ) as ahead
  from moment
  cross join lateral places_ahead_on_energy($1, moment.reached_at, $3) as place
), page as (
  select user_id, energy, reached_at
  from (
    (
      select user_id, energy, reached_at
      from energy_standings
      where lifter_active
        and energy = $1
        and (reached_at, user_id) > ((select reached_at from moment), $3)
      order by reached_at, user_id
      limit 100
    )
    union all
    (
      select user_id, energy, reached_at
      from energy_standings
      where lifter_active
        and energy < $1
      order by energy desc, reached_at, user_id
      limit 100
    )
  ) as behind
  order by energy desc, reached_at, user_id
  limit $4
), placed as (
  select
    first.ahead + row_number() over (order by energy desc, reached_at, user_id) as position,
    user_id,
    energy,
    reached_at
  from page
  cross join first
)
select
  placed.position,
  users.id as user_id,
  users.username,
  users.display_name,
  placed.energy,
  placed.reached_at,
  users.avatar_url,
  users.rank
from placed
join users on users.id = placed.user_id
order by placed.position
