//! `/ready`: what it looks at, and what counts.

use repduel_backend::db::migrate::newest_version;
use serde_json::{Value, json};

use crate::support::{TestApp, eventually};

async fn ready(app: &TestApp, status: u16) -> Value {
    app.get("/ready").await.expect(status).json()
}

#[tokio::test]
async fn readiness_tells_the_age_of_everything_it_looks_at() {
    let app = TestApp::start().await;
    let body = ready(&app, 200).await;
    let (status, checks) = (&body["status"], &body["checks"]);
    assert_eq!((status, &checks["database"]["ok"]), (&json!("ready"), &json!(true)));
    assert!(checks["database"]["latency_ms"].as_f64().unwrap() > 0.0);
    let migrations = &checks["migrations"];
    assert_eq!(
        (&migrations["ok"], &migrations["newest"], &migrations["applied"]),
        (&json!(true), &json!(newest_version()), &json!(newest_version()))
    );
    assert!((0..3600).contains(&migrations["age_seconds"].as_i64().unwrap()), "{migrations}");
    // Nobody works, which is not a reason to send requests elsewhere.
    assert_eq!(checks["outbox"], json!({ "ok": false, "oldest_age_seconds": 0 }));
    let _working = app.work();
    eventually("a worker", async || ready(&app, 200).await["checks"]["outbox"]["ok"] == true).await;
    app.pg
        .batch_execute(
            "insert into outbox_events (topic, payload, event_key, aggregate, available_at, created_at)
             values ('not.known.here', '{}', 'old', 'old', now() - interval '2 minutes', now())",
        )
        .await
        .unwrap();
    let outbox = ready(&app, 200).await["checks"]["outbox"].clone();
    assert_eq!(outbox["ok"], false);
    assert!((120..180).contains(&outbox["oldest_age_seconds"].as_i64().unwrap()), "{outbox}");
}

#[tokio::test]
async fn a_schema_behind_the_binary_is_not_ready() {
    let app = TestApp::start().await;
    let newest = newest_version();
    app.pg.execute("delete from refinery_schema_history where version = $1", &[&newest]).await.unwrap();
    let body = ready(&app, 503).await;
    let migrations = &body["checks"]["migrations"];
    assert_eq!((&body["status"], &migrations["ok"]), (&json!("unavailable"), &json!(false)));
    assert!(migrations["applied"].as_i64().unwrap() < i64::from(newest));
    app.pg.batch_execute("delete from refinery_schema_history").await.unwrap();
    let checks = ready(&app, 503).await["checks"].clone();
    assert_eq!((&checks["database"]["ok"], &checks["migrations"]["applied"]), (&json!(true), &Value::Null));
    // A newer release has migrated: this one serves on its schema.
    let later = "insert into refinery_schema_history values (9999, 'later', '2026-11-21T00:00:00Z', '')";
    app.pg.batch_execute(later).await.unwrap();
    assert_eq!(ready(&app, 200).await["checks"]["migrations"]["applied"], 9999);
    app.pg.batch_execute("drop table refinery_schema_history").await.unwrap();
    ready(&app, 503).await;
}

#[tokio::test]
async fn a_service_that_drains_is_not_ready_and_says_so() {
    let app = TestApp::start().await;
    ready(&app, 200).await;
    app.app.start_draining();
    let answer = app.get("/ready").await.expect(503);
    assert_eq!(answer.header("retry-after"), Some("1"));
    let body = answer.json();
    assert_eq!((&body["status"], &body["checks"]["database"]["ok"]), (&json!("draining"), &json!(true)));
}
