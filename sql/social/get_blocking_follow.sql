-- When the follow was that leaves no room for another one: with $3 of them after $2, the oldest of these $3. By
-- ix_rate_limit_events_user_action_time.
select occurred_at
from rate_limit_events
where user_id = $1
  and action = 'follow'
  and occurred_at > $2
order by occurred_at desc
limit 1 offset $3::bigint - 1
