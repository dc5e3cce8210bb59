-- What was answered to a lifter's request with this key, if that was after $4, and whether that request's hash was $3; by
-- idempotency_keys_pkey.
select fingerprint = $3 as is_same, status, body
from idempotency_keys
where user_id = $1
  and key = $2
  and stored_at > $4
