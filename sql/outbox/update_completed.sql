-- Settles an event as done, under its lease; by outbox_events_pkey.
update outbox_events
set
  status = 'completed',
  processed_at = $3,
  lease_token = null,
  leased_until = null,
  last_error = null
where id = $1
  and lease_token = $2
