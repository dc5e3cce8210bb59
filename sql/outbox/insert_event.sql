-- Leaves an event for the worker, unless it was told before; by outbox_events_event_key_key.
insert into outbox_events (topic, payload, event_key, aggregate, available_at, created_at, traceparent)
values ($1, $2, $3, $4, $6, $5, $7)
on conflict (event_key) do nothing
