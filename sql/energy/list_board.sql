-- A page of the active lifters, highest energy first, who reached it first before the others; a range of
-- energy_standings_board, then the page's users by users_pkey. 10,100 is as far as a page reaches: a constant, so that one plan
-- serves all.
select
  page.position,
  users.id as user_id,
  users.username,
  users.display_name,
  page.energy,
  page.reached_at,
  users.avatar_url,
  users.rank
from (
  select position, user_id, energy, reached_at
  from (
    select row_number() over (order by energy desc, reached_at, user_id) as position, user_id, energy, reached_at
    from energy_standings
    where lifter_active
    order by energy desc, reached_at, user_id
    limit 10100
  ) as reached
  order by energy desc, reached_at, user_id
  limit $1 offset $2
) as page
join users on users.id = page.user_id
order by page.position
