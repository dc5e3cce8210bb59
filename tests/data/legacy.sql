-- Rows as the live database holds them: ordinary ones, and those that older code left in odd states.
insert into alembic_version values ('1f2d6f1f48cf'), ('66718b7b3f2f');

insert into equipment values ('barbell', 'Barbell'), ('ring', 'Gymnastic ring of the old hall');
insert into muscles values ('quads', 'Quads as they were called'), ('neck', 'Neck');

-- Factors that differ from the seed's, an exercise of one's own, and a seeded name under another id.
insert into scenarios (id, name, description, is_bodyweight, multiplier, volume_multiplier) values
  ('back_squat', 'Back Squat', null, false, 0.33, 0.97),
  ('deadlift', 'Deadlift', 'As it was described before.', false, 0.42, 1),
  ('barbell_bench_press', 'Barbell Bench Press', null, false, 0.25, 1),
  ('pull_ups', 'Pull Ups', null, true, 1, 1),
  ('stone_of_the_village', 'Stone of the village', 'Nobody else has this one.', false, 0.5, 1.1),
  ('roller_on_knees', 'Ab Wheel Rollout', null, false, 0.1, 0.2);
insert into bodyweight_calibrations values ('pull_ups', 1, 20, 1, 12, 9);
insert into scenario_equipment_association values ('back_squat', 'ring'), ('stone_of_the_village', 'ring');
insert into scenario_primary_muscle_association values ('back_squat', 'neck');
insert into scenario_secondary_muscle_association values ('back_squat', 'quads');

-- Every password is "correct horse".
create temporary table given (n integer, username text, email text, avatar text, energy float8, rank text, active boolean);
insert into given values
  (1, 'ada', 'ada@example.com', 'avatars/ada.png', 1320.5, 'Gold', true),
  (2, 'bob', 'Bob@Example.com', 'https://elsewhere.example/bob.png', 700, 'Silver', true),
  (3, 'BOB', 'bob@example.com', 'http://localhost:8000/static/avatars/b.png', 700, 'Silver', true),
  (4, 'nothing', 'nothing@example.com', null, null, null, null),
  (5, 'gone', 'gone@example.com', '', 5000, 'Celestial', false),
  (6, 'nan', 'NaN@example.com', 'http://127.0.0.1:9999/static/avatars/n.png', 'NaN', 'Unranked', true),
  (7, 'drifted', 'drifted+lifts@example.com', 'javascript:alert(1)', 99999.25, 'Wood', true),
  (8, 'endless', 'endless@example.com', ' ', 'Infinity', '', true),
  (9, 'name with spaces', 'x', null, -3, 'Gold', true);
insert into users (
  id, avatar_url, display_name, email, energy, gender, hashed_password, is_active, rank, subscription_level, username,
  weight, weight_multiplier, preferred_unit, created_at, updated_at, original_transaction_id, stripe_customer_id,
  stripe_subscription_id
)
select ('00000000-0000-4000-8000-00000000000' || n)::uuid, avatar, case n when 2 then '' else initcap(username) end, email,
       energy, case n % 3 when 0 then 'female' when 1 then 'male' end,
       '$2b$12$rNFz11ko6tYFg8g2/AZsaug7ls0pbejJWkzuhHfaFTD/.s0yXSqGy', active, rank,
       case n when 1 then 'gold' when 7 then 'lifetime' else 'free' end, username,
       case n when 4 then null when 6 then 'NaN'::float8 else 80 + n end, case when n = 4 then null else 2.2 end,
       case n when 3 then 'lbs' else 'kg' end,
       case when n = 4 then null else '2024-01-01'::timestamptz + n * interval '1 day' end,
       case when n = 4 then null else '2024-06-01'::timestamptz + n * interval '1 day' end,
       case n when 1 then '2000000123456789' end, 'cus_' || n, case n when 1 then 'sub_1' end
from given;
drop table given;

-- Points: 4 and 9 have no row, 9 has events all the same.
insert into user_xp
select id, 10, 1, '2024-06-01', null from users where username not in ('nothing', 'name with spaces');
insert into xp_events
select gen_random_uuid(), id, 10, 'score', null, 'score_volume', id::text, '2024-05-01' from users where username <> 'nothing';

