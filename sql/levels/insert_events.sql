-- Writes the awards that were not given before (unique by key, and by source) and adds them to the lifter's total; by
-- uq_xp_events_user_idempotency, uq_xp_events_user_source and user_xp_pkey.
with added as (
  insert into xp_events (id, user_id, amount, reason, idempotency_key, source_type, source_id, created_at)
  select award.id, $1, award.amount, award.reason, award.key, award.source_type, award.source_id, $10
  from unnest($2::uuid[], $3::integer[], $4::text[], $5::text[], $6::text[], $7::text[])
    as award (id, amount, reason, key, source_type, source_id)
  on conflict do nothing
  returning amount
), gain as (
  select sum(amount)::integer as points
  from added
)
insert into user_xp as mine (user_id, total_xp, level, updated_at, last_event_at)
select $1, $8 + points, $9, $10, $10
from gain
where points is not null
on conflict (user_id) do update
set total_xp = mine.total_xp + (select points from gain),
    level = excluded.level,
    updated_at = excluded.updated_at,
    last_event_at = excluded.last_event_at
returning total_xp
