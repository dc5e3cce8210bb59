-- Ends a live session of a lifter; by sessions_pkey.
update sessions
set
  ended_at = $3,
  end_reason = $4
where id = $1
  and user_id = $2
  and ended_at is null
  and idle_ends_at > $3
