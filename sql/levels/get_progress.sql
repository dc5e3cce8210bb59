-- The points a lifter has and those gained since; by users_pkey, user_xp_pkey and a range of xp_events_user_newest.
select
  least(
    coalesce(
      (select total_xp from user_xp where user_id = users.id),
      (select sum(amount) from xp_events where user_id = users.id),
      0
    ),
    2147483647
  )::integer as total_xp,
  coalesce((select sum(amount) from xp_events where user_id = users.id and created_at > $2), 0)::bigint as gained,
  is_active is not false as active
from users
where id = $1
