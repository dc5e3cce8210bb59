//! The outbox and its workers: what was left is done, once, whoever dies.

use std::time::Duration;

use repduel_backend::domain::outbox;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::ledger::Dice;
use crate::support::program::run_words;
use crate::support::{Lifter, Request, Served, TestApp, TestDatabase, eventually};
use crate::workouts::{NOW, PATH, workout};

const QUEUE: &str = "/health/queue";

/// A statement of the outbox, as the service runs it.
fn statement(name: &str) -> &'static str {
    let file = format!("outbox/{name}");
    outbox::STATEMENTS.iter().find(|statement| statement.file == file).unwrap().text
}

async fn submit(app: &TestApp, lifter: &Lifter, completed_at: &str) {
    app.post_as(lifter, PATH, workout(completed_at, 45.0)).await.expect(201);
}

/// Templates that count every workout and pay by themselves, so that whatever is counted or paid twice shows.
async fn counting_quest(app: &TestApp, target: i32) {
    let insert =
        "insert into quest_templates (id, code, title, cadence, metric, target_value, reward_xp, auto_claim, is_active,
          available_from, created_at, updated_at)
        values (gen_random_uuid(), 'every_workout', 'Test', 'limited', 'workouts_completed', $1, 7, true, true,
          '2026-01-01', '2026-01-01', '2026-01-01')";
    app.pg.execute(insert, &[&target]).await.unwrap();
}

/// Every workout is counted once, and every quest at its target was paid once.
async fn assert_counted(app: &TestApp) {
    let wrong = "
        select count(*)
        from users
        left join (select user_id, count(*) as workouts from routine_submission group by user_id) as done
          on done.user_id = users.id
        left join (
          select user_id, progress_value, status
          from user_quests join quest_templates as template on template.id = template_id where code = 'every_workout'
        ) as quest on quest.user_id = users.id
        where least(coalesce(workouts, 0), (select target_value from quest_templates where code = 'every_workout'))
            <> coalesce(progress_value, 0)
          or (progress_value = (select target_value from quest_templates where code = 'every_workout')) <> (status = 'claimed')
          or coalesce((select sum(amount) from xp_events where user_id = users.id), 0)
            <> case when status = 'claimed' then 7 else 0 end
          or coalesce((select total_xp from user_xp where user_id = users.id), 0)
            <> case when status = 'claimed' then 7 else 0 end";
    assert_eq!(app.count(wrong).await, 0);
    let unsettled = "select count(*) from outbox_events where status <> 'completed'";
    assert_eq!(app.count(unsettled).await, 0);
    let lost = "select (select count(*) from routine_submission) - (select count(*) from outbox_events)";
    assert_eq!(app.count(lost).await, 0);
}

#[tokio::test]
async fn what_is_due_tomorrow_does_not_delay_what_is_due_now() {
    let app = TestApp::with_clock(NOW).await;
    let ada = app.lifter("ada").await;
    counting_quest(&app, 1).await;
    let tomorrow = "insert into outbox_events (topic, payload, event_key, aggregate, available_at, created_at)
        select 'workout.submitted', '{}', 'later:' || n, 'user:' || n, $1::timestamptz + interval '1 day', $1
        from generate_series(1, 10000) as n";
    app.pg.execute(tomorrow, &[&app.app.clock.now()]).await.unwrap();
    app.pg.batch_execute("analyze outbox_events").await.unwrap();
    submit(&app, &ada, "2026-11-21T09:00:00Z").await;
    let prepare =
        format!("prepare claim (timestamptz, bigint, uuid, timestamptz, text[]) as {}", statement("claim_events"));
    app.pg.batch_execute(&prepare).await.unwrap();
    let now = app.app.clock.now();
    let explain = format!(
        "explain (analyze, buffers, format json)
        execute claim ('{now}', 4, gen_random_uuid(), '{}', '{{workout.submitted}}')",
        now.plus_s(60)
    );
    app.pg.batch_execute("begin").await.unwrap();
    let plan: Value = app.pg.query_one(&explain, &[]).await.unwrap().get(0);
    app.pg.batch_execute("rollback").await.unwrap();
    let blocks = plan[0]["Plan"]["Shared Hit Blocks"].as_i64().unwrap()
        + plan[0]["Plan"]["Shared Read Blocks"].as_i64().unwrap();
    assert!(blocks < 60, "only what is due is read: {plan:#}");

    let _working = app.work();
    let done = "select count(*) from outbox_events where status = 'completed'";
    eventually("the one that is due", async || app.count(done).await == 1).await;
    assert_eq!(app.count("select count(*) from outbox_events where attempts = 0").await, 10_000);
    assert_eq!(app.get(QUEUE).await.expect(200).json()["queue_depth"], 10_000);
    assert_eq!(app.count("select total_xp::bigint from user_xp").await, 7);
}

