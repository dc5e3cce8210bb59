-- A page of the active lifters whom one follows, newest first; a range of social_edges_following_newest, and users_pkey.
select edges.followee_id as id
from social_edges as edges
join users on users.id = edges.followee_id
where edges.follower_id = $1
  and edges.status = 'active'
  and users.is_active is not false
order by edges.created_at desc, edges.followee_id
limit $2 offset $3
