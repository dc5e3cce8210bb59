//! `/metrics`, as Prometheus's own tools read it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::feed;
use crate::support::{Lifter, PASSWORD, TestApp, at_once, eventually};

const METRICS: &str = "/metrics";

/// The figures of a service, by the names of their samples.
pub struct Figures(BTreeMap<String, Vec<(Value, f64)>>);

impl Figures {
    /// Reads them as the official client does.
    pub async fn of(app: &TestApp) -> Self {
        let answer = app.get(METRICS).await.expect(200);
        let (content, read) = feed("venv/bin/python", &["tests/monitoring/figures.py"], &text(&answer.body)).await;
        assert!(content, "{read}");
        let families: Value = serde_json::from_str(&read).unwrap();
        let mut figures = BTreeMap::<_, Vec<_>>::new();
        for sample in families.as_array().unwrap().iter().flat_map(|family| family["samples"].as_array().unwrap()) {
            // JSON has no word for what is not a number.
            let value = sample["value"].as_f64().unwrap_or(f64::NAN);
            let name = sample["name"].as_str().unwrap().to_owned();
            figures.entry(name).or_default().push((sample["labels"].clone(), value));
        }
        Self(figures)
    }

    /// The labels of the samples of each name.
    pub fn labels(&self) -> BTreeMap<String, BTreeSet<String>> {
        let names = |(labels, _): &(Value, f64)| labels.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        self.0.iter().map(|(name, samples)| (name.clone(), samples.iter().flat_map(names).collect())).collect()
    }

    /// How many samples have this name.
    fn series(&self, name: &str) -> usize {
        self.0.get(name).map_or(0, Vec::len)
    }

    /// The value of the one sample with this name and at least these labels.
    #[track_caller]
    pub fn value(&self, name: &str, labels: &Value) -> f64 {
        let fits = |has: &Value| labels.as_object().unwrap().iter().all(|(name, value)| has[name] == *value);
        let found: Vec<f64> =
            self.0.get(name).into_iter().flatten().filter(|(has, _)| fits(has)).map(|(_, v)| *v).collect();
        assert_eq!(found.len(), 1, "{name} {labels} among {:?}", self.0.get(name));
        found[0]
    }
}

fn text(body: &[u8]) -> String {
    String::from_utf8(body.to_vec()).unwrap()
}

async fn log_in(app: &TestApp, password: &str) -> crate::support::Answer {
    app.request("POST", "/api/v1/login").login("ada@example.com", password).send().await
}

/// A bit of everything that is counted.
pub async fn used(app: &TestApp) -> Lifter {
    let ada = app.lifter("ada").await;
    log_in(app, "wrong horse").await.expect(401);
    let token = log_in(app, PASSWORD).await.expect(200).json()["refresh_token"].clone();
    log_in(app, PASSWORD).await.expect(429);
    for _ in 0..2 {
        let refresh = app.request("POST", "/api/v1/auth/refresh").json(&json!({ "refresh_token": token }));
        refresh.send().await.expect(200);
    }
    app.lift(&ada, "back_squat", 100.0).await;
    app.get("/api/v1/users/00000000-0000-0000-0000-000000000000").await.expect(404);
    app.request("BREW", "/pot").send().await.expect(404);
    let workout = crate::workouts::workout(&app.app.clock.now().minus_s(60).to_string(), 45.0);
    app.post_as(&ada, crate::workouts::PATH, workout).await.expect(201);
    let _working = app.work();
    app.settled().await;
    let handled = async || text(&app.get(METRICS).await.expect(200).body).contains("outbox_attempts_total{");
    eventually("the count of the event", handled).await;
    ada
}

#[tokio::test]
async fn everything_that_is_counted_is_read_by_prometheus() {
    let app = TestApp::with_variables(&[("RATE_LIMIT_LOGIN_LIMIT", "2")]).await;
    used(&app).await;
    let answer = app.get(METRICS).await.expect(200);
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(feed("promtool", &["check", "metrics"], &text(&answer.body)).await, (true, String::new()));

    let figures = Figures::of(&app).await;
    let squat = json!({ "method": "POST", "route": "/api/v1/scores/scenario/{scenario_id}", "status": "200" });
    let outcome = |outcome: &str| json!({ "outcome": outcome });
    let handled = json!({ "topic": "workout.submitted", "outcome": "completed" });
    let of_squat = json!({ "method": "POST", "route": "/api/v1/scores/scenario/{scenario_id}" });
    let up_to = |le: &str| json!({ "le": le, "method": "POST", "route": "/api/v1/scores/scenario/{scenario_id}" });
    for (name, labels, value) in [
        ("http_requests_total", &squat, 1.0),
        ("http_requests_total", &json!({ "method": "GET", "route": "/api/v1/users/{user_id}", "status": "404" }), 1.0),
        ("http_requests_total", &json!({ "method": "other", "route": "-", "status": "404" }), 1.0),
        ("http_requests_in_flight", &json!({}), 1.0), // this one
        ("http_request_duration_seconds_count", &of_squat, 1.0),
        ("http_request_duration_seconds_bucket", &up_to("+Inf"), 1.0),
        ("http_request_duration_seconds_bucket", &up_to("8.0"), 1.0),
        ("logins_total", &outcome("success"), 1.0),
        ("logins_total", &outcome("invalid_credentials"), 1.0),
        ("logins_total", &outcome("rate_limit_exceeded"), 1.0),
        ("rate_limit_decisions_total", &json!({ "policy": "login", "decision": "allowed" }), 2.0),
        ("rate_limit_decisions_total", &json!({ "policy": "login", "decision": "refused" }), 1.0),
        ("rate_limit_decisions_total", &json!({ "policy": "write", "decision": "allowed" }), 2.0),
        ("refreshes_total", &outcome("rotated"), 1.0),
        ("refreshes_total", &outcome("repeated"), 1.0),
        ("outbox_attempts_total", &handled, 1.0),
        ("outbox_events_open", &json!({}), 0.0),
        ("outbox_events_failed", &json!({}), 0.0),
        ("outbox_oldest_age_seconds", &json!({}), 0.0),
        ("db_query_duration_seconds_count", &json!({ "statement": "scores/insert_scores" }), 1.0),
        ("db_pool_timeouts_total", &json!({}), 0.0),
        ("db_pool_size_max", &json!({}), 20.0),
        ("db_pool_waiting", &json!({}), 0.0),
        ("build_info", &json!({ "version": env!("CARGO_PKG_VERSION") }), 1.0),
    ] {
        assert!((figures.value(name, labels) - value).abs() < 1e-9, "{name} {labels} is not {value}");
    }
    for (name, labels, least) in [
        ("http_request_duration_seconds_sum", &of_squat, 1e-4),
        ("db_pool_connections", &json!({ "state": "idle" }), 1.0),
        ("process_resident_memory_bytes", &json!({}), 1e6),
        ("process_virtual_memory_bytes", &json!({}), 1e6),
        ("process_cpu_seconds_total", &json!({}), 0.01),
        ("process_open_fds", &json!({}), 5.0),
        ("process_max_fds", &json!({}), 5.0),
        ("process_threads", &json!({}), 1.0),
        ("process_start_time_seconds", &json!({}), 1.7e9),
    ] {
        assert!(figures.value(name, labels) >= least, "{name} {labels} is below {least}");
    }
}

