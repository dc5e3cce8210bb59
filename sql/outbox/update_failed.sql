-- Puts an event off until $3, or gives it up if that is null, under its lease; by outbox_events_pkey.
update outbox_events
set
  status = case when $3::timestamptz is null then 'failed' else 'pending' end,
  available_at = coalesce($3, available_at),
  processed_at = case when $3 is null then $4::timestamptz end,
  last_error = $5,
  lease_token = null,
  leased_until = null
where id = $1
  and lease_token = $2
