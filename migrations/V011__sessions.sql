-- expand: sessions, one row for each login, and since when tokens that name none count no more.
-- Users first: changing it needs the strongest lock, which must not be asked for with a weaker one in hand.
alter table users add column sessions_ended_at timestamptz;
comment on column users.sessions_ended_at is
  'Tokens that name no session count only if they were issued after this; null: all of them.';

create table sessions (
  id uuid not null,
  user_id uuid not null,
  counter integer not null,
  created_at timestamptz not null,
  last_refreshed_at timestamptz not null,
  idle_ends_at timestamptz not null,
  absolute_ends_at timestamptz not null,
  user_agent varchar(255),
  address varchar(45),
  ended_at timestamptz,
  end_reason varchar(32),
  legacy_expires_at timestamptz,
  constraint sessions_pkey primary key (id),
  constraint sessions_user_id_fkey foreign key (user_id) references users (id) on delete cascade,
  constraint sessions_end check ((ended_at is null) = (end_reason is null)),
  constraint sessions_idle_first check (idle_ends_at <= absolute_ends_at)
) with (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.05);
comment on table sessions is 'One row for each login. It is over at idle_ends_at, or at ended_at if somebody ended it.';
comment on column sessions.counter is 'How often the refresh token was exchanged; the one that bears this number is the current one.';
comment on column sessions.legacy_expires_at is
  'Of a session that a refresh token of the earlier server was exchanged for: when that token expires. The row stays until then.';

-- A lifter's sessions: the list, ending them all, deleting the account.
create index sessions_user on sessions (user_id);

-- Those that have long been over, to be forgotten.
create index sessions_over on sessions (least(idle_ends_at, ended_at));
