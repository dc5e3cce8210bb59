//! What callers meet when the database is cut off, frozen, restarted or full, when a client hangs up, when a handler panics.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use repduel_backend::app::App;
use repduel_backend::domain::users;
use repduel_backend::error::Result;
use repduel_backend::http::route::Table;
use repduel_backend::http::{Json, Route};
use repduel_backend::ids::UserId;
use repduel_backend::route;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_postgres::Client;
use uuid::Uuid;

use crate::support::cluster::{moved, port_of};
use crate::support::{Answer, Cluster, Lifter, PASSWORD, Proxy, Request, Served, TestApp, TestDatabase, eventually};

/// Callers are promised an answer within 2 s; the rest is for measuring it on a busy machine.
const SOON: Duration = Duration::from_millis(2_500);
const SQUAT: &str = "/api/v1/scores/scenario/back_squat";
const SQUAT_BOARD: &str = "/api/v1/scores/scenario/back_squat/leaderboard";
const ME: &str = "/api/v1/users/me";

/// The service with a line to its database that can be cut.
async fn behind_proxy() -> (TestApp, Proxy) {
    let database = TestDatabase::migrated().await;
    let url = database.url();
    let proxy = Proxy::to(SocketAddr::from(([127, 0, 0, 1], port_of(&url)))).await;
    let through = moved(&url, "127.0.0.1", proxy.address.port());
    (TestApp::through(database, &through).await, proxy)
}

/// One request to each kind of route that needs the database, of a lifter with this name and token.
fn data_requests(address: SocketAddr, name: &str, token: &str) -> Vec<Request> {
    let get = |path: &str| Request::new(address, "GET", path);
    let login = format!("username={name}%40example.com&password={}", PASSWORD.replace(' ', "+"));
    vec![
        get(ME).bearer(token),
        get(SQUAT_BOARD),
        get("/api/v1/energy/leaderboard"),
        get("/api/v1/scenarios"),
        get("/api/v1/scenarios/back_squat/details"),
        Request::new(address, "POST", SQUAT).bearer(token).json(&json!({ "weight_lifted": 100 })),
        Request::new(address, "PATCH", "/api/v1/users/me/unit").bearer(token).json(&json!({ "preferred_unit": "kg" })),
        Request::new(address, "POST", "/api/v1/users/login").body("application/x-www-form-urlencoded", login),
    ]
}