-- Lifts: ties, values that are no numbers, a null is_bodyweight, lifts of somebody who is gone.
insert into scores (user_id, scenario_id, score_value, weight_lifted, reps, sets, created_at, is_bodyweight)
select ('00000000-0000-4000-8000-00000000000' || n)::uuid, scenario, value, 60, reps, null, '2024-05-01'::timestamptz + minute * interval '1 minute', bodyweight
from (values
  (1, 'back_squat', 100, 5, 1, false), (1, 'back_squat', 140, 5, 2, false), (1, 'back_squat', 140, 5, 3, false),
  (1, 'back_squat', 120, null, 4, null), (1, 'back_squat', 'NaN'::float8, 1, 5, false), (1, 'back_squat', 'Infinity', 1, 6, false),
  (1, 'deadlift', 180, 3, 7, false), (1, 'barbell_bench_press', 90, 3, 8, null), (1, 'pull_ups', 12, 12, 9, true),
  (2, 'back_squat', 140, 1, 1, false), (2, 'stone_of_the_village', 75.5, 1, 2, false),
  (3, 'back_squat', 139.99, 1, 1, null), (3, 'roller_on_knees', 0, 1, 2, false),
  (4, 'back_squat', 150, null, 10, null), (5, 'back_squat', 300, 1, 1, false),
  (6, 'back_squat', 'NaN', 1, 1, false), (7, 'deadlift', -5, 1, 1, false), (7, 'back_squat', 150, 1, 9, false),
  (8, 'pull_ups', '-Infinity', 1, 1, true), (9, 'pull_ups', 3, 3, 1, null)
) as lift (n, scenario, value, reps, minute, bodyweight);
insert into personal_best_events (user_id, scenario_id, score_value, weight_lifted, reps, is_bodyweight, created_at)
select user_id, scenario_id, score_value, weight_lifted, reps, coalesce(is_bodyweight, false), created_at from scores;
insert into leaderboard_entries (user_id, scenario_id, weight_lifted)
select user_id, scenario_id, weight_lifted from scores where scenario_id = 'back_squat';
insert into energy_history
select gen_random_uuid(), id, energy, '2024-05-02'::timestamptz from users where energy is not null
union all
select gen_random_uuid(), id, 1, '2024-05-01' from users where energy is not null;

insert into quest_templates values
  ('00000000-0000-4000-8000-0000000000f1', 'daily_30_min_workout', 'Daily, as it was', null, 'daily', 'active_minutes', 31, 99, true,
   false, null, null, '2024-01-01', '2024-01-01');
insert into user_quests
select gen_random_uuid(), id, '00000000-0000-4000-8000-0000000000f1', 'claimed', 31, 31, '2024-05-01', null, '2024-05-01', null,
       '2024-05-01', '2024-05-01', null, '2024-05-01', '2024-05-01'
from users;
insert into daily_workout_aggregates select id, '2024-05-01', 45, true, '2024-05-01', '2024-05-01' from users;
insert into rate_limit_events (user_id, action, occurred_at)
select id, 'follow', '2024-05-01'::timestamptz from users union all select gen_random_uuid(), 'of somebody who is gone', '2024-05-01';
insert into social_edges (follower_id, followee_id, status)
select a.id, b.id, case when a.username = 'ada' then 'muted' else 'active' end from users a join users b on a.id < b.id;
insert into guilds (id, name, icon_url, owner_id)
select gen_random_uuid(), 'Guild', null, id from users where username = 'ada';

insert into routines (id, name, image_url, user_id) values
  ('00000000-0000-4000-8000-0000000000a1', 'Legs', 'https://elsewhere.example/r.png', '00000000-0000-4000-8000-000000000001'),
  ('00000000-0000-4000-8000-0000000000a2', 'Of everybody', null, null);
insert into hidden_routines values ('00000000-0000-4000-8000-000000000002', '00000000-0000-4000-8000-0000000000a2');
insert into routine_scenario_association values ('00000000-0000-4000-8000-0000000000a1', 'stone_of_the_village', 3, 8);
insert into routine_submission values
  ('00000000-0000-4000-8000-0000000000b1', '00000000-0000-4000-8000-0000000000a1', '00000000-0000-4000-8000-000000000002', 45.5,
   '2024-05-01', 'completed', 'Legs'),
  ('00000000-0000-4000-8000-0000000000b2', null, '00000000-0000-4000-8000-000000000001', 'NaN', '2024-05-02', '', '');
insert into routine_scenario_submission values
  (gen_random_uuid(), '00000000-0000-4000-8000-0000000000b1', 'stone_of_the_village', 3, 8, 75.5, 1812);
insert into routine_share_snapshots (code, name, image_url, scenarios, source_routine_id, created_by_user_id) values
  ('ABC123', 'Legs', null, '[{"scenario_id":  "back_squat", "sets": 3, "reps": 8}]', '00000000-0000-4000-8000-0000000000a1',
   '00000000-0000-4000-8000-000000000001');
