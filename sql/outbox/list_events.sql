-- The newest events in this state; by outbox_events_pkey, backwards.
select id, topic, event_key, status, attempts, available_at, created_at, last_error
from outbox_events
where status = $1
order by id desc
limit $2
