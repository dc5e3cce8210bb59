//! The earlier server writes into the same database while traffic moves, without any of our locks: the triggers keep the
//! bests true.

use std::time::Duration;

use serde_json::json;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;
use uuid::Uuid;

use super::SQUAT;
use crate::support::database::connect;
use crate::support::ledger::{Dice, assert_bests, delete_request, lift_request, of_weight, waiting};
use crate::support::{TestApp, TestDatabase, eventually};
use crate::telemetry::figures::Figures;

/// The service, and connections to its database that are not the service's.
async fn with_connections(count: usize) -> (TestApp, Vec<Client>) {
    let database = TestDatabase::migrated().await;
    let url = database.url();
    let app = TestApp::through(database, &url).await;
    let mut connections = Vec::new();
    for _ in 0..count {
        let connection = connect(&url).await;
        // Deadlocks are ended at once instead of after a second.
        connection.batch_execute("set deadlock_timeout = '20ms'").await.unwrap();
        connections.push(connection);
    }
    (app, connections)
}

async fn insert(on: &Client, user: Uuid, scenario: &str, value: f64, age_s: f64) -> i32 {
    let statement = "insert into scores (user_id, scenario_id, score_value, weight_lifted, created_at)
        values ($1, $2, $3, $3, now() - make_interval(secs => $4)) returning id";
    on.query_one(statement, &[&user, &scenario, &value, &age_s]).await.unwrap().get(0)
}

async fn best(app: &TestApp, user: Uuid) -> Option<i32> {
    let query = "select score_id from personal_bests where user_id = $1 and scenario_id = $2";
    app.pg.query_opt(query, &[&user, &SQUAT]).await.unwrap().map(|row| row.get(0))
}

#[tokio::test]
async fn inserts_updates_and_deletions_move_the_best() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.lifter("ada").await.id, app.lifter("bob").await.id);
    let low = insert(&app.pg, ada, SQUAT, 100.0, 30.0).await;
    let high = insert(&app.pg, ada, SQUAT, 120.0, 20.0).await;
    let other = insert(&app.pg, bob, SQUAT, 90.0, 10.0).await;
    assert_eq!((best(&app, ada).await, best(&app, bob).await), (Some(high), Some(other)));
    let steps = [
        (format!("update scores set score_value = 130 where id = {low}"), Some(low)),
        (format!("update scores set score_value = 110 where id = {low}"), Some(high)),
        (format!("update scores set score_value = 'NaN' where id = {high}"), Some(low)),
        (format!("update scores set score_value = 120 where id = {high}"), Some(high)),
        (format!("update scores set scenario_id = 'deadlift' where id = {high}"), Some(low)),
        (format!("update scores set scenario_id = '{SQUAT}' where id = {high}"), Some(high)),
        (format!("update scores set weight_lifted = 7 where id = {high}"), Some(high)),
        (format!("update scores set user_id = '{bob}' where id = {high}"), Some(low)),
        (format!("update scores set user_id = '{ada}' where id = {high}"), Some(high)),
        (format!("delete from scores where id = {high}"), Some(low)),
        ("update scores set score_value = score_value - 1".to_owned(), Some(low)),
        ("delete from scores".to_owned(), None),
    ];
    for (step, expected) in steps {
        app.pg.batch_execute(&step).await.unwrap();
        assert_eq!(best(&app, ada).await, expected, "{step}");
        assert_bests(&app.pg).await;
    }
}

#[tokio::test]
async fn of_equal_scores_the_earliest_is_the_best_in_whatever_order_they_arrive() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await.id;
    let second = insert(&app.pg, ada, SQUAT, 100.0, 20.0).await;
    insert(&app.pg, ada, SQUAT, 100.0, 10.0).await;
    assert_eq!(best(&app, ada).await, Some(second));
    let first = insert(&app.pg, ada, SQUAT, 100.0, 30.0).await;
    assert_eq!(best(&app, ada).await, Some(first));
    app.pg.execute("delete from scores where id = $1", &[&first]).await.unwrap();
    assert_eq!(best(&app, ada).await, Some(second));
}

#[tokio::test]
async fn a_lifter_who_is_deactivated_while_scores_are_deleted_leaves_the_board() {
    let (app, connections) = with_connections(2).await;
    let ada = app.lifter("ada").await.id;
    insert(&app.pg, ada, SQUAT, 100.0, 2.0).await;
    let high = insert(&app.pg, ada, SQUAT, 120.0, 1.0).await;
    let [deleting, deactivating] = <[Client; 2]>::try_from(connections).ok().unwrap();
    deleting.batch_execute(&format!("begin; delete from scores where id = {high}")).await.unwrap();
    let deactivated =
        tokio::spawn(async move { deactivating.batch_execute("update users set is_active = false").await });
    eventually("the wait for the deletion", async || waiting(&app.pg).await == 1).await;
    deleting.batch_execute("commit").await.unwrap();
    deactivated.await.unwrap().unwrap();
    assert_bests(&app.pg).await;
}

#[tokio::test]
async fn two_deletions_at_once_leave_no_best_of_a_score_that_is_gone() {
    let (app, connections) = with_connections(2).await;
    let ada = app.lifter("ada").await.id;
    let low = insert(&app.pg, ada, SQUAT, 100.0, 2.0).await;
    let high = insert(&app.pg, ada, SQUAT, 120.0, 1.0).await;
    let [one, two] = <[Client; 2]>::try_from(connections).ok().unwrap();
    one.batch_execute(&format!("begin; delete from scores where id = {high}")).await.unwrap();
    let other = tokio::spawn(async move { two.batch_execute(&format!("delete from scores where id = {low}")).await });
    eventually("the wait for the first deletion", async || waiting(&app.pg).await == 1).await;
    one.batch_execute("commit").await.unwrap();
    other.await.unwrap().unwrap();
    assert_bests(&app.pg).await;
    assert_eq!(best(&app, ada).await, None);
}