/// Sends so many requests on one connection, and reads as many answers.
async fn scan(address: SocketAddr, request: impl Fn(usize) -> String, requests: usize) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut buffer = vec![0; 64 * 1024];
    for batch in (0..requests).collect::<Vec<_>>().chunks(50) {
        let sent: String =
            batch.iter().map(|number| format!("{} HTTP/1.1\r\nhost: a\r\n\r\n", request(*number))).collect();
        stream.write_all(sent.as_bytes()).await.unwrap();
        let mut answers = String::new();
        while answers.matches("\"error_code\":\"not_found\"").count() < batch.len() {
            let read = stream.read(&mut buffer).await.unwrap();
            assert!(read > 0, "the server hung up");
            answers.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
        }
    }
}

#[tokio::test]
async fn a_scan_of_ten_thousand_paths_adds_one_series() {
    let app = TestApp::start().await;
    app.get(METRICS).await.expect(200);
    let before = Figures::of(&app).await;
    scan(app.address, |number| format!("GET /{:x}/{number}", number * 2_654_435_761), 10_000).await;
    let after = Figures::of(&app).await;
    let nowhere = json!({ "method": "GET", "route": "-", "status": "404" });
    assert!((after.value("http_requests_total", &nowhere) - 10_000.0).abs() < 1e-9);
    for name in ["http_requests_total", "http_request_duration_seconds_count"] {
        assert_eq!(after.series(name), before.series(name) + 1, "{name}");
    }
    scan(app.address, |number| format!("BREW{number} /{number}"), 100).await;
    assert_eq!(Figures::of(&app).await.series("http_requests_total"), after.series("http_requests_total") + 1);
}

#[tokio::test]
async fn strangers_find_nothing() {
    let variables = [("METRICS_ALLOW", "192.0.2.0/24, 2001:db8::7"), ("TRUSTED_HOSTS", "api.repduel.com")];
    let app = TestApp::with_variables(&variables).await;
    for (forwarded, status) in [
        (None, 200), // Prometheus on this machine knows an address only, no Host of ours
        (Some("127.0.0.1"), 200),
        (Some("192.0.2.9"), 200),
        (Some("::ffff:192.0.2.9"), 200),
        (Some("2001:db8::7, 127.0.0.1"), 200),
        (Some("2001:db8::8"), 404),
        (Some("203.0.113.7"), 404),
        (Some("192.0.2.9, 203.0.113.7"), 404),
        (Some("203.0.113.7, 192.0.2.9"), 404), // whatever a stranger says about others
        (Some("localhost"), 404),
        (Some(""), 404),
    ] {
        let request = app.request("GET", METRICS);
        let request = forwarded.map_or(request.clone(), |forwarded| request.header("x-forwarded-for", forwarded));
        assert_eq!(request.send().await.status, status, "{forwarded:?}");
    }
}

#[tokio::test]
async fn figures_are_told_without_a_database_and_count_what_the_pool_refuses() {
    let app = TestApp::with_variables(&[("DATABASE_POOL_SIZE", "1")]).await;
    let ada = app.lifter("ada").await;
    let holder = crate::faults::hold_lifter(&app, &ada).await;
    let request = crate::faults::score(&app, &ada);
    let sent = tokio::spawn(async move { request.send().await });
    crate::faults::until_waiting(&app, 1).await;
    let refused = app.request("GET", "/api/v1/energy/leaderboard");
    let answers = at_once((0..2).map(|_| refused.clone()).map(|request| async move { request.send().await })).await;
    assert!(answers.iter().all(|answer| answer.status == 503));
    let figures = Figures::of(&app).await;
    assert!((figures.value("db_pool_timeouts_total", &json!({})) - 1.0).abs() < 1e-9, "both asked for the same");
    assert!((figures.value("db_pool_connections", &json!({ "state": "in_use" })) - 1.0).abs() < 1e-9);
    assert_eq!(figures.series("outbox_events_open"), 0, "what is not known is left out");
    drop(holder);
    sent.await.unwrap().expect(200);
    assert_eq!(Figures::of(&app).await.series("outbox_events_open"), 1);
}
