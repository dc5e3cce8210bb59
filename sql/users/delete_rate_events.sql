-- Deletes what was noted of a user's actions; by ix_rate_limit_events_user_id.
delete from rate_limit_events
where user_id = $1
