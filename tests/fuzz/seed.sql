-- What callers of the fuzzed API find: the things that the document's examples name, and lifters to log in as.
-- The passwords are the document's example, hashed at a cost that lets a login take a millisecond.
\set ON_ERROR_STOP on
\set hash '$2b$04$xNmHIkWJeqSGlxATav5v6O5gmPmJpjEqhiBDNzMrJdtXLKr2zoBja'
\set ada '6f8dc2bb-9a4c-4b7e-a4f2-0c3d6a1f2b11'
\set nobody '00000000-0000-0000-0000-000000000000'

begin;

insert into users (id, username, email, hashed_password, is_active, energy, weight, gender, weight_multiplier, created_at, updated_at)
values (:'ada', 'ada', 'ada@example.com', :'hash', true, 0, 63.2, 'female', 1, now(), now());

insert into users (id, username, email, hashed_password, is_active, energy, weight, gender, weight_multiplier, subscription_level, created_at, updated_at)
select gen_random_uuid(), 'lifter' || n, 'lifter' || n || '@example.com', :'hash', true, 0, 60 + n % 80,
    (array['male', 'female', null])[n % 3 + 1], 1, (array['free', 'gold', 'platinum'])[n % 3 + 1], now(), now()
from generate_series(1, 1000) n;

insert into scores (user_id, scenario_id, score_value, weight_lifted, reps, sets, created_at, is_bodyweight)
select users.id, scenario_id, 50 + n, 50 + n, 1, 1, now() - n * interval '1 minute', false
from generate_series(1, 60) n
join users on username in ('lifter' || n, case when n <= 3 then 'ada' end),
    unnest(array['back_squat', 'barbell_bench_press', 'deadlift']) scenario_id;

insert into routines (id, name, user_id) values (:'nobody', 'Push day', null);
insert into routine_scenario_association (routine_id, scenario_id, sets, reps)
values (:'nobody', 'barbell_bench_press', 3, 5);
insert into routine_share_snapshots (code, name, scenarios, source_routine_id, created_by_user_id)
values ('ABCD2345', 'Push day', '[{"scenario_id": "barbell_bench_press", "sets": 3, "reps": 5}]', :'nobody', :'ada');

commit;
