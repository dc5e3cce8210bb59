-- Removes up to $2 answers that were stored by $1, but for those that somebody else removes; by idempotency_keys_stored_at.
delete from idempotency_keys
where (user_id, key) in (
  select user_id, key
  from idempotency_keys
  where stored_at <= $1
  order by stored_at
  limit $2
  for update skip locked
)
