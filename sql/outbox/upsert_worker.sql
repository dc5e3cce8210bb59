-- Notes that a worker lives, and forgets those that were not seen for long; by outbox_workers_pkey.
with gone as (
  delete from outbox_workers
  where seen_at < $3
    and name <> $1
)
insert into outbox_workers (name, seen_at)
values ($1, $2)
on conflict (name) do update
set seen_at = excluded.seen_at
