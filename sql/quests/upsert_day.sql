-- Notes a session in its day: the longest of the day stays; by pk_daily_workout_aggregates.
insert into daily_workout_aggregates as today (user_id, day, longest_session_minutes, qualified_30, created_at, updated_at)
values ($1, $2, $3, $4, $5, $5)
on conflict (user_id, day) do update
set
  longest_session_minutes = greatest(today.longest_session_minutes, excluded.longest_session_minutes),
  qualified_30 = today.qualified_30 or excluded.qualified_30,
  updated_at = excluded.updated_at
