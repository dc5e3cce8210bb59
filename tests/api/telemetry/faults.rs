//! Reports of our failures, as Sentry gets them.

use std::sync::Arc;

use repduel_backend::app::App;
use repduel_backend::error::Result;
use repduel_backend::http::route::Table;
use repduel_backend::http::{Json, Path};
use repduel_backend::route;
use repduel_backend::schema::Text;
use serde_json::{Value, json};

use super::collected;
use crate::support::database::connect;
use crate::support::receiver::{Manner, Received, Receiver};
use crate::support::{Lifter, Served, TestApp, TestDatabase, eventually};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// The event in an envelope, which is what the protocol says: a head, an item's head that tells its length, the item.
fn event(body: &[u8]) -> Value {
    let mut lines = std::str::from_utf8(body).unwrap().splitn(3, '\n');
    let head: Value = serde_json::from_str(lines.next().unwrap()).unwrap();
    let item: Value = serde_json::from_str(lines.next().unwrap()).unwrap();
    let rest = lines.next().unwrap();
    let length = usize::try_from(item["length"].as_u64().unwrap()).unwrap();
    assert_eq!((&item["type"], rest.len()), (&json!("event"), length + 1));
    let event: Value = serde_json::from_str(&rest[..length]).unwrap();
    assert_eq!(head["event_id"], event["event_id"]);
    assert_eq!(event["event_id"].as_str().unwrap().len(), 32);
    event
}

/// The events that have come, when there are so many.
async fn events(sentry: &Receiver, count: usize) -> Vec<Value> {
    eventually("the report", async || sentry.received().len() >= count).await;
    let received = sentry.received();
    assert_eq!(received.len(), count);
    let read = |Received { path, headers, body }: &Received| {
        assert_eq!(
            (path.as_str(), &headers["content-type"]),
            ("/below/api/42/envelope/", &"application/x-sentry-envelope".parse().unwrap())
        );
        let auth = headers["x-sentry-auth"].to_str().unwrap();
        assert!(auth.starts_with("Sentry sentry_version=7, ") && auth.ends_with("sentry_key=abc"), "{auth}");
        event(body)
    };
    received.iter().map(read).collect()
}

/// A server that reports its failures there, and a lifter in its database.
async fn reporting(sentry: &Receiver) -> (TestApp, Lifter, Served) {
    let database = TestDatabase::migrated().await;
    let url = database.url();
    let app = TestApp::through(database, &url).await;
    let ada = app.lifter("lucy").await;
    let dsn = format!("http://abc@{}/below/42", sentry.address);
    let served = Served::start(&[
        ("DATABASE_URL", url.as_str()),
        ("SENTRY_DSN", &dsn),
        ("SENTRY_ENVIRONMENT", "rehearsal"),
        ("REFRESH_JWT_SECRET_KEY", "refresh-secret-of-the-tests-987654321"),
        ("RATE_LIMIT_ENABLED", "false"),
    ])
    .await;
    (app, ada, served)
}