/// Sends it and measures how long the answer takes.
async fn timed(request: &Request) -> (Answer, Duration) {
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

/// A lifter who registers and logs in as anybody does.
async fn registered(address: SocketAddr, name: &str) -> String {
    let new = json!({ "username": name, "email": format!("{name}@example.com"), "password": PASSWORD });
    Request::new(address, "POST", "/api/v1/users").json(&new).send().await.expect(201);
    let login = format!("username={name}%40example.com&password={}", PASSWORD.replace(' ', "+"));
    let request = Request::new(address, "POST", "/api/v1/users/login");
    let answer = request.body("application/x-www-form-urlencoded", login).send().await.expect(200);
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

/// Locks a lifter's row, as a score that is being recorded does. Dropping the client lets go of it.
async fn hold_lifter(app: &TestApp, lifter: &Lifter) -> Client {
    let holder = crate::support::database::connect(&database_url(app)).await;
    holder.batch_execute("begin").await.unwrap();
    holder.query_one("select 1 from users where id = $1 for update", &[&lifter.id]).await.unwrap();
    holder
}

/// The address of the app's database, past any proxy.
fn database_url(app: &TestApp) -> String {
    let (_, url) = app.app.config.database_urls.first().unwrap();
    let cluster = port_of(&crate::support::database::cluster_url());
    moved(url.expose(), "127.0.0.1", cluster)
}

/// How many of the service's statements wait for a lock.
async fn waiting(app: &TestApp) -> i64 {
    app.count(
        "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'repduel-backend'
         and wait_event_type = 'Lock'",
    )
    .await
}

/// Waits until as many of the service's statements wait for a lock.
async fn until_waiting(app: &TestApp, statements: i64) {
    eventually("a statement that waits for the lock", async || waiting(app).await == statements).await;
}

fn score(app: &TestApp, lifter: &Lifter) -> Request {
    app.request("POST", SQUAT).bearer(&lifter.token).json(&json!({ "weight_lifted": 100, "reps": 5 }))
}

#[tokio::test]
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
    let token = registered(served.address, "ada").await;
    let requests = data_requests(served.address, "ada", &token);
    for request in &requests {
        request.send().await.expect(200);
    }
    cluster.freeze();
    assert_all_unavailable(&requests).await;
    assert_health_says_away(served.address).await;
    cluster.thaw();
    for request in &requests {
        request.send().await.expect(200);
    }
}

#[tokio::test]
async fn a_restart_of_postgresql_costs_503s_and_loses_no_score() {
    let cluster = Cluster::start("durable");
    let served = Served::start(&[("DATABASE_URL", &cluster.url())]).await;
    let token = registered(served.address, "ada").await;
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
        let streams = requests[..7].iter().cloned().map(|request| tokio::spawn(stream(request)));
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
        recorded[5]
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

/// Sends the request's bytes and hangs up as soon as `meanwhile` is over.
async fn hang_up(address: SocketAddr, head: &str, body: &str, meanwhile: impl Future<Output = ()>) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let request = format!(
        "{head}\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    meanwhile.await;
}

#[tokio::test]
async fn a_client_that_hangs_up_in_the_middle_of_a_write_does_not_cut_it_in_half() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let holder = hold_lifter(&app, &ada).await;
    let head = format!("POST {SQUAT} HTTP/1.1\r\nauthorization: Bearer {}", ada.token);
    hang_up(app.address, &head, r#"{"weight_lifted": 100, "reps": 5}"#, until_waiting(&app, 1)).await;
    // The server has noticed by the time it has answered somebody else; the write must have outlived that.
    app.get("/health").await.expect(200);
    assert_eq!(waiting(&app).await, 1);
    drop(holder);
    eventually("the score", async || app.count("select count(*) from scores").await == 1).await;
    let whole = "select count(*) from scores
        join personal_bests as best on best.score_id = scores.id
        join personal_best_events as event on event.user_id = scores.user_id and event.score_value = scores.score_value
        join user_xp on user_xp.user_id = scores.user_id
        where user_xp.total_xp = (select sum(amount) from xp_events where xp_events.user_id = scores.user_id)";
    assert_eq!(app.count(whole).await, 1);
}

#[tokio::test]
async fn clients_that_leave_during_a_read_take_no_connection_with_them() {
    let app = TestApp::with_variables(&[("DATABASE_POOL_SIZE", "2")]).await;
    let holder = crate::support::database::connect(&database_url(&app)).await;
    holder.batch_execute("begin; lock table personal_bests in access exclusive mode").await.unwrap();
    let head = format!("GET {SQUAT_BOARD} HTTP/1.1");
    for reader in 1..=2 {
        hang_up(app.address, &head, "", until_waiting(&app, reader)).await;
    }
    holder.batch_execute("commit").await.unwrap();
    for _ in 0..5 {
        let (answer, took) = timed(&app.request("GET", SQUAT_BOARD)).await;
        answer.expect(200);
        assert!(took < Duration::from_millis(1_000), "answered after {took:?}");
    }
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

#[tokio::test]
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

async fn panicking(_: Arc<App>) -> Result<Json<bool>> {
    panic!("a handler of the tests")
}

/// Locks the lifter and panics with the transaction open.
async fn panicking_in_transaction(app: Arc<App>, name: repduel_backend::http::Path<(UserId,)>) -> Result<Json<bool>> {
    let user = name.0.0;
    app.db
        .tx(|tx| async move {
            users::lock(&tx, user).await?;
            panic!("a transaction of the tests")
        })
        .await
}

/// Locks the lifter and waits for ever with the transaction open.
async fn dawdling(app: Arc<App>, name: repduel_backend::http::Path<(UserId,)>) -> Result<Json<bool>> {
    let user = name.0.0;
    app.db
        .tx(|tx| async move {
            users::lock(&tx, user).await?;
            std::future::pending().await
        })
        .await
}

/// The real routes, and some that go wrong.
static FAULTY: Table =
    &[repduel_backend::domain::ops::ROUTES, users::ROUTES, repduel_backend::domain::scores::ROUTES, BROKEN];
const BROKEN: &[Route] = &[
    route!(Get "/panics" panicking "Panics."),
    route!(Post "/panics" panicking "Panics."),
    route!(Post "/panics/{user_id}" panicking_in_transaction "Panics in a transaction."),
    route!(Get "/dawdles/{user_id}" dawdling "Never ends its transaction."),
];

#[tokio::test]
async fn a_handler_that_panics_answers_500_and_the_server_lives_on() {
    let app = TestApp::with_table(FAULTY).await;
    for method in ["GET", "HEAD", "POST"] {
        let answer =
            app.request(method, "/panics").header("x-request-id", "a-panic").try_send().await.unwrap().expect(500);
        let ordinary = app.get("/health").await.expect(200);
        for name in ordinary.headers.keys().filter(|name| *name != "content-length") {
            assert!(answer.headers.contains_key(name), "{method}: a panic's answer has no {name}");
        }
        assert_eq!(answer.header("x-request-id"), Some("a-panic"));
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        if method != "HEAD" {
            assert_eq!(
                (answer.error_code().as_str(), &answer.json()["request_id"]),
                ("internal_error", &json!("a-panic"))
            );
            assert!(!String::from_utf8_lossy(&answer.body).contains("of the tests"));
        }
    }
}

#[tokio::test]
async fn transactions_that_are_left_behind_hold_neither_locks_nor_connections() {
    let app = TestApp::with_table(FAULTY).await;
    let ada = app.lifter("ada").await;
    // More than the pool has connections.
    for _ in 0..25 {
        app.request("POST", &format!("/panics/{}", ada.id)).try_send().await.unwrap().expect(500);
    }
    let head = format!("GET /dawdles/{} HTTP/1.1", ada.id);
    let locked =
        "select count(*) from pg_stat_activity where datname = current_database() and state = 'idle in transaction'";
    hang_up(app.address, &head, "", eventually("the lock", async || app.count(locked).await == 1)).await;
    let (answer, took) = timed(&score(&app, &ada)).await;
    answer.expect(200);
    assert!(took < SOON, "the lock was held for {took:?}");
    assert_eq!(app.count(locked).await, 0);
    let stranger = Uuid::new_v4();
    app.request("POST", &format!("/panics/{stranger}")).try_send().await.unwrap().expect(401);
}
