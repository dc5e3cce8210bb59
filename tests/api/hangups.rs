//! What a client that hangs up and a handler that goes wrong leave behind: nothing.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use repduel_backend::app::App;
use repduel_backend::domain::auth::Caller;
use repduel_backend::domain::{ops, scores, users};
use repduel_backend::error::Result;
use repduel_backend::http::route::Table;
use repduel_backend::http::{Json, Path, Route};
use repduel_backend::ids::UserId;
use repduel_backend::route;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use uuid::Uuid;

use crate::faults::{SOON, SQUAT, SQUAT_BOARD, database_url, hold_lifter, score, timed, until_waiting, waiting};
use crate::support::{TestApp, eventually};

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

async fn panicking(_: Arc<App>) -> Result<Json<bool>> {
    panic!("a handler of the tests")
}

/// This lifter, as a token without a session names them.
fn caller(app: &App, user: UserId) -> Caller {
    Caller { user, session: None, issued_at: app.clock.now() }
}

/// Locks the lifter and panics with the transaction open.
async fn panicking_in_transaction(app: Arc<App>, Path((user,)): Path<(UserId,)>) -> Result<Json<bool>> {
    let caller = caller(&app, user);
    app.db
        .tx(|tx| async move {
            users::lock(&tx, caller).await?;
            panic!("a transaction of the tests")
        })
        .await
}

/// Locks the lifter and waits for ever with the transaction open.
async fn dawdling(app: Arc<App>, Path((user,)): Path<(UserId,)>) -> Result<Json<bool>> {
    let caller = caller(&app, user);
    app.db
        .tx(|tx| async move {
            users::lock(&tx, caller).await?;
            std::future::pending().await
        })
        .await
}

/// The real routes, and some that go wrong.
static FAULTY: Table = &[ops::ROUTES, users::ROUTES, scores::ROUTES, BROKEN];
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
