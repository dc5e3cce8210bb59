-- Lifters and their scores, :lifters and :scores of them, for seeing what a board costs. Run by prepare.sh on a database of its
-- own that has just been migrated. Values have steps, so there are many ties; 2 % of the lifters are not active.
\set ON_ERROR_STOP on
set synchronous_commit = off;
set client_min_messages = warning;
-- Triggers rest while the tables are filled in bulk; what they would have written is filled below, as V003 fills it.
set session_replication_role = replica;
select setseed(0.42);

truncate board_groups, board_blocks, board_changes, lifter_names, users, scores, personal_bests, energy_standings, energy_history, personal_best_events, xp_events, user_xp cascade;

insert into users (
  id, username, email, hashed_password, is_active, weight, gender, energy, rank, created_at, updated_at, weight_multiplier
)
select gen_random_uuid(), 'lifter' || n, 'lifter' || n || '@example.com', '!', n % 50 <> 0, 50 + n % 90,
       case when n % 3 = 0 then 'female' else 'male' end, floor(1200 * power(random(), 1.5)), 'Iron',
       timestamptz '2024-01-01' + n * interval '1 minute', now(), 1
from generate_series(1, :lifters) as n;

create temporary table numbered as select row_number() over () as n, id, is_active from users;
create unique index on numbered (n);
create temporary table exercises as
select row_number() over (order by id <> 'barbell_bench_press', id) as n, id
from scenarios
where not is_bodyweight
limit 20;

-- 40 % of the scores are on the busiest exercise.
insert into scores (user_id, scenario_id, score_value, weight_lifted, reps, sets, created_at, is_bodyweight)
select numbered.id, exercises.id, drawn.weight, drawn.weight, 1, 1, timestamptz '2025-01-01' + drawn.k * interval '3 seconds', false
from (
  select k, 1 + floor(random() * :lifters)::integer as lifter,
         case when random() < 0.4 then 1 else 2 + floor(random() * 19)::integer end as exercise,
         20 + 2.5 * floor(random() * random() * 120) as weight
  from generate_series(1, :scores) as k
) as drawn
join numbered on numbered.n = drawn.lifter
join exercises on exercises.n = drawn.exercise;

insert into personal_bests (user_id, scenario_id, score_id, score_value, weight_lifted, reached_at, lifter_active)
select best.user_id, best.scenario_id, best.id, best.score_value, best.weight_lifted, best.created_at, numbered.is_active
from (
  select distinct on (user_id, scenario_id) id, user_id, scenario_id, score_value, weight_lifted, created_at
  from scores
  order by user_id, scenario_id, score_value desc, created_at, id
) as best
join numbered on numbered.id = best.user_id;

insert into energy_standings (user_id, energy, reached_at, lifter_active)
select id, energy, updated_at - random() * interval '300 days', is_active
from users;

-- As V023 fills it.
alter index lifter_names_trigrams set (fastupdate = on);
insert into lifter_names (user_id, username, username_folded, display_name_folded, lifter_active)
select id, username, lower(username), lower(display_name), is_active is not false
from users;
alter index lifter_names_trigrams set (fastupdate = off);
select gin_clean_pending_list('lifter_names_trigrams');

set session_replication_role = origin;
-- The counts, as V020 fills them.
select build_board(board) from (
  select distinct 'scenario:' || scenario_id as board from personal_bests union all select 'energy'
) as boards;
vacuum (analyze) users, lifter_names, scores, personal_bests, energy_standings, board_groups, board_blocks, board_changes;