#[tokio::test]
async fn a_worker_leases_no_more_than_it_asked_for_however_the_statement_is_planned() {
    let app = TestApp::with_clock(NOW).await;
    // An empty table that was analyzed is thought to stay empty, and a plan that was made then is kept while it fills.
    app.pg.batch_execute("vacuum analyze outbox_events").await.unwrap();
    app.pg.batch_execute("set plan_cache_mode = force_generic_plan").await.unwrap();
    let claim = app.pg.prepare(statement("claim_events")).await.unwrap();
    let now = app.app.clock.now();
    let taken = async || {
        let (lease, until, topics) = (Uuid::new_v4(), now.plus_s(60), vec!["workout.submitted"]);
        app.pg.query(&claim, &[&now, &4_i64, &lease, &until, &topics]).await.unwrap().len()
    };
    assert_eq!(taken().await, 0);
    let due = "insert into outbox_events (topic, payload, event_key, aggregate, available_at, created_at)
        select 'workout.submitted', '{}', 'due:' || n, 'user:' || n, $1, $1 from generate_series(1, 50) as n";
    app.pg.execute(due, &[&now]).await.unwrap();
    for claims in 1..=3 {
        assert_eq!(taken().await, 4);
        assert_eq!(app.count("select count(*) from outbox_events where status = 'leased'").await, 4 * claims);
    }
}

