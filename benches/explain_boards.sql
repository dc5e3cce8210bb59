-- What the pages of the boards and a search by name read: the very statements of sql/, on the data of seed_boards.sql. Each
-- plan is shown warm, the second time it runs.
\set ON_ERROR_STOP on
\pset format unaligned
\pset tuples_only on
\set scenario_board `cat sql/scores/list_board.sql`
\set energy_board `cat sql/energy/list_board.sql`
\set page_users `cat sql/users/list_users.sql`
\set name_search `cat sql/social/list_matches.sql`
-- As autovacuum leaves them a while after the load: an index-only read needs the visibility map.
vacuum personal_bests, energy_standings;
prepare scenario_board (text, bigint, bigint) as :scenario_board ;
prepare energy_board (bigint, bigint) as :energy_board ;
prepare page_users (uuid[]) as :page_users ;
prepare name_search (uuid, text, bigint) as :name_search ;

select count(*) || ' users, ' || (select count(*) from scores) || ' scores, ' || (select count(*) from personal_bests)
  || ' personal bests, ' || (select count(*) from personal_bests where scenario_id = 'barbell_bench_press')
  || ' of them on the busiest exercise'
from users;

\o /dev/null
execute scenario_board ('barbell_bench_press', 50, 0);
execute scenario_board ('barbell_bench_press', 50, 1000);
execute energy_board (50, 0);
execute energy_board (50, 1000);
execute name_search (gen_random_uuid(), '%77123%', 1000);
\o
\echo '== busiest exercise, first page'
explain (analyze, buffers, costs off, timing off) execute scenario_board ('barbell_bench_press', 50, 0);
\echo '== busiest exercise, offset 1000'
explain (analyze, buffers, costs off, timing off) execute scenario_board ('barbell_bench_press', 50, 1000);
\echo '== the 50 users of a page'
select array_agg(user_id) as ids from (
  select user_id from personal_bests where scenario_id = 'barbell_bench_press' and lifter_active
  order by score_value desc, reached_at, score_id limit 50
) as page \gset
\o /dev/null
execute page_users (:'ids');
\o
-- As the service runs it: a generic plan, whose text does not hold the ids.
set plan_cache_mode = force_generic_plan;
explain (analyze, buffers, costs off, timing off) execute page_users (:'ids');
reset plan_cache_mode;
\echo '== energy, first page'
explain (analyze, buffers, costs off, timing off) execute energy_board (50, 0);
\echo '== energy, offset 1000'
explain (analyze, buffers, costs off, timing off) execute energy_board (50, 1000);
\echo '== lifters whose name contains 77123'
explain (analyze, buffers, costs off, timing off) execute name_search (gen_random_uuid(), '%77123%', 1000);
