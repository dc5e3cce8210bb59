-- expand: what all instances count together.
-- Unlogged: after a crash everybody begins anew, which costs less than writing every login to the log.
create unlogged table rate_limit_windows (
  key bytea not null,
  hits timestamptz[] not null,
  was_taken boolean not null,
  over_at timestamptz not null,
  constraint rate_limit_windows_pkey primary key (key)
) with (fillfactor = 70);
comment on table rate_limit_windows is
  'One row per budget and account, address or session, whose hash is the key: the times of the requests that were let through.';

create index rate_limit_windows_over_at on rate_limit_windows (over_at);
