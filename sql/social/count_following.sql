-- How many active lifters one follows; by social_edges_following_newest and users_pkey.
select count(*) as total
from social_edges as edges
join users on users.id = edges.followee_id
where edges.follower_id = $1
  and edges.status = 'active'
  and users.is_active is not false
