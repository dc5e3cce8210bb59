//! The server killed under load, and ended in order.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::support::ledger::{Dice, assert_books, of_weight, waiting};
use crate::support::people::register;
use crate::support::{Answer, Lifter, Request, Served, TestApp, TestDatabase, eventually};

const LIFTS: [&str; 4] = ["back_squat", "barbell_bench_press", "deadlift", "front_squat"];

/// A database with a server process on it. The app makes lifters and looks into the database; its own service stays unused.
async fn with_process() -> (TestApp, String, Served) {
    let database = TestDatabase::migrated().await;
    let url = database.url();
    let app = TestApp::through(database, &url).await;
    let server = Served::start(&[("DATABASE_URL", &url)]).await;
    (app, url, server)
}

/// What the clients know of the lifts they sent. The load of a lift is its name: no two have the same.
#[derive(Clone, Default)]
struct Known {
    /// Load of lifts that were answered with 200, in bits, and the id and the lifter that the answer named.
    answered: HashMap<u64, (i64, Uuid)>,
    /// Load of lifts that were sent and not answered, in bits.
    unknown: Vec<u64>,
}

/// Records one lift after another until the connection breaks.
async fn lift_until_the_end(
    server: std::net::SocketAddr,
    lifters: Arc<Vec<Lifter>>,
    known: Arc<Mutex<Known>>,
    seed: u64,
) {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let mut dice = Dice(seed);
    loop {
        // Half of the loads rise from the first round to the last, so that most of them are personal bests; the others fall
        // below. Binary fractions pass through text and back unchanged.
        let count = NEXT.fetch_add(1, Ordering::Relaxed);
        let highest = 50.0 + f64::from(count) / 32.0;
        let kg = if dice.below(2) == 0 { highest } else { dice.kg(50) + f64::from(count) / f64::from(1 << 30) };
        let lifter = dice.pick(&lifters);
        let path = format!("/api/v1/scores/scenario/{}", dice.pick(&LIFTS));
        let answer = Request::new(server, "POST", &path).bearer(&lifter.token).json(&of_weight(kg)).try_send().await;
        let mut known = known.lock().unwrap();
        let Ok(answer) = answer else {
            known.unknown.push(kg.to_bits());
            return;
        };
        assert_eq!(answer.status, 200, "{answer:?}");
        let reply: Value = answer.json();
        known.answered.insert(kg.to_bits(), (reply["score"]["id"].as_i64().unwrap(), lifter.id));
    }
}

