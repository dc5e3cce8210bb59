-- A page of the active lifters who follow one, newest first; a range of social_edges_followers_newest, and users_pkey.
select edges.follower_id as id
from social_edges as edges
join users on users.id = edges.follower_id
where edges.followee_id = $1
  and edges.status = 'active'
  and users.is_active is not false
order by edges.created_at desc, edges.follower_id
limit $2 offset $3
