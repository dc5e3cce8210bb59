-- Forgets up to $2 events that came by $1, but for those that somebody else forgets; by webhook_events_received.
delete from webhook_events
where (provider, event_id) in (
  select provider, event_id
  from webhook_events
  where received_at <= $1
  order by received_at
  limit $2
  for update skip locked
)
