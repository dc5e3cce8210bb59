-- How many follows a lifter made after $2, counted up to $3, and when the first of these was. By
-- ix_rate_limit_events_user_action_time.
select count(*) as used, min(occurred_at) as first
from (
  select occurred_at
  from rate_limit_events
  where user_id = $1
    and action = 'follow'
    and occurred_at > $2
  order by occurred_at desc
  limit $3
) as latest
