-- Makes a lifter follow another one; changes nothing if they do already. By social_edges_pkey.
insert into social_edges as edges (follower_id, followee_id, status, created_at)
values ($1, $2, 'active', $3)
on conflict (follower_id, followee_id) do update
  set status = excluded.status, created_at = excluded.created_at
  where edges.status <> 'active'
