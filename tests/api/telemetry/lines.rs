//! The log: one line a request, as the real program writes it.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::database::{connect, until_warm};
use crate::support::ledger::waiting;
use crate::support::people::register;
use crate::support::{Served, TestDatabase, eventually};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// The lines of requests with this id.
fn lines_of(served: &Served, request_id: &str) -> Vec<Value> {
    let said = served.said();
    let lines = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["request_id"] == request_id).collect()
}

/// The one line of the request with this id, when it is there.
async fn line_of(served: &Served, request_id: &str) -> Value {
    eventually("the line", async || !lines_of(served, request_id).is_empty()).await;
    let mut lines = lines_of(served, request_id);
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines.remove(0)
}

#[tokio::test]
async fn a_request_is_one_line_with_everything_in_it() {
    let database = TestDatabase::migrated().await;
    let served = Served::start(&[("DATABASE_URL", &database.url())]).await;
    let ada = register(served.address, "ada").await;

    let me = served.request("GET", "/api/v1/users/me").bearer(&ada.token).header("x-request-id", "one");
    me.header("traceparent", &format!("00-{TRACE}-00f067aa0ba902b7-01")).send().await.expect(200);
    let line = line_of(&served, "one").await;
    let expected = json!({
        "level": "INFO", "service": "repduel-backend", "trace_id": TRACE, "user_id": ada.id, "method": "GET",
        "route": "/api/v1/users/me", "status": 200
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&line[name], value, "{name} in {line}");
    }
    assert!(line["timestamp"].as_str().unwrap().ends_with('Z'), "{line}");
    assert!(line["duration_ms"].as_f64().unwrap() > 0.0 && line["error"].is_null(), "{line}");

    // A refusal is the caller's business, and what they sent is nobody's.
    let canary = "/api/v1/users/by-username/cuckoo-egg?token=cuckoo-egg";
    let answer = served.request("GET", canary).send().await.expect(404);
    let line = line_of(&served, answer.header("x-request-id").unwrap()).await;
    assert_eq!((&line["level"], &line["status"], &line["user_id"]), (&json!("INFO"), &json!(404), &Value::Null));
    assert_eq!(line["trace_id"], answer.header("x-request-id").unwrap(), "the id that we made names the trace as well");
    served.request("GET", "/cuckoo-egg").header("x-request-id", "nowhere").send().await.expect(404);
    assert_eq!(line_of(&served, "nowhere").await["route"], "-");
    assert!(!served.said().contains("cuckoo-egg") && !served.said().contains("ada@example.com"));
    served.kill().await;
}

#[tokio::test]
async fn a_failure_is_told_once_under_the_id_that_its_caller_saw() {
    let database = TestDatabase::migrated().await;
    let served = Served::start(&[("DATABASE_URL", &database.url())]).await;
    let pg = connect(&database.url()).await;
    pg.batch_execute("alter table scenarios rename to elsewhere").await.unwrap();
    let answer = served.request("GET", "/api/v1/scenarios/back_squat/multiplier").send().await.expect(500);
    let request_id = answer.header("x-request-id").unwrap();
    let body = answer.json();
    assert_eq!(
        (&body["request_id"], &body["detail"]),
        (&json!(request_id), &json!("Something went wrong on our side"))
    );
    let line = line_of(&served, request_id).await;
    assert_eq!(
        (&line["level"], &line["status"], &line["route"]),
        (&json!("ERROR"), &json!(500), &json!("/api/v1/scenarios/{scenario_id}/multiplier"))
    );
    let cause = "relation \"scenarios\" does not exist";
    let chain = line["error"].as_str().unwrap();
    assert!(chain.starts_with("statement scenarios/get_scenario: ") && chain.ends_with(cause), "{chain}");
    assert_eq!(served.said().matches("does not exist").count(), 1, "{}", served.said());
    assert!(!String::from_utf8_lossy(&answer.body).contains("relation"));
    served.kill().await;
}

#[tokio::test]
async fn a_client_that_leaves_is_a_499() {
    let database = TestDatabase::migrated().await;
    let served = Served::start(&[("DATABASE_URL", &database.url())]).await;
    let pg = connect(&database.url()).await;
    // What is opened at the start would wait at the lock as well.
    until_warm(&pg).await;
    pg.batch_execute("begin; lock table energy_standings in access exclusive mode").await.unwrap();
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream
        .write_all(b"GET /api/v1/energy/leaderboard HTTP/1.1\r\nhost: a\r\nx-request-id: gone\r\n\r\n")
        .await
        .unwrap();
    let watcher = connect(&database.url()).await;
    let waiting = "select count(*) from pg_locks where not granted and relation = 'energy_standings'::regclass::oid";
    let waits = async || watcher.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) == 1;
    eventually("the statement at the lock", waits).await;
    drop(stream);
    let line = line_of(&served, "gone").await;
    assert_eq!((&line["level"], &line["status"]), (&json!("INFO"), &json!(499)));
    pg.batch_execute("commit").await.unwrap();
    served.kill().await;
}

