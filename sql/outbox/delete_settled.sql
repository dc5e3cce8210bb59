-- Deletes some of the events that were done, or given up, long ago; by outbox_events_done.
delete from outbox_events
where id in (
  select id
  from outbox_events
  where (status = 'completed' and processed_at < $1)
    or (status = 'failed' and processed_at < $2)
  limit 1000
)
