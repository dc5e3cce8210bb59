//! Clients that take their time, by the thousand: each is told or let go when its time is over, nothing of them stays, and
//! everybody else is answered as ever.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use repduel_backend::app::App;
use repduel_backend::error::Result;
use repduel_backend::http::route::Table;
use repduel_backend::http::server::CONNECTIONS_MAX;
use repduel_backend::http::{Json, Route};
use repduel_backend::route;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::edge::is_dressed;
use crate::faults::SOON;
use crate::support::database::until_warm;
use crate::support::{Request, Served, TestApp, TestDatabase, eventually};

const HEAD: &str =
    "POST /api/v1/users HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n";

/// Sends `begin` at once and a byte a second of `rest`; answers what comes back until the other end closes, and after how long.
async fn trickle(address: SocketAddr, begin: &str, rest: &'static str) -> (String, Duration) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let began = Instant::now();
    stream.write_all(begin.as_bytes()).await.unwrap();
    let (mut reading, mut writing) = stream.split();
    let sending = async {
        for byte in rest.bytes() {
            tokio::time::sleep(Duration::from_secs(1)).await;
            if writing.write_all(&[byte]).await.is_err() {
                break;
            }
        }
        pending::<()>().await;
    };
    let mut answer = Vec::new();
    tokio::select! {
        read = reading.read_to_end(&mut answer) => { let _ = read; }
        () = sending => {}
    }
    (String::from_utf8(answer).unwrap(), began.elapsed())
}

/// Whether this is the one answer with this status, and whether it came when it should.
#[track_caller]
fn is_told((answer, took): &(String, Duration), status: u16, after_s: u64) {
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "after {took:?}: {answer}");
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    is_dressed(&answer.split("\r\n\r\n").next().unwrap().to_ascii_lowercase());
    let (least, most) = (Duration::from_secs(after_s), Duration::from_secs(after_s + 8));
    assert!((least..most).contains(took), "{status} after {took:?}");
}

#[tokio::test]
async fn a_thousand_slow_clients_hold_up_nobody_and_leave_nothing() {
    let database = TestDatabase::migrated().await;
    let served = Served::start(&[("DATABASE_URL", &database.url())]).await;
    let address = served.address;
    let ordinary = Request::new(address, "GET", "/api/v1/users/username/nobody");
    for _ in 0..3 {
        ordinary.send().await.expect(404);
    }
    until_warm(&database.client().await).await;
    let files = served.open_files();

    let mut idle = Vec::new();
    for _ in 0..1_000 {
        idle.push(TcpStream::connect(address).await.unwrap());
    }
    let mut slow = JoinSet::new();
    for index in 0..1_000 {
        let (begin, rest, after_s) = match index % 20 {
            0 => ("GET /health HTTP/1.1\r\nhost", "", 10),            // half a head
            1 => (HEAD, "", 10),                                      // a body that was promised
            2 => (HEAD, "{                             ", 20),        // a body that comes by bytes
            3 => ("\r\n", "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n", 10),    // nothing but empty lines
            _ => ("", "GET /health HTTP/1.1\r\nhost: a\r\n\r\n", 11), // a head that comes by bytes
        };
        slow.spawn(async move { (trickle(address, begin, rest).await, after_s) });
    }
    let mut told = 0;
    let mut asked = 0;
    while told < 1_000 {
        let (began, answer) = (Instant::now(), ordinary.send());
        answer.await.expect(404);
        assert!(began.elapsed() < SOON, "an ordinary request took {:?}", began.elapsed());
        asked += 1;
        while let Some(outcome) = slow.try_join_next() {
            let (outcome, after_s) = outcome.unwrap();
            is_told(&outcome, 408, after_s);
            told += 1;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(asked > 100, "{asked} ordinary requests");
    assert!(served.open_files() >= 1_000, "idle connections are kept");
    drop(idle);
    eventually("the end of all connections", async || served.open_files() <= files).await;
    ordinary.send().await.expect(404);
}

#[tokio::test]
async fn who_comes_to_a_full_house_waits_until_somebody_leaves() {
    let database = TestDatabase::migrated().await;
    let served = Served::start(&[("DATABASE_URL", &database.url())]).await;
    until_warm(&database.client().await).await;
    let (files, most) = (served.open_files(), CONNECTIONS_MAX as usize);
    let mut crowd = Vec::new();
    for _ in 0..most {
        crowd.push(TcpStream::connect(served.address).await.unwrap());
    }
    eventually("the full house", async || served.open_files() >= files + most).await;
    let mut late = TcpStream::connect(served.address).await.unwrap();
    late.write_all(b"GET /health HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    let early = tokio::time::timeout(Duration::from_millis(500), late.read_to_string(&mut answer)).await;
    assert!(early.is_err(), "one more than there may be was answered: {answer}");
    crowd.pop();
    late.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test]
async fn heads_that_are_too_large_are_told_so_while_they_are_still_coming() {
    let app = TestApp::start().await;
    let many: String = (0..101).map(|i| format!("x-{i}: 1\r\n")).collect();
    let more: String = (0..1_000).map(|i| format!("x-{i}: 1\r\n")).collect();
    let long = format!("x: {}\r\n", "a".repeat(1024 * 1024));
    for lines in [many, more, long] {
        let request = format!("GET /health HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{lines}\r\n");
        let told = trickle(app.address, &request, "").await;
        is_told(&told, 431, 0);
    }
    let path = format!("GET /{} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", "a".repeat(1024 * 1024));
    is_told(&trickle(app.address, &path, "").await, 431, 0);
    app.get("/health").await.expect(200);
}

async fn dawdling(_: Arc<App>) -> Result<Json<bool>> {
    pending().await
}

static DAWDLING: Table = &[&[DAWDLES]];
const DAWDLES: Route = route!(Post "/dawdles" dawdling "Never answers.").without_schema();

#[tokio::test]
async fn a_body_that_nobody_reads_buys_its_handler_no_time() {
    let app = TestApp::with_table(DAWDLING).await;
    let head = "POST /dawdles HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 100\r\n\r\n";
    let (whole, half) = tokio::join!(
        trickle(app.address, "POST /dawdles HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", ""),
        trickle(app.address, head, "{                             "),
    );
    is_told(&whole, 503, 8);
    is_told(&half, 503, 8);
}

#[tokio::test]
async fn a_promised_body_that_is_not_needed_is_not_waited_for() {
    let app = TestApp::start().await;
    let head = "GET /health HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 100\r\n\r\n{";
    let (answer, took) = trickle(app.address, head, "").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(took < Duration::from_secs(8), "after {took:?}");
}
