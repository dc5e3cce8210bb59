-- Whether an award was given before, by its key or its source; by uq_xp_events_user_idempotency and
-- uq_xp_events_user_source.
select
  exists (select 1 from xp_events where user_id = $1 and idempotency_key = $2)
  or exists (select 1 from xp_events where user_id = $1 and source_type = $3 and source_id = $4) as given
