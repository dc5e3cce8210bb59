-- Counts a live session of an active account on from $2 and answers it; nothing if it stands elsewhere. By sessions_pkey and
-- users_pkey.
update sessions
set
  counter = counter + 1,
  last_refreshed_at = $3,
  idle_ends_at = least($4, absolute_ends_at),
  user_agent = $5,
  address = $6
where id = $1
  and counter = $2
  and ended_at is null
  and idle_ends_at > $3
  and exists (select 1 from users where users.id = sessions.user_id and users.is_active is not false)
returning id, user_id, counter, last_refreshed_at, idle_ends_at
