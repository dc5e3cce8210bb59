-- How many active lifters one follows and is followed by; by social_edges_following_newest, social_edges_pkey and users_pkey.
select count(*) as total
from social_edges as edges
join social_edges as back on back.follower_id = edges.followee_id and back.followee_id = edges.follower_id
join users on users.id = edges.followee_id
where edges.follower_id = $1
  and edges.status = 'active'
  and back.status = 'active'
  and users.is_active is not false