#[tokio::test]
async fn an_event_that_is_delivered_twice_counts_once() {
    let app = TestApp::with_clock(NOW).await;
    let ada = app.lifter("ada").await;
    counting_quest(&app, 1).await;
    let _working = app.work();
    submit(&app, &ada, "2026-11-21T09:00:00Z").await;
    app.settled().await;
    for _ in 0..3 {
        app.pg.batch_execute("update outbox_events set status = 'pending', available_at = created_at").await.unwrap();
        app.settled().await;
    }
    assert_counted(&app).await;
    assert_eq!(app.count("select attempts::bigint from outbox_events").await, 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_workers_share_a_queue() {
    let app = TestApp::with_clock(NOW).await;
    counting_quest(&app, 20).await;
    for lifter in 0..5 {
        let lifter = app.lifter(&format!("lifter{lifter}")).await;
        for second in 0..25 {
            submit(&app, &lifter, &format!("2026-11-21T09:00:{second:02}Z")).await;
        }
    }
    let _working = (app.work(), app.work(), app.work());
    app.settled().await;
    assert_counted(&app).await;
    assert_eq!(app.count("select max(attempts)::bigint from outbox_events").await, 1);
    assert_eq!(app.count("select count(*) from xp_events").await, 5);
}

#[tokio::test]
async fn events_of_one_aggregate_are_taken_in_their_order() {
    let app = TestApp::with_clock(NOW).await;
    let ada = app.lifter("ada").await;
    for second in 0..3 {
        submit(&app, &ada, &format!("2026-11-21T09:00:0{second}Z")).await;
    }
    // The oldest is in somebody's hands: the others wait, however long they have been due.
    let lease = "update outbox_events set status = 'leased', lease_token = gen_random_uuid(), available_at = $1::timestamptz + interval '1 min'
        where id = (select min(id) from outbox_events)";
    app.pg.execute(lease, &[&app.app.clock.now()]).await.unwrap();
    let _working = app.work();
    let grace = app.lifter("grace").await;
    submit(&app, &grace, "2026-11-21T09:00:00Z").await;
    let done = "select count(*) from outbox_events where status = 'completed'";
    eventually("the other's event", async || app.count(done).await == 1).await;
    assert_eq!(app.count("select count(*) from outbox_events where status = 'pending'").await, 2);
    app.advance_s(61); // whoever held it is dead
    eventually("the rest", async || app.count(done).await == 4).await;
    let order =
        "select count(*) from (select processed_at < lag(processed_at) over (order by id) as early from outbox_events
        where aggregate = 'user:' || $1::text) as steps where early";
    assert_eq!(app.pg.query_one(order, &[&ada.id.to_string()]).await.unwrap().get::<_, i64>(0), 0);
}

#[tokio::test]
async fn an_event_that_fails_is_tried_again_later_and_given_up_in_the_end() {
    let database = TestDatabase::migrated().await;
    let url = database.url();
    let app = TestApp::through(database, &url).await;
    let bad = "insert into outbox_events (topic, payload, event_key, aggregate, available_at, created_at)
        values ('workout.submitted', '{\"workout_id\": 7}', 'bad', 'bad', now(), now()),
          ('not.known.here', '{}', 'strange', 'strange', now(), now())";
    app.pg.batch_execute(bad).await.unwrap();
    let once =
        [("DATABASE_URL", url.as_str()), ("OUTBOX_RETRY_MAX_ATTEMPTS", "2"), ("OUTBOX_RETRY_BACKOFF_SECONDS", "1")];
    let server = Served::start(&once).await;
    let failed = "select count(*) from outbox_events where status = 'failed' and attempts = 2 and event_key = 'bad'
        and last_error = 'the event names no workout' and lease_token is null and processed_at is not null";
    eventually("the end of the attempts", async || app.count(failed).await == 1).await;
    let queue = server.request("GET", QUEUE).send().await.expect(200).json();
    assert_eq!((&queue["status"], &queue["failed"], &queue["queue_depth"]), (&json!("degraded"), &json!(1), &json!(1)));
    assert_eq!(app.count("select attempts::bigint from outbox_events where event_key = 'strange'").await, 0);

    let listed = run_words(&["outbox", "list"], &once).await;
    assert_eq!(listed.code, Some(0), "{}", listed.stderr);
    let lines: Vec<&str> = listed.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{}", listed.stdout);
    assert!(lines[1].contains("workout.submitted\tfailed\t2") && lines[1].ends_with("the event names no workout"));
    // What was wrong is put right, and the event is replayed.
    app.pg
        .execute(
            "update outbox_events set payload = jsonb_build_object('workout_id', $1::text)",
            &[&Uuid::nil().to_string()],
        )
        .await
        .unwrap();
    let replayed = run_words(&["outbox", "replay", "--all"], &once).await;
    assert_eq!((replayed.code, replayed.stdout.as_str()), (Some(0), "1 events will be tried again\n"));
    let done = "select count(*) from outbox_events where status = 'completed' and attempts = 1 and last_error is null";
    eventually("the replay", async || app.count(done).await == 1).await;
    for words in [&["outbox"][..], &["outbox", "list", "lost"], &["outbox", "replay"], &["outbox", "replay", "x"]] {
        assert_eq!(run_words(words, &once).await.code, Some(64), "{words:?}");
    }
    server.kill().await;
}

#[tokio::test]
async fn a_worker_that_lost_its_lease_changes_nothing() {
    let app = TestApp::with_clock(NOW).await;
    let ada = app.lifter("ada").await;
    counting_quest(&app, 1).await;
    submit(&app, &ada, "2026-11-21T09:00:00Z").await;
    app.pg.batch_execute("begin; lock table user_quests in exclusive mode").await.unwrap();
    let _working = app.work();
    let waiting = "select count(*) from pg_locks where not granted and relation = 'user_quests'::regclass";
    eventually("the worker at the lock", async || app.count(waiting).await == 1).await;
    // Meanwhile another one took the event, and settled it.
    let other = crate::support::database::connect(&app.database_url()).await;
    other
        .batch_execute("update outbox_events set lease_token = gen_random_uuid(), status = 'completed'")
        .await
        .unwrap();
    app.pg.batch_execute("commit").await.unwrap();
    let in_work =
        "select count(*) from pg_stat_activity where datname = current_database() and state = 'idle in transaction'";
    eventually("the roll-back", async || app.count(in_work).await == 0 && app.count(waiting).await == 0).await;
    eventually("quiet", async || app.app.writes.is_empty()).await;
    assert_eq!(app.count("select count(*) from xp_events").await, 0);
    assert_eq!(app.count("select count(*) from user_quests").await, 0);
    assert_eq!(
        app.count("select count(*) from outbox_events where status = 'completed' and last_error is null").await,
        1
    );
}

/// Where in its transaction a worker stands when it is killed.
const STEPS: [&str; 5] = [
    "select from users for update",
    "lock table daily_workout_aggregates in exclusive mode",
    "lock table user_quests in exclusive mode",
    "lock table xp_events in exclusive mode",
    "lock table user_xp in exclusive mode",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_killed_at_any_step_leaves_the_work_to_the_next() {
    let database = TestDatabase::migrated().await;
    let url = database.url();
    let app = TestApp::through(database, &url).await;
    counting_quest(&app, 1).await;
    let variables = [("DATABASE_URL", url.as_str()), ("OUTBOX_LEASE_SECONDS", "1")];
    let completed = "select count(*) from outbox_events where status = 'completed'";
    for (done, step) in (0_i64..).zip(STEPS) {
        let lifter = app.lifter(&format!("lifter{done}")).await;
        submit(&app, &lifter, &app.app.clock.now().minus_s(60).to_string()).await;
        app.pg.batch_execute(&format!("begin; {step}")).await.unwrap();
        let server = Served::start(&variables).await;
        let waiting = "select count(*) from pg_stat_activity
            where datname = current_database() and application_name = 'repduel-backend' and wait_event_type = 'Lock'";
        eventually("the worker at this step", async || fresh(&app, waiting).await == 1).await;
        server.kill().await;
        app.pg.batch_execute("commit").await.unwrap();
        let left = "select count(*) from pg_stat_activity
            where datname = current_database() and application_name = 'repduel-backend' and state <> 'idle'";
        eventually("the end of its session", async || fresh(&app, left).await == 0).await;
        assert_eq!(app.count(completed).await, done, "{step}");
        let next = Served::start(&variables).await;
        eventually("the next one's work", async || app.count(completed).await == done + 1).await;
        next.kill().await;
    }
    assert_counted(&app).await;
    assert_eq!(app.count("select count(*) from xp_events").await, i64::try_from(STEPS.len()).unwrap());
}

/// A number out of the server's view of its sessions, which it does not renew within a transaction.
async fn fresh(app: &TestApp, query: &str) -> i64 {
    app.pg.batch_execute("select pg_stat_clear_snapshot()").await.unwrap();
    app.count(query).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_killed_under_load_lose_no_workout_and_count_none_twice() {
    let database = TestDatabase::migrated().await;
    let url = database.url();
    let app = TestApp::through(database, &url).await;
    counting_quest(&app, 1_000_000).await;
    let ada = app.lifter("ada").await;
    let variables = [("DATABASE_URL", url.as_str()), ("OUTBOX_LEASE_SECONDS", "1")];
    let (mut dice, mut sent, mut answered) = (Dice::thrown(), 0, 0);
    for _ in 0..8 {
        let (one, other) = (Served::start(&variables).await, Served::start(&variables).await);
        let load = async {
            loop {
                sent += 1;
                let completed_at = app.app.clock.now().minus_s(sent).to_string();
                let request =
                    Request::new(one.address, "POST", PATH).bearer(&ada.token).json(&workout(&completed_at, 10.0));
                match request.try_send().await {
                    Ok(answer) => answered += i64::from(answer.status == 201),
                    Err(_) => return,
                }
            }
        };
        let moment = Duration::from_millis(100 + dice.below(300));
        let _ = tokio::time::timeout(moment, load).await; // the moment of the kill, not a wait
        one.kill().await;
        other.kill().await;
    }
    let last = Served::start(&variables).await;
    app.settled().await;
    let stored = app.count("select count(*) from routine_submission").await;
    println!("{sent} workouts were sent, {answered} answered, {stored} stored");
    assert!(answered >= 20 && (answered..=sent).contains(&stored));
    assert_counted(&app).await;
    last.kill().await;
}

#[tokio::test]
async fn the_queue_tells_how_it_does() {
    let app = TestApp::with_clock(NOW).await;
    let ada = app.lifter("ada").await;
    let queue = async || app.get(QUEUE).await.expect(200).json();
    let nobody = queue().await;
    assert_eq!(
        nobody,
        json!({ "status": "degraded", "queue_depth": 0, "oldest_age_seconds": 0, "failed": 0, "workers": [] })
    );
    submit(&app, &ada, "2026-11-21T09:00:00Z").await;
    app.advance_s(61);
    let waiting = queue().await;
    assert_eq!((&waiting["queue_depth"], &waiting["oldest_age_seconds"]), (&json!(1), &json!(61)));
    let working = app.work();
    eventually("the worker's name", async || queue().await["status"] == "ok").await;
    let name = queue().await["workers"][0].as_str().unwrap().to_owned();
    assert!(name.starts_with("test-") && name.len() == 13, "{name}");
    drop(working);
    eventually("its leave", async || queue().await["workers"] == json!([])).await;
}

#[tokio::test]
async fn what_was_settled_long_ago_is_swept() {
    let app = TestApp::with_clock(NOW).await;
    let old = "insert into outbox_events (topic, payload, event_key, aggregate, status, available_at, created_at, processed_at)
        select 'workout.submitted', '{}', status || days, '-', status, now(), now(), $1::timestamptz - make_interval(days => days)
        from unnest(array['completed', 'failed']) as status, unnest(array[6, 8, 29, 31]) as days";
    app.pg.execute(old, &[&app.app.clock.now()]).await.unwrap();
    let _working = app.work();
    let left = "select count(*) from outbox_events";
    eventually("the sweep", async || app.count(left).await == 4).await;
    let keys: Vec<String> = app
        .pg
        .query("select event_key from outbox_events order by 1", &[])
        .await
        .unwrap()
        .iter()
        .map(|row| row.get(0))
        .collect();
    assert_eq!(keys, ["completed6", "failed29", "failed6", "failed8"]);
}

#[tokio::test]
async fn a_worker_alone_works_until_it_is_asked_to_stop() {
    let database = TestDatabase::migrated().await;
    let url = database.url();
    let app = TestApp::through(database, &url).await;
    let ada = app.lifter("ada").await;
    let worker = Served::start_worker(&[("DATABASE_URL", url.as_str()), ("OUTBOX_POLL_SECONDS", "60")]).await;
    eventually("its name", async || app.count("select count(*) from outbox_workers").await == 1).await;
    // Its own looks are a minute apart: what wakes it is the notice of another process, here of a server's worker.
    let busy = app.work();
    for second in 0..50 {
        submit(&app, &ada, &app.app.clock.now().minus_s(second).to_string()).await;
    }
    app.settled().await;
    drop(busy);
    worker.terminate().await;
    assert_eq!(worker.ended().await.code(), Some(0));
    eventually("its leave", async || app.count("select count(*) from outbox_workers").await == 0).await;
}
