-- Stores a workout, without exercises.
insert into routine_submission (
  id, routine_id, user_id, duration, completion_timestamp, status, title, fingerprint, counts_for_quests
)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
