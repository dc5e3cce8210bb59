-- Forgets some of the sessions that were over before $1, unless a token could still open them anew, which $2 tells; others
-- that do the same meanwhile take other rows. By sessions_over and sessions_pkey.
delete from sessions
where id in (
  select id
  from sessions
  where least(idle_ends_at, ended_at) < $1
    and coalesce(legacy_expires_at < $2, true)
  order by least(idle_ends_at, ended_at)
  limit $3
  for update skip locked
)
