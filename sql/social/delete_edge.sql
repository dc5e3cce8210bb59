-- Makes a lifter follow another one no more; by social_edges_pkey.
delete from social_edges
where follower_id = $1
  and followee_id = $2