/// Every lift that was answered is there, none is there twice, and none is there that nobody sent.
async fn assert_nothing_is_lost(app: &TestApp, known: &Known) {
    let mut stored = HashMap::new();
    for row in app.pg.query("select id, user_id, weight_lifted from scores", &[]).await.unwrap() {
        let (id, user, kg): (i32, Uuid, f64) = (row.get(0), row.get(1), row.get(2));
        assert!(stored.insert(kg.to_bits(), (i64::from(id), user)).is_none(), "{kg} kg is there twice");
    }
    for (kg, score) in &known.answered {
        assert_eq!(stored.remove(kg), Some(*score), "{} kg was answered", f64::from_bits(*kg));
    }
    for kg in stored.keys() {
        assert!(known.unknown.contains(kg), "{} kg was never sent", f64::from_bits(*kg));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killing_the_server_under_load_loses_nothing_that_was_answered() {
    let (app, url, first) = with_process().await;
    let mut lifters = Vec::new();
    for name in ["ada", "bob", "cem"] {
        lifters.push(app.lifter(name).await);
    }
    app.pg
        .execute(
            "update users set weight = 80, preferred_unit = case username when 'bob' then 'lbs' else 'kg' end",
            &[],
        )
        .await
        .unwrap();
    let (lifters, known) = (Arc::new(lifters), Arc::new(Mutex::new(Known::default())));
    let mut dice = Dice::thrown();
    let mut next = Some(first);
    for _ in 0..20 {
        let server = match next.take() {
            Some(server) => server,
            None => Served::start(&[("DATABASE_URL", &url)]).await,
        };
        let mut load = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let seed = dice.below(u64::MAX);
            load.spawn(lift_until_the_end(server.address, Arc::clone(&lifters), Arc::clone(&known), seed));
        }
        tokio::time::sleep(Duration::from_millis(40 + dice.below(360))).await; // the moment of the kill, not a wait
        server.kill().await;
        while let Some(ended) = load.join_next().await {
            ended.unwrap();
        }
        let left = "select count(*) from pg_stat_activity
            where datname = current_database() and application_name = 'repduel-backend'";
        eventually("the end of the killed server's sessions", async || app.count(left).await == 0).await;
        let known_by_now = known.lock().unwrap().clone();
        assert_nothing_is_lost(&app, &known_by_now).await;
        assert_books(&app.pg).await;
    }
    let known = known.lock().unwrap();
    println!("{} lifts were answered, {} were cut off", known.answered.len(), known.unknown.len());
    assert!(known.answered.len() >= 100, "the load was too small to prove anything");
    assert!(!known.unknown.is_empty(), "no kill met a lift that was under way");
}

/// A lift that waits for its lifter's row, until the app's connection commits.
async fn lift_at_a_lock(app: &TestApp, server: &Served) -> JoinHandle<Answer> {
    let ada = app.lifter("ada").await;
    app.pg.batch_execute("begin").await.unwrap();
    app.pg.execute("select from users where id = $1 for update", &[&ada.id]).await.unwrap();
    let path = "/api/v1/scores/scenario/back_squat";
    let request = Request::new(server.address, "POST", path).bearer(&ada.token).json(&of_weight(100.0));
    let lift = tokio::spawn(async move { request.send().await });
    eventually("the wait for the lock", async || waiting(&app.pg).await == 1).await;
    lift
}

#[tokio::test]
async fn a_server_that_is_asked_to_end_answers_first() {
    let (app, _, server) = with_process().await;
    let slow = lift_at_a_lock(&app, &server).await;

    server.terminate().await;
    let ready = Request::new(server.address, "GET", "/ready");
    eventually("the drain", async || ready.send().await.json()["status"] == "draining").await;
    assert!(!slow.is_finished());
    app.pg.batch_execute("commit").await.unwrap();
    let answer = slow.await.unwrap().expect(200);
    assert_eq!(answer.header("connection"), Some("close"));
    assert_eq!(server.ended().await.code(), Some(0));
    assert_eq!(answer.json()["score"]["id"], app.count("select id::bigint from scores").await);
    assert_books(&app.pg).await;
}

#[tokio::test]
async fn a_write_whose_client_left_is_done_before_the_server_ends() {
    let (app, _, server) = with_process().await;
    let leaving = lift_at_a_lock(&app, &server).await;
    leaving.abort();
    server.terminate().await;
    let ready = Request::new(server.address, "GET", "/ready");
    // Nobody is connected, so it need not go on listening; the write is what it still waits for.
    let drains = async || ready.try_send().await.is_ok_and(|answer| answer.json()["status"] == "draining");
    eventually("the drain", async || ready.try_send().await.is_err() || drains().await).await;
    app.pg.batch_execute("commit").await.unwrap();
    assert_eq!(server.ended().await.code(), Some(0));
    assert_eq!(app.count("select count(*) from scores").await, 1);
    assert_books(&app.pg).await;
}

#[tokio::test]
async fn an_empty_database_is_all_that_a_start_needs() {
    let database = TestDatabase::empty().await;
    let server = Served::start(&[("DATABASE_URL", &database.url())]).await;
    let to = |method, path| Request::new(server.address, method, path);
    to("GET", "/health").send().await.expect(200);
    assert_eq!(to("GET", "/ready").send().await.expect(200).json()["status"], "ready");
    let token = register(server.address, "ada").await.token;
    let lift = to("POST", "/api/v1/scores/scenario/barbell_bench_press").bearer(&token).json(&of_weight(100.0));
    lift.send().await.expect(200);
    let me = to("GET", "/api/v1/users/me").bearer(&token).send().await.expect(200).json();
    assert_eq!((&me["energy"], &me["rank"]), (&json!(183.0), &json!("Iron")));
    let board = to("GET", "/api/v1/energy/leaderboard").send().await.expect(200).json();
    assert_eq!((&board[0]["username"], &board[0]["total_energy"]), (&json!("ada"), &json!(183)));
}
