-- A page of the active lifters whom one follows and who follow back, whom one followed last first; a range of
-- social_edges_following_newest, social_edges_pkey and users_pkey.
select edges.followee_id as id
from social_edges as edges
join social_edges as back on back.follower_id = edges.followee_id and back.followee_id = edges.follower_id
join users on users.id = edges.followee_id
where edges.follower_id = $1
  and edges.status = 'active'
  and back.status = 'active'
  and users.is_active is not false
order by edges.created_at desc, edges.followee_id
limit $2 offset $3
