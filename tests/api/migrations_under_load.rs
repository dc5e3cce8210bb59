//! Migrations in a house that is lived in: several starters, what a crash left behind, and a server that goes on writing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use repduel_backend::db::dsn::Dsn;
use repduel_backend::db::migrate::newest_version;
use repduel_backend::start;
use tokio::task::JoinHandle;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::migrations::{assert_boards_are_true, assert_names_are_true, fingerprint, legacy, lines, lived_in, migrate};
use crate::support::ledger::assert_follows;
use crate::support::{TestApp, TestDatabase, eventually, program};

async fn count(client: &Client, query: &str) -> i64 {
    client.query_one(query, &[]).await.unwrap().get(0)
}

/// A migration that goes on beside the test.
fn migrating(database: &TestDatabase) -> JoinHandle<Result<(), String>> {
    let dsn = Dsn::parse(&database.url()).unwrap();
    tokio::spawn(async move { start::migrate(&dsn).await.map_err(|error| format!("{error:?}")) })
}

const VERSIONS: &str = "select count(*) from refinery_schema_history";
const INVALID: &str = "select count(*) from pg_index where not indisvalid";

#[tokio::test]
async fn starters_at_the_same_time_migrate_once() {
    let database = TestDatabase::empty().await;
    for started in [migrating(&database), migrating(&database), migrating(&database)] {
        assert_eq!(started.await.unwrap(), Ok(()));
    }
    let client = database.client().await;
    assert_eq!(count(&client, VERSIONS).await, i64::from(newest_version()));
    assert_eq!(count(&client, "select count(*) from scenarios").await, 254);
    assert_eq!(count(&client, "select count(*) from quest_templates").await, 2);
    assert_eq!(count(&client, INVALID).await, 0);
}

#[tokio::test]
async fn programs_started_at_the_same_time_migrate_once() {
    let (database, client) = lived_in().await;
    let url = database.url();
    let variables = [("DATABASE_URL", url.as_str())];
    let (first, second) = tokio::join!(program::run("migrate", &variables), program::run("migrate", &variables));
    assert_eq!((first.code, second.code), (Some(0), Some(0)), "{} {}", first.stderr, second.stderr);
    let applied = |ended: &program::Ended| ended.stderr.matches("the schema was brought up to date").count();
    assert_eq!(applied(&first) + applied(&second), 1);
    assert_eq!(count(&client, VERSIONS).await, i64::from(newest_version()));
    assert_boards_are_true(&client).await;
}

#[tokio::test]
async fn an_index_that_a_crash_left_unfinished_is_built_again() {
    let (database, client) = lived_in().await;
    migrate(&database).await;
    let before = fingerprint(&client).await;
    // What a crash in the middle of building leaves: an index that is there and not used.
    client.batch_execute("drop index concurrently scores_user_scenario_best").await.unwrap();
    let twice = "create unique index concurrently scores_user_scenario_best on scores (user_id)";
    client.batch_execute(twice).await.unwrap_err();
    assert_eq!(count(&client, INVALID).await, 1);
    migrate(&database).await;
    assert_eq!(fingerprint(&client).await, before);
}

#[tokio::test]
async fn the_earlier_server_can_go_on_making_accounts_that_differ_by_case() {
    let (database, client) = lived_in().await;
    migrate(&database).await;
    let twin = "insert into users (id, email, hashed_password, username)
        select gen_random_uuid(), upper(email), hashed_password, upper(username) from users where username = 'ada'";
    client.batch_execute(twin).await.unwrap();
    migrate(&database).await;
    assert_eq!(count(&client, INVALID).await, 0);
    assert_eq!(count(&client, "select count(*) from users where lower(username) = 'ada'").await, 2);
}

/// Waits until the transactions of this client have been open for this many seconds.
async fn until_open_for(watcher: &Client, what: &str, seconds: f64) {
    let age =
        "select coalesce(max(extract(epoch from clock_timestamp() - xact_start)), 0)::float8 from pg_stat_activity
        where datname = current_database() and application_name = $1";
    eventually("an old transaction", async || {
        watcher.query_one(age, &[&what]).await.unwrap().get::<_, f64>(0) > seconds
    })
    .await;
}

