-- Writes the awards that were not given before (unique by key, and by source) and adds them to the totals of their lifters;
-- answers the new totals of those who gained. By uq_xp_events_user_idempotency, uq_xp_events_user_source and user_xp_pkey.
with added as (
  insert into xp_events (id, user_id, amount, reason, idempotency_key, source_type, source_id, created_at)
  select award.id, award.user_id, award.amount, award.reason, award.key, award.source_type, award.source_id, $11
  from unnest($4::uuid[], $5::uuid[], $6::integer[], $7::text[], $8::text[], $9::text[], $10::text[])
    as award (id, user_id, amount, reason, key, source_type, source_id)
  on conflict do nothing
  returning user_id, amount
), gain as (
  select user_id, sum(amount)::integer as points
  from added
  group by user_id
)
insert into user_xp as mine (user_id, total_xp, level, updated_at, last_event_at)
select lifter.id, lifter.total_before + gain.points, lifter.level, $11, $11
from unnest($1::uuid[], $2::integer[], $3::integer[]) as lifter (id, total_before, level)
join gain on gain.user_id = lifter.id
on conflict (user_id) do update
set total_xp = mine.total_xp + (select points from gain where gain.user_id = excluded.user_id),
    level = excluded.level,
    updated_at = excluded.updated_at,
    last_event_at = excluded.last_event_at
returning user_id, total_xp
