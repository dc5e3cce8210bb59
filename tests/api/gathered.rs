//! Reads of many callers in one statement: everybody gets what is theirs, as of when they asked, and nobody waits for nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_postgres::Client;
use uuid::Uuid;

use crate::faults::{SOON, behind_proxy, database_url, timed, until_waiting};
use crate::sessions::legacy::legacy;
use crate::support::database::connect;
use crate::support::{Answer, Lifter, Request, TestApp, eventually};

const ME: &str = "/api/v1/users/me";
/// Lifters who ask at the same time, several times over.
pub const CROWD: usize = 20;

/// Keeps everybody from reading accounts. Dropping the client lets go.
async fn hold_accounts(app: &TestApp) -> Client {
    let holder = connect(&database_url(app)).await;
    holder.batch_execute("begin; lock table users in access exclusive mode").await.unwrap();
    holder
}

/// Sends it; answers when it is in hand, as the one of this number.
pub async fn in_hand(app: &TestApp, request: Request, number: i64) -> JoinHandle<(Answer, Duration)> {
    let sent = tokio::spawn(async move { timed(&request).await });
    eventually("a request in hand", async || app.app.telemetry.metrics.in_flight.get() == number).await;
    sent
}

/// How often this statement has run.
pub async fn runs(app: &TestApp, statement: &str) -> f64 {
    let name = format!("db_query_duration_seconds_count{{statement=\"{statement}\"}} ");
    let figures = String::from_utf8(app.get("/metrics").await.expect(200).body.to_vec()).unwrap();
    figures.lines().find_map(|line| line.strip_prefix(&name)).map_or(0.0, |count| count.parse().unwrap())
}

pub async fn crowd(app: &TestApp) -> Vec<Lifter> {
    let mut crowd = Vec::new();
    for number in 0..CROWD {
        crowd.push(app.lifter(&format!("lifter{number}")).await);
    }
    crowd
}

#[tokio::test]
async fn who_asks_meanwhile_is_answered_in_one_statement_each_with_their_own() {
    let app = TestApp::start().await;
    let crowd = crowd(&app).await;
    // The same account with a session that lives, with one that has ended, and with tokens of the earlier server.
    let (ended, retired, gone) = (app.renewed(&crowd[0]).await, app.lifter("retired").await, app.lifter("gone").await);
    app.request("POST", "/api/v1/users/logout").bearer(&ended.token).send().await.expect(204);
    let (legacy, _) = legacy(crowd[1].id, app.app.clock.now().unix_s());
    app.pg.execute("update users set is_active = false where id = $1", &[&retired.id]).await.unwrap();
    app.pg.execute("delete from users where id = $1", &[&gone.id]).await.unwrap();
    let mut asking: Vec<(String, Option<Value>)> =
        crowd.iter().map(|lifter| (lifter.token.clone(), Some(Value::from(lifter.id.to_string())))).collect();
    asking.push((legacy, Some(Value::from(crowd[1].id.to_string()))));
    asking.extend([ended, retired, gone].map(|lifter| (lifter.token, None)));
    asking.extend(asking.clone());

    app.get_as(&crowd[0], ME).await.expect(200);
    let before = runs(&app, "users/get_own").await;
    let holder = hold_accounts(&app).await;
    let first = in_hand(&app, app.request("GET", ME).bearer(&crowd[0].token), 1).await;
    until_waiting(&app, 1).await;
    let mut waiting = Vec::new();
    for (number, (token, whose)) in (2..).zip(&asking) {
        waiting.push((in_hand(&app, app.request("GET", ME).bearer(token), number).await, whose));
    }
    drop(holder);
    first.await.unwrap().0.expect(200);
    for (answer, whose) in waiting {
        let (answer, _) = answer.await.unwrap();
        match whose {
            Some(id) => assert_eq!(&answer.expect(200).json()["id"], id),
            None => assert_eq!(answer.expect(401).error_code(), "invalid_token"),
        }
    }
    assert!((runs(&app, "users/get_own").await - before - 2.0).abs() < f64::EPSILON);
}

