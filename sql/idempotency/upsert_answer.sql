-- Stores an answer, in the place of one that counts no more; by idempotency_keys_pkey.
insert into idempotency_keys (user_id, key, fingerprint, status, body, stored_at)
values ($1, $2, $3, $4, $5, $6)
on conflict (user_id, key) do update
set fingerprint = excluded.fingerprint,
    status = excluded.status,
    body = excluded.body,
    stored_at = excluded.stored_at
