-- Opens a session of an account that is active, still has the password hash $2 (if one is given) and has ended no tokens
-- since $3 (if it is given); nothing if it has, or if there is a session with this id. The account's lock keeps a change of
-- the password either before or after. Of the live ones more than $11 are ended, those that rested longest. By users_pkey
-- and sessions_user.
with account as (
  select id
  from users
  where id = $1
    and is_active is not false
    and ($2::text is null or hashed_password = $2)
    and ($3::timestamptz is null or sessions_ended_at is null or sessions_ended_at < $3)
  for no key update
), opened as (
  insert into sessions (
    id, user_id, counter, created_at, last_refreshed_at, idle_ends_at, absolute_ends_at, user_agent, address, legacy_expires_at
  )
  select $4, account.id, ($10::timestamptz is not null)::integer, $5, $5, $6, $7, $8, $9, $10
  from account
  on conflict (id) do nothing
  returning id, user_id, counter, last_refreshed_at, idle_ends_at
), crowded_out as (
  update sessions
  set
    ended_at = $5,
    end_reason = 'crowded_out'
  where id in (
      select id
      from sessions
      where user_id = (select user_id from opened)
        and ended_at is null
        and idle_ends_at > $5
      order by last_refreshed_at desc, id
      offset $11::bigint - 1
    )
    and ended_at is null
)
select id, user_id, counter, last_refreshed_at, idle_ends_at
from opened