#[tokio::test]
async fn a_long_transaction_elsewhere_delays_the_indexes_and_fails_nothing() {
    let (database, watcher) = lived_in().await;
    let reader = database.client().await;
    // A backup holds a snapshot like this one for as long as it runs.
    let begin = "set application_name = 'backup'; begin isolation level repeatable read; select count(*) from pg_class";
    reader.batch_execute(begin).await.unwrap();
    let started = migrating(&database);
    let building = "select count(*) from pg_stat_activity where datname = current_database()
        and query like 'create%index concurrently%' and wait_event_type = 'Lock'";
    eventually("an index that waits", async || count(&watcher, building).await == 1).await;
    until_open_for(&watcher, "backup", 6.5).await;
    assert!(!started.is_finished(), "{:?}", started.await);
    reader.batch_execute("commit").await.unwrap();
    assert_eq!(started.await.unwrap(), Ok(()));
    assert_eq!(count(&watcher, INVALID).await, 0);
}

#[tokio::test]
async fn a_table_in_use_delays_the_migration_and_holds_up_nobody_else() {
    let (database, watcher) = lived_in().await;
    let reader = database.client().await;
    let begin = "set application_name = 'report'; begin; select count(*) from users";
    reader.batch_execute(begin).await.unwrap();
    let started = migrating(&database);
    let waiting = "select count(*) from pg_stat_activity where datname = current_database()
        and application_name = 'repduel-backend migrate' and wait_event_type = 'Lock'";
    eventually("a migration that waits", async || count(&watcher, waiting).await == 1).await;
    // A reader who comes later stands behind the migration in the queue, until it steps back.
    let began = std::time::Instant::now();
    watcher.batch_execute("select count(*) from users").await.unwrap();
    assert!(began.elapsed().as_secs_f64() < 2.0, "a reader was held up for {:?}", began.elapsed());
    until_open_for(&watcher, "report", 6.5).await;
    assert!(!started.is_finished(), "{:?}", started.await);
    reader.batch_execute("commit").await.unwrap();
    assert_eq!(started.await.unwrap(), Ok(()));
}

/// Many lifters with many scores, so that the migration takes its time.
const CROWD: &str = "
    insert into users (id, email, hashed_password, username, is_active, energy)
    select gen_random_uuid(), 'crowd' || n || '@example.com', '-', 'crowd' || n, n % 10 <> 0, n from generate_series(1, 2000) as n;
    insert into scenarios (id, name) select 'lift_' || n, 'Lift ' || n from generate_series(1, 5) as n;
    insert into scores (user_id, scenario_id, score_value, weight_lifted, created_at)
    select users.id, 'lift_' || lift, (random() * 300)::integer, 1, now() - random() * interval '1 year'
    from users, generate_series(1, 5) as lift, generate_series(1, 10)
    where username like 'crowd%'";

/// What the earlier server does again and again, in one transaction each; `$1` picks a lifter.
const HABITS: [&str; 6] = [
    // Records a lift and raises the energy.
    "insert into scores (user_id, scenario_id, score_value, weight_lifted, created_at)
     select id, 'lift_' || (1 + random() * 4)::integer, (random() * 400)::integer, 1, clock_timestamp() from users where username = $1;
     update users set energy = energy + 1, updated_at = now() where username = $1",
    // Raises the energy before it records the lift.
    "update users set energy = energy + 1 where username = $1;
     insert into scores (user_id, scenario_id, score_value, weight_lifted, created_at)
     select id, 'lift_1', (random() * 400)::integer, 1, clock_timestamp() from users where username = $1",
    // Deletes a lifter's scores.
    "delete from scores where user_id = (select id from users where username = $1)",
    // Lets a lifter go, or come back.
    "update users set is_active = not is_active where username = $1",
    // Gives a lifter other names, or the ones from before.
    "update users set username = case username when $1 then upper($1) else $1 end, display_name = 'Shown at ' || clock_timestamp()
     where username in ($1, upper($1))",
    // Deletes an account with everything that belongs to it.
    "delete from users where username = $1 and energy > 1500",
];

/// Ten lifters around each lifter of the crowd.
const EDGES: &str = "
    insert into social_edges (follower_id, followee_id)
    select a.id, b.id from users as a join users as b on a.energy <> b.energy and (3 * a.energy + b.energy)::integer % 400 < 2";