#[tokio::test]
async fn a_failure_is_reported_with_what_it_takes_to_find_it_and_nothing_personal() {
    let sentry = Receiver::start(Manner::Status(200)).await;
    let (app, ada, served) = reporting(&sentry).await;
    // What callers do wrong is nobody's failure.
    served.request("GET", "/api/v1/users/me").send().await.expect(401);
    app.pg.batch_execute("create unique index odd on users (display_name)").await.unwrap();
    app.pg.batch_execute("update users set display_name = 'Ada Lovelace'").await.unwrap();
    let bea = app.lifter("mary").await;
    let request = served.request("PATCH", "/api/v1/users/me").bearer(&bea.token);
    let request =
        request.header("traceparent", &format!("00-{TRACE}-00f067aa0ba902b7-01")).header("user-agent", "bea's phone");
    let answer = request.json(&json!({ "display_name": "Ada Lovelace" })).send().await.expect(500);
    let event = events(&sentry, 1).await.remove(0);
    let tags = json!({
        "method": "PATCH", "route": "/api/v1/users/me", "status": "500", "request_id": answer.header("x-request-id").unwrap()
    });
    assert_eq!(event["tags"], tags);
    assert_eq!(event["transaction"], "PATCH /api/v1/users/me");
    assert_eq!((&event["level"], &event["environment"]), (&json!("error"), &json!("rehearsal")));
    let release = event["release"].as_str().unwrap();
    assert!(release.starts_with(concat!("repduel-backend@", env!("CARGO_PKG_VERSION"), "+")), "{release}");
    let exception = &event["exception"]["values"][0];
    assert_eq!(exception["type"], "internal_error");
    let cause = "statement users/update_user: db error: ERROR: duplicate key value violates unique constraint \"odd\"";
    assert_eq!(exception["value"], cause);
    assert_eq!(event["contexts"]["trace"]["trace_id"], TRACE);
    let told = event.to_string();
    for personal in ["Lovelace", "mary", "lucy", &bea.id.to_string(), &ada.id.to_string(), &bea.token, "127.0.0.1"] {
        assert!(!told.contains(personal), "{personal} in {told}");
    }
    served.kill().await;
}

#[tokio::test]
async fn a_receiver_that_hangs_or_has_had_enough_costs_reports_and_nothing_else() {
    for manner in [Manner::Silent, Manner::Status(429)] {
        let sentry = Receiver::start(manner).await;
        let (app, _, served) = reporting(&sentry).await;
        app.pg.batch_execute("alter table scenarios rename to elsewhere").await.unwrap();
        for _ in 0..100 {
            served.request("GET", "/api/v1/scenarios/back_squat/multiplier").send().await.expect(500);
        }
        let figures = served.request("GET", "/metrics").send().await.expect(200);
        let figures = String::from_utf8(figures.body.to_vec()).unwrap();
        let dropped = figures.lines().find_map(|line| line.strip_prefix("telemetry_dropped_total{kind=\"fault\"} "));
        // Some wait, one or two are on their way, the others are dropped.
        assert!((30..40).contains(&dropped.unwrap().parse::<u32>().unwrap()), "{dropped:?} with {manner:?}");
        assert!(sentry.received().len() <= 2, "{manner:?}");
        served.kill().await;
    }
}

async fn panicking(_: Arc<App>, Path((name,)): Path<(Text<1, 64>,)>) -> Result<Json<bool>> {
    panic!("a handler of the tests, with {}", name.0)
}

const TABLE: Table = &[&[route!(Post "/panicking/{name}" panicking "Panics.")]];

#[tokio::test]
async fn a_panic_is_reported_as_one() {
    let app = TestApp::with_table_and_variables(TABLE, &[("SENTRY_DSN", "https://abc@sentry.example/42")]).await;
    let sent = collected(&app);
    app.request("POST", "/panicking/cuckoo-egg").try_send().await.unwrap();
    eventually("the report", async || !sent.lock().unwrap().is_empty()).await;
    let parcel = sent.lock().unwrap().remove(0);
    assert_eq!(parcel.address, "https://sentry.example/api/42/envelope/");
    let event = event(&parcel.body);
    assert_eq!(
        (&event["exception"]["values"][0]["type"], &event["tags"]["route"]),
        (&json!("panic"), &json!("/panicking/{name}"))
    );
    assert_eq!(event["environment"], "development");
    assert!(!event.to_string().contains("cuckoo-egg"));
}

#[tokio::test]
async fn without_an_address_nobody_is_told() {
    let database = TestDatabase::migrated().await;
    let served = Served::start(&[("DATABASE_URL", &database.url())]).await;
    let pg = connect(&database.url()).await;
    pg.batch_execute("alter table scenarios rename to elsewhere").await.unwrap();
    served.request("GET", "/api/v1/scenarios/back_squat/multiplier").send().await.expect(500);
    let figures = served.request("GET", "/metrics").send().await.expect(200);
    assert!(!String::from_utf8(figures.body.to_vec()).unwrap().contains("telemetry_dropped_total{"));
    served.kill().await;
}
