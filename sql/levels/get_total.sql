-- The points a lifter has: their total, or the sum of their events where an old row has none; by user_xp_pkey.
select least(
  coalesce(
    (select total_xp from user_xp where user_id = $1),
    (select sum(amount) from xp_events where user_id = $1),
    0
  ),
  2147483647
)::integer as total_xp
