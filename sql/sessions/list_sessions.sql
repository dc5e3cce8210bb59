-- A lifter's live sessions, the last refreshed first; by sessions_user.
select id, created_at, last_refreshed_at, user_agent, address
from sessions
where user_id = $1
  and ended_at is null
  and idle_ends_at > $2
order by last_refreshed_at desc, id
