//! What callers meet when the database is cut off, frozen, restarted or full, when a client hangs up, when a handler panics.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio_postgres::Client;

use crate::support::cluster::{moved, port_of};
use crate::support::people::register;
use crate::support::{Answer, Cluster, Lifter, PASSWORD, Proxy, Request, Served, TestApp, TestDatabase, eventually};

/// Callers are promised an answer within 2 s; the rest is for measuring it on a busy machine.
pub const SOON: Duration = Duration::from_millis(2_500);
pub const SQUAT: &str = "/api/v1/scores/scenario/back_squat";
pub const SQUAT_BOARD: &str = "/api/v1/scores/scenario/back_squat/leaderboard";
const ME: &str = "/api/v1/users/me";

/// The service with a line to its database that can be cut.
pub async fn behind_proxy() -> (TestApp, Proxy) {
    let database = TestDatabase::migrated().await;
    let url = database.url();
    let proxy = Proxy::to(SocketAddr::from(([127, 0, 0, 1], port_of(&url)))).await;
    let through = moved(&url, "127.0.0.1", proxy.address.port());
    (TestApp::through(database, &through).await, proxy)
}

/// One request to each kind of route that needs the database, of a lifter with this name and token.
fn data_requests(address: SocketAddr, name: &str, token: &str) -> Vec<Request> {
    let get = |path: &str| Request::new(address, "GET", path);
    vec![
        get(ME).bearer(token),
        get(SQUAT_BOARD),
        get("/api/v1/energy/leaderboard"),
        get("/api/v1/scenarios/back_squat/details"),
        Request::new(address, "POST", SQUAT).bearer(token).json(&json!({ "weight_lifted": 100 })),
        Request::new(address, "PATCH", "/api/v1/users/me/unit").bearer(token).json(&json!({ "preferred_unit": "kg" })),
        Request::new(address, "POST", "/api/v1/users/login").login(&format!("{name}@example.com"), PASSWORD),
    ]
}

/// Sends it and measures how long the answer takes.
pub async fn timed(request: &Request) -> (Answer, Duration) {
    let began = Instant::now();
    (request.send().await, began.elapsed())
}

#[track_caller]
fn assert_unavailable((answer, took): (Answer, Duration)) {
    let answer = answer.expect(503);
    assert_eq!(answer.error_code(), "service_unavailable");
    let retry_after: u32 = answer.header("retry-after").expect("a 503 says when to come back").parse().unwrap();
    assert!((1..=10).contains(&retry_after));
    assert!(took < SOON, "answered after {took:?}");
}

/// Whether the operators' routes tell that the database is away.
async fn assert_health_says_away(address: SocketAddr) {
    let get = |path: &str| Request::new(address, "GET", path);
    let (health, took) = timed(&get("/health")).await;
    assert_eq!(health.expect(200).json(), json!({ "status": "ok" }));
    assert!(took < Duration::from_millis(500), "the process says that it lives after {took:?}");
    assert_unavailable(timed(&get("/health/db")).await);
    let (ready, took) = timed(&get("/ready")).await;
    let body = ready.expect(503).json();
    assert_eq!((&body["status"], &body["checks"]["database"]["ok"]), (&json!("unavailable"), &json!(false)));
    assert!(body["checks"]["database"]["latency_ms"].is_number() && took < SOON);
}

/// Sends all at once and holds each against "503 in time".
async fn assert_all_unavailable(requests: &[Request]) {
    let sent = requests.iter().cloned().map(|request| tokio::spawn(async move { timed(&request).await }));
    for answer in sent.collect::<Vec<_>>() {
        assert_unavailable(answer.await.unwrap());
    }
}

/// Locks a lifter's row, as a score that is being recorded does. Dropping the client lets go of it.
pub async fn hold_lifter(app: &TestApp, lifter: &Lifter) -> Client {
    let holder = crate::support::database::connect(&database_url(app)).await;
    holder.batch_execute("begin").await.unwrap();
    holder.query_one("select 1 from users where id = $1 for update", &[&lifter.id]).await.unwrap();
    holder
}

