-- Notes that a provider's event has come, unless it came before; by webhook_events_pkey.
insert into webhook_events (provider, event_id, kind, happened_at, received_at)
values ($1, $2, $3, $4, $5)
on conflict (provider, event_id) do nothing
