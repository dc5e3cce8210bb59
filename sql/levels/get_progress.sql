-- The points a lifter has and those gained since $4, and whether the account is active and the caller's token counts; by
-- users_pkey, sessions_pkey, user_xp_pkey and a range of xp_events_user_newest.
select
  least(
    coalesce(
      (select total_xp from user_xp where user_id = users.id),
      (select sum(amount) from xp_events where user_id = users.id),
      0
    ),
    2147483647
  )::integer as total_xp,
  coalesce((select sum(amount) from xp_events where user_id = users.id and created_at > $4), 0)::bigint as gained,
  users.is_active is not false
  and case
    when $2::uuid is null then users.sessions_ended_at is null or users.sessions_ended_at < $3
    else exists (
      select 1
      from sessions
      where sessions.id = $2
        and sessions.user_id = users.id
        and sessions.ended_at is null
    )
  end as may_see_own
from users
where id = $1
