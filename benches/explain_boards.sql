-- What the pages of the boards and a search by name read: the very statements of sql/, on the data of seed_boards.sql. Each
-- plan is shown warm, the second time it runs.
\set ON_ERROR_STOP on
\pset format unaligned
\pset tuples_only on
\set scenario_board `cat sql/scores/list_board.sql`
\set energy_board `cat sql/energy/list_board.sql`
\set scenario_rank `cat sql/scores/get_rank.sql`
\set energy_rank `cat sql/energy/get_rank.sql`
\set scenario_behind `cat sql/scores/list_board_behind.sql`
\set energy_behind `cat sql/energy/list_board_behind.sql`
\set page_users `cat sql/users/list_users.sql`
\set name_search `cat sql/social/list_matches.sql`
-- As autovacuum leaves them a while after the load: an index-only read needs the visibility map.
vacuum personal_bests, energy_standings, board_groups, board_blocks, board_changes;
-- As the service runs them: one plan, whatever is asked for.
set plan_cache_mode = force_generic_plan;
prepare scenario_board (text, bigint, bigint) as :scenario_board ;
prepare energy_board (bigint, bigint) as :energy_board ;
prepare scenario_rank (text[], uuid[], bigint[]) as :scenario_rank ;
prepare energy_rank (uuid[], bigint[]) as :energy_rank ;
prepare scenario_behind (text, float8, timestamptz, integer, bigint) as :scenario_behind ;
prepare energy_behind (float8, timestamptz, uuid, bigint) as :energy_behind ;
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
explain (analyze, buffers, costs off, timing off) execute page_users (:'ids');
\echo '== energy, first page'
explain (analyze, buffers, costs off, timing off) execute energy_board (50, 0);
\echo '== energy, offset 1000'
explain (analyze, buffers, costs off, timing off) execute energy_board (50, 1000);
\echo '== lifters whose name contains 77123'
explain (analyze, buffers, costs off, timing off) execute name_search (gen_random_uuid(), '%77123%', 1000);
select user_id as middle, score_value as score, reached_at as at, score_id as id from personal_bests
where scenario_id = 'barbell_bench_press' and lifter_active
order by score_value desc, reached_at, score_id
offset (select count(*) / 2 from personal_bests where scenario_id = 'barbell_bench_press' and lifter_active) limit 1 \gset
select user_id as middle_user, energy as energy, reached_at as energy_at from energy_standings
where lifter_active order by energy desc, reached_at, user_id
offset (select count(*) / 2 from energy_standings where lifter_active) limit 1 \gset
\o /dev/null
execute scenario_rank ('{barbell_bench_press}', array[:'middle']::uuid[], '{5}');
execute energy_rank (array[:'middle_user']::uuid[], '{5}');
execute scenario_behind ('barbell_bench_press', :score, :'at', :id, 50);
execute energy_behind (:energy, :'energy_at', :'middle_user', 50);
\o
\echo '== busiest exercise, the page behind the median'
explain (analyze, buffers, costs off, timing off) execute scenario_behind ('barbell_bench_press', :score, :'at', :id, 50);
\echo '== energy, the page behind the median'
explain (analyze, buffers, costs off, timing off) execute energy_behind (:energy, :'energy_at', :'middle_user', 50);
\echo '== busiest exercise, the place at the median with its neighbours'
explain (analyze, buffers, costs off, timing off) execute scenario_rank ('{barbell_bench_press}', array[:'middle']::uuid[], '{5}');
\echo '== energy, the place at the median with its neighbours'
explain (analyze, buffers, costs off, timing off) execute energy_rank (array[:'middle_user']::uuid[], '{5}');
