-- These lifters, in the order of their ids, and how they and the caller follow each other; by users_pkey and social_edges_pkey.
select
  users.id,
  users.username,
  users.display_name,
  users.avatar_url,
  exists (
    select 1
    from social_edges as edges
    where edges.follower_id = $1 and edges.followee_id = users.id and edges.status = 'active'
  ) as is_following,
  exists (
    select 1
    from social_edges as edges
    where edges.follower_id = users.id and edges.followee_id = $1 and edges.status = 'active'
  ) as is_followed_by
from users
where users.id = any($2)
order by array_position($2, users.id)
