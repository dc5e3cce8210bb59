-- Waits until no other event of the stores is being written, and keeps the others waiting until the end of the transaction: a
-- transfer touches purchases of several users. The key is `store` in ASCII.
select pg_advisory_xact_lock(495874699877)::text as locked
