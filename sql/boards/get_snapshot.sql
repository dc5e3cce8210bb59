-- Which transactions are over, as a text: the same as long as nothing is committed; no table. With the time when PostgreSQL
-- started, because another server's transactions have the same numbers. Read once for all who ask.
select
  (select pg_current_snapshot()::text || ' of ' || pg_postmaster_start_time()::text) as snapshot,
  caller.asked
from unnest($1::bool[]) with ordinality as caller (anybody, asked)
