-- Opens given-up events again, those of these ids or, without ids, all; by outbox_events_done.
update outbox_events
set
  status = 'pending',
  attempts = 0,
  available_at = $2,
  processed_at = null
where status = 'failed'
  and ($1::bigint[] is null or id = any($1))