#[tokio::test]
async fn places_that_are_asked_for_at_once_are_those_that_are_asked_for_one_by_one() {
    let app = TestApp::start().await;
    let crowd = crowd(&app).await;
    for (number, lifter) in (0..).zip(&crowd) {
        app.patch_as(lifter, "/api/v1/users/me", json!({ "weight": 80 })).await.expect(200);
        app.lift(lifter, if number % 5 == 0 { "back_squat" } else { "deadlift" }, 100.0 + f64::from(number / 4)).await;
    }
    let nobody = Uuid::new_v4();
    let mut paths =
        vec![format!("/api/v1/energy/rank/{nobody}"), format!("/api/v1/scores/scenario/none/rank/{nobody}")];
    for (around, lifter) in [0, 1, 2, 5, 25].into_iter().cycle().zip(&crowd) {
        paths.push(format!("/api/v1/energy/rank/{}?around={around}", lifter.id));
        for scenario in ["deadlift", "back_squat"] {
            paths.push(format!("/api/v1/scores/scenario/{scenario}/rank/{}?around={around}", lifter.id));
        }
    }
    let token = &crowd[0].token;
    let alone = app.another().await;
    let mut expected = Vec::new();
    for path in &paths {
        expected.push(Request::new(alone, "GET", path).bearer(token).send().await);
    }
    let statements = ["energy/get_rank", "scores/get_rank"];
    let before = [runs(&app, statements[0]).await, runs(&app, statements[1]).await];
    let holder = connect(&database_url(&app)).await;
    holder.batch_execute("begin; lock table personal_bests, energy_standings in access exclusive mode").await.unwrap();
    let mut waiting = Vec::new();
    for (number, path) in (1..).zip(&paths) {
        waiting.push(in_hand(&app, app.request("GET", path).bearer(token), number).await);
    }
    until_waiting(&app, 2).await;
    drop(holder);
    for ((answer, path), expected) in waiting.into_iter().zip(&paths).zip(expected) {
        let (answer, _) = answer.await.unwrap();
        assert_eq!(answer.status, expected.status, "{path}");
        if answer.status == 200 {
            assert_eq!(answer.json(), expected.json(), "{path}");
        } else {
            assert_eq!(answer.expect(404).detail(), expected.detail(), "{path}");
        }
    }
    for (statement, before) in statements.into_iter().zip(before) {
        let runs = runs(&app, statement).await - before;
        assert!((1.0..=3.0).contains(&runs), "{statement} ran {runs} times");
    }
}

#[tokio::test]
async fn who_leaves_takes_nobody_along() {
    let app = TestApp::start().await;
    let (ada, ben) = (app.lifter("ada").await, app.lifter("ben").await);
    let holder = hold_accounts(&app).await;
    let first = in_hand(&app, app.request("GET", ME).bearer(&ada.token), 1).await;
    until_waiting(&app, 1).await;
    let second = in_hand(&app, app.request("GET", ME).bearer(&ada.token), 2).await;
    let third = in_hand(&app, app.request("GET", ME).bearer(&ben.token), 3).await;
    first.abort();
    second.abort();
    eventually("that they have left", async || app.app.telemetry.metrics.in_flight.get() == 1).await;
    drop(holder);
    assert_eq!(third.await.unwrap().0.expect(200).json()["username"], "ben");
    assert_eq!(app.get_as(&ada, ME).await.expect(200).json()["username"], "ada");
}

#[tokio::test]
async fn a_lost_line_is_told_to_all_who_wait() {
    let (app, proxy) = behind_proxy().await;
    let (crowd, holder) = (crowd(&app).await, hold_accounts(&app).await);
    let mut waiting = Vec::new();
    for (number, lifter) in (1..).zip(&crowd) {
        waiting.push(in_hand(&app, app.request("GET", ME).bearer(&lifter.token), number).await);
    }
    proxy.cut();
    for answer in waiting {
        let (answer, took) = answer.await.unwrap();
        assert_eq!(answer.expect(503).error_code(), "service_unavailable");
        assert!(took < SOON, "{took:?}");
    }
    drop(holder);
    proxy.mend();
    for lifter in &crowd {
        app.get_as(lifter, ME).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_committed_before_one_asks_is_seen_though_others_ask_all_the_while() {
    let app = Arc::new(TestApp::start().await);
    let (ada, over) = (app.lifter("ada").await, Arc::new(AtomicBool::new(false)));
    let mut others = Vec::new();
    for lifter in crowd(&app).await {
        let (app, over) = (Arc::clone(&app), Arc::clone(&over));
        others.push(tokio::spawn(async move {
            let mut asked = 0;
            while !over.load(Ordering::Relaxed) {
                app.get_as(&lifter, ME).await.expect(200);
                app.get_as(&lifter, "/api/v1/energy/leaderboard").await.expect(200);
                asked += 1;
            }
            asked
        }));
    }
    for round in 0..40 {
        let session = app.renewed(&ada).await;
        let name = format!("ada{round}");
        app.pg.execute("update users set display_name = $2 where id = $1", &[&ada.id, &name]).await.unwrap();
        assert_eq!(app.get_as(&session, ME).await.expect(200).json()["display_name"], name.as_str());
        app.pg
            .execute("update users set energy = $2 where id = $1", &[&ada.id, &f64::from(1_000 + round)])
            .await
            .unwrap();
        let board = app.get("/api/v1/energy/leaderboard").await.expect(200).json();
        assert_eq!(board[0]["total_energy"], 1_000 + round, "{board}");
        app.request("POST", "/api/v1/users/logout").bearer(&session.token).send().await.expect(204);
        app.get_as(&session, ME).await.expect(401);
        app.get_as(&session, &format!("/api/v1/energy/rank/{}", ada.id)).await.expect(401);
    }
    over.store(true, Ordering::Relaxed);
    for other in others {
        assert!(other.await.unwrap() > 0);
    }
}
