-- A page of the energy board among a lifter and those they follow, $4 at most, whom they followed last; each with the position
-- overall. By social_edges_following_newest, energy_standings_pkey and users_pkey, and what places_ahead_on_energy reads for each
-- row.
with people as (
  select $1::uuid as user_id
  union
  (
    select followee_id
    from social_edges
    where follower_id = $1
      and status = 'active'
    order by created_at desc, followee_id
    limit $4
  )
), page as (
  select
    row_number() over (order by standing.energy desc, standing.reached_at, standing.user_id) as position,
    standing.user_id,
    standing.energy,
    standing.reached_at
  from people
  join energy_standings as standing on standing.user_id = people.user_id
  where standing.lifter_active
  order by position
  limit $2 offset $3
)
select
  page.position,
  users.id as user_id,
  users.username,
  users.display_name,
  page.energy,
  users.avatar_url,
  users.rank,
  place.ahead + 1 as overall
from page
cross join lateral places_ahead_on_energy(page.energy, page.reached_at, page.user_id) as place
join users on users.id = page.user_id
order by page.position
