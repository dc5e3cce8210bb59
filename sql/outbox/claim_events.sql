-- Leases events to a worker, those that are due longest first, and of an aggregate only the oldest that is open; by
-- outbox_events_due, whose range ends at the present, and outbox_events_aggregate_open. Materialized: as a part of the update it
-- could be run once for each row of the table, and lease as many again each time.
with chosen as materialized (
  select id
  from outbox_events as due
  where status in ('pending', 'leased')
    and available_at <= $1
    and topic = any($5)
    and not exists (
      select 1
      from outbox_events as older
      where older.aggregate = due.aggregate
        and older.id < due.id
        and older.status in ('pending', 'leased')
    )
  order by available_at, id
  limit $2
  for update skip locked
)
update outbox_events as event
set
  status = 'leased',
  attempts = event.attempts + 1,
  lease_token = $3,
  leased_until = $4,
  available_at = $4
from chosen
where event.id = chosen.id
returning event.id, event.topic, event.payload, event.attempts, event.created_at, event.traceparent
