-- Prolongs a lease that is still held; by outbox_events_pkey.
update outbox_events
set
  leased_until = $3,
  available_at = $3
where id = $1
  and lease_token = $2