/// The address of the app's database, past any proxy.
pub fn database_url(app: &TestApp) -> String {
    let (_, url) = app.app.config.database_urls.first().unwrap();
    let cluster = port_of(&crate::support::database::cluster_url());
    moved(url.expose(), "127.0.0.1", cluster)
}

/// How many of the service's statements wait for a lock.
pub async fn waiting(app: &TestApp) -> i64 {
    app.count(
        "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'repduel-backend'
         and wait_event_type = 'Lock'",
    )
    .await
}

/// Waits until as many of the service's statements wait for a lock.
pub async fn until_waiting(app: &TestApp, statements: i64) {
    eventually("a statement that waits for the lock", async || waiting(app).await == statements).await;
}

pub fn score(app: &TestApp, lifter: &Lifter) -> Request {
    app.request("POST", SQUAT).bearer(&lifter.token).json(&json!({ "weight_lifted": 100, "reps": 5 }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_line_answers_503_and_a_mended_one_serves_again() {
    let (app, proxy) = behind_proxy().await;
    let ada = app.lifter("ada").await;
    let requests = data_requests(app.address, "ada", &ada.token);
    for request in &requests {
        request.send().await.expect(200);
    }
    proxy.cut();
    assert_all_unavailable(&requests).await;
    assert_all_unavailable(&requests).await;
    assert_health_says_away(app.address).await;
    proxy.mend();
    for request in &requests {
        request.send().await.expect(200);
    }
    app.get("/health/db").await.expect(200);
    app.get("/ready").await.expect(200);
}

#[tokio::test]
async fn a_line_that_is_cut_in_the_middle_of_a_write_leaves_nothing_of_it() {
    let (app, proxy) = behind_proxy().await;
    let ada = app.lifter("ada").await;
    let holder = hold_lifter(&app, &ada).await;
    let request = score(&app, &ada);
    let sent = tokio::spawn(async move { timed(&request).await });
    until_waiting(&app, 1).await;
    proxy.cut();
    let answer = sent.await.unwrap().0.expect(503);
    assert_eq!(answer.header("retry-after"), Some("1"));
    drop(holder);
    eventually("the end of the statement", async || waiting(&app).await == 0).await;
    assert_eq!(app.count("select count(*) from scores").await, 0);
    proxy.mend();
    score(&app, &ada).send().await.expect(200);
    assert_eq!(app.count("select count(*) from scores").await, 1);
}

#[tokio::test]
async fn a_frozen_postgresql_answers_503_in_time_and_a_thawed_one_serves_again() {
    let mut cluster = Cluster::start("fast");
    let served = Served::start(&[("DATABASE_URL", &cluster.url())]).await;
    let token = register(served.address, "ada").await.token;
    let requests = data_requests(served.address, "ada", &token);
    for request in &requests {
        request.send().await.expect(200);
    }
    cluster.freeze();
    assert_all_unavailable(&requests).await;
    assert_health_says_away(served.address).await;
    // More than one statement answers, so that some wait behind others.
    assert_all_unavailable(&vec![Request::new(served.address, "GET", ME).bearer(&token); 200]).await;
    cluster.thaw();
    for request in &requests {
        request.send().await.expect(200);
    }
}

#[tokio::test]
async fn a_restart_of_postgresql_costs_503s_and_loses_no_score() {
    let cluster = Cluster::start("durable");
    let served = Served::start(&[("DATABASE_URL", &cluster.url())]).await;
    let token = register(served.address, "ada").await.token;
    let requests = data_requests(served.address, "ada", &token);

    let under_load = async |until_ok: bool| {
        let stream = |request: Request| async move {
            let (mut answered, mut recorded) = (0, 0);
            loop {
                let (answer, took) = timed(&request).await;
                assert!(took < SOON, "answered {} after {took:?}", answer.status);
                answered += 1;
                match answer.status {
                    200 if until_ok => return recorded + 1,
                    200 => recorded += 1,
                    503 if until_ok => {}
                    503 => return recorded,
                    _ => panic!("answered {answer:?} after {answered} others"),
                }
            }
        };
        // Logins are left out: their hashes alone would keep a small machine busy.
        let streams = requests[..6].iter().cloned().map(|request| tokio::spawn(stream(request)));
        let streams: Vec<_> = streams.collect();
        let mut recorded = Vec::new();
        if !until_ok {
            // A score that is on the board tells that all are under way.
            let pg = cluster.client().await;
            let count = "select count(*) from scores";
            let busy = async || pg.query_one(count, &[]).await.unwrap().get::<_, i64>(0) > 20;
            eventually("twenty scores", busy).await;
            drop(pg);
            cluster.crash();
        }
        for stream in streams {
            recorded.push(stream.await.unwrap());
        }
        recorded[4]
    };

    let before = under_load(false).await;
    assert_all_unavailable(&requests).await;
    assert_health_says_away(served.address).await;
    cluster.start_again();
    let after: i64 = under_load(true).await;
    let pg = cluster.client().await;
    let scores: i64 = pg.query_one("select count(*) from scores", &[]).await.unwrap().get(0);
    let (least, most) = (before + after, before + after + 1);
    assert!((least..=most).contains(&scores), "{scores} scores, and {least} were confirmed, one is not known");
    let best = "select count(*) from personal_bests join scores on scores.id = score_id where scores.score_value = personal_bests.score_value";
    assert_eq!(pg.query_one(best, &[]).await.unwrap().get::<_, i64>(0), 1);
}

#[tokio::test]
async fn a_full_pool_answers_503_in_time_while_short_reads_go_on() {
    let app = TestApp::with_variables(&[("DATABASE_POOL_SIZE", "2")]).await;
    let ada = app.lifter("ada").await;
    let holder = hold_lifter(&app, &ada).await;
    let holding: Vec<_> =
        (0..2).map(|_| score(&app, &ada)).map(|r| tokio::spawn(async move { r.send().await })).collect();
    until_waiting(&app, 2).await;

    assert_all_unavailable(&[score(&app, &ada), score(&app, &ada), app.request("GET", SQUAT_BOARD)]).await;
    let shared =
        [app.request("GET", ME).bearer(&ada.token), app.request("GET", "/health/db"), app.request("GET", "/ready")];
    for request in &shared {
        let (answer, took) = timed(request).await;
        answer.expect(200);
        assert!(took < Duration::from_millis(500), "a short read waited {took:?}");
    }
    drop(holder);
    for sent in holding {
        sent.await.unwrap().expect(200);
    }
    for _ in 0..3 {
        score(&app, &ada).send().await.expect(200);
        app.get(SQUAT_BOARD).await.expect(200);
    }
    assert_eq!(app.count("select count(*) from scores").await, 5);
}

#[tokio::test]
async fn a_statement_that_the_server_ends_answers_503_and_the_pool_recovers() {
    let app = TestApp::with_variables(&[("DATABASE_POOL_SIZE", "1")]).await;
    let ada = app.lifter("ada").await;
    let holder = hold_lifter(&app, &ada).await;
    let request = score(&app, &ada);
    let sent = tokio::spawn(async move { request.send().await });
    until_waiting(&app, 1).await;
    let end = "select count(pg_terminate_backend(pid)) from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'";
    assert_eq!(app.count(end).await, 1);
    assert_eq!(sent.await.unwrap().expect(503).header("retry-after"), Some("1"));
    drop(holder);
    score(&app, &ada).send().await.expect(200);
    assert_eq!(app.count("select count(*) from scores").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_the_server_ended_while_idle_are_replaced_unnoticed() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let requests = data_requests(app.address, "ada", &ada.token);
    for request in &requests {
        request.send().await.expect(200);
    }
    let others = "select count(pg_terminate_backend(pid, 5000)) from pg_stat_activity
        where datname = current_database() and application_name = 'repduel-backend'";
    assert!(app.count(others).await >= 3);
    for request in &requests {
        request.send().await.expect(200);
    }
}
