-- Forgets a lifter's follows up to $2, which count no more; by ix_rate_limit_events_user_action_time.
delete from rate_limit_events
where user_id = $1
  and action = 'follow'
  and occurred_at <= $2