#[tokio::test]
async fn what_a_write_fails_with_is_told_when_its_client_has_left() {
    let database = TestDatabase::migrated().await;
    let served = Served::start(&[("DATABASE_URL", &database.url())]).await;
    let ada = register(served.address, "ada").await;
    let (pg, watcher) = (connect(&database.url()).await, connect(&database.url()).await);
    let fail = "create function fail() returns trigger language plpgsql as $$ begin raise 'no room on the bar'; end $$;
        create trigger fail before insert on scores for each row execute function fail()";
    pg.batch_execute(fail).await.unwrap();
    pg.batch_execute("begin; select from users for update").await.unwrap();
    let (path, body) = ("/api/v1/scores/scenario/back_squat", r#"{"weight_lifted": 100}"#);
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {}\r\nx-request-id: left\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        ada.token,
        body.len()
    );
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    eventually("the wait for the lifter", async || waiting(&watcher).await == 1).await;
    drop(stream);
    assert_eq!(line_of(&served, "left").await["status"], 499);
    pg.batch_execute("rollback").await.unwrap();
    eventually("the line of the failure", async || lines_of(&served, "left").len() == 2).await;
    let line = lines_of(&served, "left").remove(1);
    let route = json!("/api/v1/scores/scenario/{scenario_id}");
    assert_eq!((&line["level"], &line["method"], &line["route"]), (&json!("ERROR"), &json!("POST"), &route));
    assert_eq!(line["user_id"], json!(ada.id));
    let cause = line["error"].as_str().unwrap();
    assert!(cause.starts_with("statement scores/insert_scores: ") && cause.contains("no room on the bar"), "{cause}");
    assert_eq!(served.said().matches("no room on the bar").count(), 1, "{}", served.said());
    served.kill().await;
}

#[tokio::test]
async fn what_is_no_request_is_a_line_as_well() {
    let database = TestDatabase::migrated().await;
    let served = Served::start(&[("DATABASE_URL", &database.url())]).await;
    let many = format!("GET /health HTTP/1.1\r\nhost: a\r\n{}\r\n", "x: y\r\n".repeat(300));
    for (bytes, status) in [("cuckoo-egg\r\n\r\n", 400), (many.as_str(), 431), ("GET /cuckoo-egg HT", 408)] {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        let _ = stream.write_all(bytes.as_bytes()).await;
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer).await;
        let request_id = answer.lines().find_map(|line| line.strip_prefix("x-request-id: ")).expect("it has an id");
        drop(stream);
        let line = line_of(&served, request_id).await;
        assert_eq!((&line["level"], &line["status"]), (&json!("INFO"), &json!(status)));
        assert_eq!((&line["method"], &line["route"]), (&json!("other"), &json!("-")));
        assert!(line["duration_ms"].as_f64().unwrap() >= if status == 408 { 10_000.0 } else { 0.0 }, "{line}");
    }
    let figures = served.request("GET", "/metrics").send().await.expect(200);
    let figures = String::from_utf8(figures.body.to_vec()).unwrap();
    assert!(figures.contains("http_requests_total{method=\"other\",route=\"-\",status=\"408\"} 1\n"), "{figures}");
    let slow = "http_request_duration_seconds_count{method=\"other\"";
    assert!(!figures.contains(slow), "ten seconds that a client took are no slow answer: {figures}");
    assert!(!served.said().contains("cuckoo-egg"));
    served.kill().await;
}

#[tokio::test]
async fn people_get_text() {
    let database = TestDatabase::migrated().await;
    let served = Served::start(&[("DATABASE_URL", &database.url()), ("LOG_FORMAT", "text")]).await;
    served.request("GET", "/health").header("x-request-id", "readable").send().await.expect(200);
    eventually("the line", async || served.said().contains("readable")).await;
    let said = served.said();
    let line = said.lines().find(|line| line.contains("readable")).unwrap();
    assert!(serde_json::from_str::<Value>(line).is_err());
    for word in [" INFO ", "method=\"GET\"", "route=\"/health\"", "status=200", "duration_ms="] {
        assert!(line.contains(word), "{word} is missing in {line}");
    }
    served.kill().await;
}
