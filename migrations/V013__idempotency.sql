-- expand: what was answered to requests with an Idempotency-Key.
create table idempotency_keys (
  user_id uuid not null,
  key varchar(255) not null,
  fingerprint bytea not null,
  status integer not null,
  body text not null,
  stored_at timestamptz not null,
  constraint idempotency_keys_pkey primary key (user_id, key),
  constraint idempotency_keys_user_id_fkey foreign key (user_id) references users (id) on delete cascade
);
comment on table idempotency_keys is
  'One row per lifter and key, written in the transaction of what was done: a hash of the request, and its answer.';

create index idempotency_keys_stored_at on idempotency_keys (stored_at);
