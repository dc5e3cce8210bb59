-- A page of an exercise's board among a lifter and those they follow, $5 at most, whom they followed last; each with the position
-- overall. By social_edges_following_newest and personal_bests_pkey, and what places_ahead_on_scenario reads for each row.
with people as (
  select $2::uuid as user_id
  union
  (
    select followee_id
    from social_edges
    where follower_id = $2
      and status = 'active'
    order by created_at desc, followee_id
    limit $5
  )
), page as (
  select
    row_number() over (order by best.score_value desc, best.reached_at, best.score_id) as position,
    best.score_id,
    best.user_id,
    best.score_value,
    best.weight_lifted,
    best.reached_at
  from people
  join personal_bests as best on best.user_id = people.user_id and best.scenario_id = $1
  where best.lifter_active
  order by position
  limit $3 offset $4
)
select
  page.position,
  page.score_id,
  page.user_id,
  page.score_value,
  page.weight_lifted,
  page.reached_at,
  place.ahead + 1 as overall
from page
cross join lateral places_ahead_on_scenario($1, page.score_value, page.reached_at, page.score_id) as place
order by page.position
