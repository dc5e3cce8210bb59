-- What a copy of the database must have in common with the original, a line each: the rows of every table and a sum over all of
-- their contents, whose order does not matter; what the ledgers add up to; and how many lines of the ledgers do not fit.
-- Run by psql, with the backup's snapshot in :snapshot where there is one.
\set ON_ERROR_STOP on
\pset format unaligned
\pset tuples_only on
begin isolation level repeatable read read only;
\if :{?snapshot}
set transaction snapshot :'snapshot';
\endif
set local timezone = 'UTC';
set local datestyle = 'ISO, YMD';
set local extra_float_digits = 1;
set local statement_timeout = 0;
set local jit = off;
select format('select %L || count(*) || '' rows, '' || coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) from %I as t;',
              relname || ': ', relname)
from pg_class
where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition
order by relname
\gexec
select 'experience awarded: ' || coalesce(sum(amount), 0) from xp_events;
select 'experience held: ' || coalesce(sum(total_xp), 0) from user_xp;
select 'lifters whose experience is not the sum of what they were awarded: ' || count(*)
from (select user_id, sum(amount) as total from xp_events group by user_id) as awarded
full join user_xp using (user_id)
where coalesce(awarded.total, 0) <> coalesce(user_xp.total_xp, 0);
select 'kilograms lifted: ' || coalesce(sum(weight_lifted::numeric) filter (where weight_lifted < 'Infinity'), 0) from scores;
commit;
