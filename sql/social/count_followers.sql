-- How many active lifters follow one; by social_edges_followers_newest and users_pkey.
select count(*) as total
from social_edges as edges
join users on users.id = edges.follower_id
where edges.followee_id = $1
  and edges.status = 'active'
  and users.is_active is not false