/// What the earlier server does to edges, in one statement each; `$1` picks a lifter.
const FOLLOWS: [&str; 4] = [
    // Follows somebody.
    "insert into social_edges (follower_id, followee_id)
     select a.id, b.id from users as a, users as b
     where a.username = $1 and b.username = 'crowd' || (1 + random() * 1999)::integer on conflict do nothing",
    // Follows nobody any more.
    "delete from social_edges where follower_id = (select id from users where username = $1)",
    // Lets a lifter go, or come back.
    "update users set is_active = not is_active where username = $1",
    // Deletes an account with everything that belongs to it.
    "delete from users where username = $1 and energy > 1500",
];

/// One connection of the earlier server; answers how many transactions it committed.
async fn write_until(client: Client, habit: &'static str, over: Arc<AtomicBool>) -> usize {
    let mut committed = 0;
    for n in (0..).map(|n| (n * 7) % 2000 + 1) {
        if over.load(Ordering::SeqCst) {
            break;
        }
        let transaction = format!("begin; {}; commit", habit.replace("$1", &format!("'crowd{n}'")));
        match client.batch_execute(&transaction).await {
            Ok(()) => committed += 1,
            // A lift of somebody whose account is being deleted is refused, whoever migrates.
            Err(error) if error.code() == Some(&SqlState::FOREIGN_KEY_VIOLATION) => {
                client.batch_execute("rollback").await.unwrap();
            }
            Err(error) => panic!("{habit}: {error:?}"),
        }
    }
    committed
}

#[tokio::test]
async fn boards_and_names_are_true_though_the_earlier_server_writes_all_the_while() {
    let (database, client) = legacy().await;
    client.batch_execute(CROWD).await.unwrap();
    let over = Arc::new(AtomicBool::new(false));
    let mut writers = Vec::new();
    for habit in HABITS {
        for _ in 0..2 {
            writers.push(tokio::spawn(write_until(database.client().await, habit, Arc::clone(&over))));
        }
    }
    let migrated = migrating(&database).await.unwrap();
    // Once more with the triggers in place, until the boards have been written to for a while.
    let marked = count(&client, "select max(id)::bigint from scores").await;
    eventually("more scores", async || count(&client, "select max(id)::bigint from scores").await > marked + 200).await;
    over.store(true, Ordering::SeqCst);
    for writer in writers {
        assert!(writer.await.unwrap() > 10);
    }
    assert_eq!(migrated, Ok(()));
    assert_boards_are_true(&client).await;
    assert_names_are_true(&client).await;
}

#[tokio::test]
async fn counts_of_edges_are_true_though_the_earlier_server_writes_all_the_while() {
    let (database, client) = legacy().await;
    client.batch_execute(CROWD).await.unwrap();
    client.batch_execute(EDGES).await.unwrap();
    let over = Arc::new(AtomicBool::new(false));
    let mut writers = Vec::new();
    for habit in FOLLOWS {
        for _ in 0..2 {
            writers.push(tokio::spawn(write_until(database.client().await, habit, Arc::clone(&over))));
        }
    }
    let migrated = migrating(&database).await.unwrap();
    // Once more with all triggers in place, until edges were written for a while.
    client.batch_execute("create table marked as select follower_id, followee_id from social_edges").await.unwrap();
    let newer = "select count(*) from social_edges left join marked using (follower_id, followee_id)
        where marked.follower_id is null";
    eventually("more edges", async || count(&client, newer).await > 20).await;
    over.store(true, Ordering::SeqCst);
    for writer in writers {
        assert!(writer.await.unwrap() > 10);
    }
    assert_eq!(migrated, Ok(()));
    assert_follows(&client).await;
}

