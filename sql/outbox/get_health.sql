-- How many events are open (none are counted beyond the bound), how long the oldest due one has waited, how many were given up,
-- which workers were seen lately; by outbox_events_due, outbox_events_done and outbox_workers_pkey.
select
  (
    select count(*)
    from (select 1 from outbox_events where status in ('pending', 'leased') limit 100000) as open
  ) as depth,
  (
    select available_at
    from outbox_events
    where status in ('pending', 'leased')
      and available_at <= $1
    order by available_at, id
    limit 1
  ) as due_since,
  (
    select count(*)
    from (select 1 from outbox_events where status = 'failed' limit 100000) as given_up
  ) as failed,
  array(
    select name
    from outbox_workers
    where seen_at > $2
    order by name
  )::text[] as workers
