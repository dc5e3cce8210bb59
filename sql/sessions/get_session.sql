-- A live session of an active account; by sessions_pkey and users_pkey.
select sessions.id, sessions.user_id, sessions.counter, sessions.last_refreshed_at, sessions.idle_ends_at
from sessions
join users on users.id = sessions.user_id
where sessions.id = $1
  and sessions.ended_at is null
  and sessions.idle_ends_at > $2
  and users.is_active is not false
