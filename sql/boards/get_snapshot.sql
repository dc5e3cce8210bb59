-- Which transactions are over, as a text: the same as long as nothing is committed; no table. With the time when PostgreSQL
-- started, because another server's transactions have the same numbers.
select pg_current_snapshot()::text || ' of ' || pg_postmaster_start_time()::text as snapshot
