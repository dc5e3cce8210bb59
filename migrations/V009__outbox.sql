-- expand: work that is left for the background, written in the transaction that makes it necessary.
create table outbox_events (
  id bigint generated always as identity,
  topic varchar(64) not null,
  payload jsonb not null,
  event_key varchar(255) not null,
  aggregate varchar(128) not null,
  status varchar(16) not null default 'pending',
  attempts integer not null default 0,
  available_at timestamptz not null,
  leased_until timestamptz,
  lease_token uuid,
  last_error varchar(1000),
  traceparent varchar(64),
  created_at timestamptz not null,
  processed_at timestamptz,
  constraint outbox_events_pkey primary key (id),
  constraint outbox_events_event_key_key unique (event_key),
  constraint outbox_events_status_check check (status in ('pending', 'leased', 'completed', 'failed'))
);
comment on table outbox_events is 'What the worker does: at least once, of one aggregate in order.';
comment on column outbox_events.payload is 'Ids and numbers, nothing personal.';
comment on column outbox_events.event_key is 'What happened: it is written once, whoever tells it.';
comment on column outbox_events.aggregate is 'Whose events are handled one after another.';
comment on column outbox_events.available_at is 'Nobody takes an open event before; while it is leased, the end of the lease.';
create index outbox_events_due on outbox_events (available_at, id) where status in ('pending', 'leased');
create index outbox_events_aggregate_open on outbox_events (aggregate, id) where status in ('pending', 'leased');
create index outbox_events_done on outbox_events (status, processed_at) where status in ('completed', 'failed');

-- The workers that live: each writes its name again every few seconds.
create table outbox_workers (
  name varchar(64) not null,
  seen_at timestamptz not null,
  constraint outbox_workers_pkey primary key (name)
);