/// One transaction of up to three random writes for one lifter.
async fn write_at_random(on: &Client, dice: &mut Dice, user: Uuid) {
    let mut statements = vec!["begin".to_owned()];
    for _ in 0..=dice.below(3) {
        let (scenario, value, age) = (*dice.pick(&[SQUAT, "deadlift"]), dice.below(5), dice.below(100));
        let some = format!("(select id from scores where user_id = '{user}' order by random() limit 1)");
        statements.push(match dice.below(10) {
            0 => format!("delete from scores where user_id = '{user}'"),
            1 | 2 => format!("delete from scores where id = {some}"),
            3 => format!("update scores set score_value = {value} where id = {some}"),
            4 => format!("update users set is_active = not is_active where id = '{user}'"),
            _ => format!(
                "insert into scores (user_id, scenario_id, score_value, weight_lifted, created_at)
                 values ('{user}', '{scenario}', {value}, 1, now() - interval '{age} seconds')"
            ),
        });
    }
    statements.push("commit".to_owned());
    if let Err(error) = on.batch_execute(&statements.join(";")).await {
        // Who writes without locking the lifter first may meet somebody coming the other way.
        assert_eq!(error.code(), Some(&SqlState::T_R_DEADLOCK_DETECTED), "{error:?}");
        on.batch_execute("rollback").await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn bests_stay_true_under_any_writes_of_several_connections() {
    let (app, connections) = with_connections(6).await;
    let lifters = [app.lifter("ada").await.id, app.lifter("bob").await.id];
    let mut dice = Dice::thrown();
    let mut writers = Vec::new();
    for connection in connections {
        let mut dice = Dice(dice.below(u64::MAX));
        writers.push(tokio::spawn(async move {
            for _ in 0..60 {
                let user = *dice.pick(&lifters);
                write_at_random(&connection, &mut dice, user).await;
            }
        }));
    }
    for writer in writers {
        tokio::time::timeout(Duration::from_secs(30), writer).await.unwrap().unwrap();
    }
    assert_bests(&app.pg).await;
}

/// How often the service has taken a transaction back.
async fn rollbacks(app: &TestApp) -> f64 {
    Figures::of(app).await.value("db_query_duration_seconds_count", &json!({ "statement": "rollback" }))
}

#[tokio::test]
async fn a_deletion_that_meets_the_earlier_server_in_a_deadlock_is_done_again() {
    let (app, connections) = with_connections(2).await;
    let ada = app.lifter("ada").await;
    let first = insert(&app.pg, ada.id, SQUAT, 110.0, 2.0).await;
    let second = insert(&app.pg, ada.id, SQUAT, 100.0, 1.0).await;
    let [earlier, other] = <[Client; 2]>::try_from(connections).ok().unwrap();
    let lock = "select from scores where id = $1 for update";
    // PostgreSQL looks for a deadlock once in each wait, a second after its beginning, and breaks off whoever looks. So it must
    // be the service that closes the circle, however long the steps before take: it is held by somebody else until the earlier
    // server waits, which looks too late.
    earlier.batch_execute("set deadlock_timeout = '10min'; begin").await.unwrap();
    earlier.execute(lock, &[&second]).await.unwrap();
    other.batch_execute("begin").await.unwrap();
    other.execute(lock, &[&first]).await.unwrap();
    let deleting = tokio::spawn({
        let request = delete_request(&app, &ada);
        async move { request.send().await }
    });
    eventually("the wait for the first score", async || waiting(&app.pg).await == 1).await;
    let user = ada.id;
    let inserting = tokio::spawn(async move {
        insert(&earlier, user, SQUAT, 120.0, 0.0).await;
        earlier.batch_execute("commit").await.unwrap();
    });
    eventually("the wait for the lifter", async || waiting(&app.pg).await == 2).await;
    other.batch_execute("rollback").await.unwrap();
    inserting.await.unwrap();
    deleting.await.unwrap().expect(204);
    assert!(rollbacks(&app).await > 0.5, "there was no deadlock");
    assert_eq!(app.count("select count(*) from scores").await, 0);
    assert_bests(&app.pg).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn both_servers_write_at_once() {
    let (app, connections) = with_connections(3).await;
    let lifters = [app.lifter("ada").await, app.lifter("bob").await];
    let mut dice = Dice::thrown();
    let mut writers = Vec::new();
    for connection in connections {
        let (mut dice, users) = (Dice(dice.below(u64::MAX)), [lifters[0].id, lifters[1].id]);
        writers.push(tokio::spawn(async move {
            for _ in 0..60 {
                let user = *dice.pick(&users);
                write_at_random(&connection, &mut dice, user).await;
            }
        }));
    }
    for _ in 0..4 {
        let mut dice = Dice(dice.below(u64::MAX));
        let requests = lifters.clone().map(|lifter| {
            let lift = lift_request(&app, &lifter, SQUAT, &of_weight(dice.kg(5)));
            (lift, delete_request(&app, &lifter))
        });
        writers.push(tokio::spawn(async move {
            for _ in 0..60 {
                let (lift, delete) = dice.pick(&requests).clone();
                let answer = if dice.below(6) == 0 { delete } else { lift }.send().await;
                // 401 while the earlier server has the lifter deactivated; nothing is wrong inside.
                assert!(matches!(answer.status, 200 | 204 | 401 | 404), "{answer:?}");
            }
        }));
    }
    for writer in writers {
        tokio::time::timeout(Duration::from_secs(30), writer).await.unwrap().unwrap();
    }
    assert_bests(&app.pg).await;
}