#[tokio::test]
async fn a_start_that_was_ended_while_it_filled_the_boards_is_made_good_by_the_next() {
    let (database, client) = lived_in().await;
    migrate(&database).await;
    assert_boards_are_true(&client).await;
    let before = fingerprint(&client).await;
    // What the end of the program leaves then: boards that are filled in part, and the procedure that fills them.
    client.batch_execute(include_str!("../../migrations/V004__fill_boards.sql")).await.unwrap();
    let part =
        "delete from personal_bests where scenario_id <> 'deadlift'; delete from energy_standings where energy < 1000";
    client.batch_execute(part).await.unwrap();
    migrate(&database).await;
    assert_boards_are_true(&client).await;
    // What was noted meanwhile is folded, as a worker does.
    client.batch_execute("select fold_boards(100000)").await.unwrap();
    let schema = lines(&client, "select oid::regprocedure::text from pg_proc where prokind = 'p'").await;
    assert!(schema.is_empty(), "{schema:?}");
    assert_eq!(fingerprint(&client).await.len(), before.len());
}

/// What a start leaves that was ended while it filled in the names, where a build of the time before has indexed those of users.
async fn leave_names_in_part(client: &Client) {
    let (_, procedure) =
        include_str!("../../migrations/V023__lifter_names.sql").split_once("\ncreate procedure").unwrap();
    client.batch_execute(&format!("create procedure{procedure}")).await.unwrap();
    client.batch_execute(include_str!("../../migrations/V024__search_by_lifter_names.sql")).await.unwrap();
    let state = "delete from lifter_names where username > 'c';
        alter index lifter_names_trigrams set (fastupdate = on);
        create index users_username_trigrams on users using gin (lower(username) gin_trgm_ops);
        create index users_display_name_trigrams on users using gin (lower(display_name) gin_trgm_ops)";
    client.batch_execute(state).await.unwrap();
}

const OLD_TRIGRAMS: &str =
    "select count(*) from pg_class where relname in ('users_username_trigrams', 'users_display_name_trigrams')";

#[tokio::test]
async fn a_start_that_was_ended_while_it_filled_the_names_is_made_good_before_their_old_indexes_go() {
    let (database, client) = lived_in().await;
    migrate(&database).await;
    let schema = "select concat(indexdef, (select reloptions from pg_class where relname = indexname)) from pg_indexes
        where tablename = 'lifter_names' order by 1";
    let before = lines(&client, schema).await;
    let leaver =
        "insert into users (id, username, email, hashed_password) values (gen_random_uuid(), 'leaver', 'l', '-')";
    client.batch_execute(leaver).await.unwrap();
    leave_names_in_part(&client).await;
    // Somebody is about to be deleted: the fill cannot pass them.
    let other = database.client().await;
    other.batch_execute("begin; delete from users where username = 'leaver'").await.unwrap();
    let started = migrating(&database);
    let waiting = "select count(*) from pg_stat_activity where datname = current_database()
        and query like 'call backfill_lifter_names()%' and wait_event_type = 'Lock'";
    eventually("a fill that waits", async || count(&client, waiting).await == 1).await;
    assert_eq!(count(&client, OLD_TRIGRAMS).await, 2, "the build before goes on searching by them");
    other.batch_execute("commit").await.unwrap();
    assert_eq!(started.await.unwrap(), Ok(()));
    assert_names_are_true(&client).await;
    assert_eq!(count(&client, "select count(*) from lifter_names where username = 'leaver'").await, 0);
    assert_eq!(count(&client, OLD_TRIGRAMS).await, 0);
    assert_eq!(lines(&client, schema).await, before);
    assert_eq!(count(&client, "select count(*) from pg_proc where prokind = 'p'").await, 0);
}

#[tokio::test]
async fn a_migration_that_fails_leaves_the_schema_and_the_server_that_runs() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    app.lift(&ada, "deadlift", 100.0).await;
    // The newest migrations once more: what they make is there already, so the first one fails.
    let newest = "delete from refinery_schema_history where version >= 15";
    app.pg.batch_execute(newest).await.unwrap();
    let before = fingerprint(&app.pg).await;
    let ended = program::run("migrate", &[("DATABASE_URL", &app.database_url())]).await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("already exists"), "{}", ended.stderr);
    let served = program::run("serve", &[("DATABASE_URL", &app.database_url())]).await;
    assert_eq!(served.code, Some(1), "a server does not start on a schema that is not its own");
    assert_eq!(fingerprint(&app.pg).await, before);
    app.lift(&ada, "deadlift", 110.0).await;
    app.get("/api/v1/energy/leaderboard").await.expect(200);
}
