//! Transactions whose `begin` PostgreSQL refuses: it is sent together with what only reads, and nothing is written without it.

use serde_json::{Value, json};

use crate::faults::behind_proxy;
use crate::support::{Lifter, Request, TestApp};

/// Everything that the requests below would write.
const WRITTEN: &str = "select jsonb_build_array(
    (select count(*) from users), (select count(*) from sessions), (select count(*) from scores),
    (select count(*) from personal_bests), (select count(*) from xp_events), (select sum(total_xp) from user_xp),
    (select count(*) from energy_history), (select count(*) from routines),
    (select count(*) from social_edges), (select jsonb_agg(username order by username) from users))";

async fn written(app: &TestApp) -> Value {
    app.pg.query_one(WRITTEN, &[]).await.unwrap().get(0)
}

/// What a lifter does, who registers a guest as well, and how each of it is answered.
fn requests(app: &TestApp, lifter: &Lifter, followee: &Lifter, guest: &str) -> Vec<(Request, u16)> {
    let with = |method, path: &str| app.request(method, path).bearer(&lifter.token);
    let post = |path: &str, body: Value| with("POST", path).json(&body);
    let squat = |kg| post("/api/v1/scores/scenario/back_squat", json!({ "weight_lifted": kg }));
    let new = json!({ "username": guest, "email": format!("{guest}@example.com"), "password": "lift-heavy" });
    vec![
        (squat(120), 200),
        (squat(130).header("idempotency-key", "one"), 200),
        (post("/api/v1/routines", json!({ "name": "Day A", "scenarios": [] })), 201),
        (post("/api/v1/users", new), 201),
        (post(&format!("/api/v1/users/{}/follow", followee.id), json!({})), 204),
        (with("PATCH", "/api/v1/users/me").json(&json!({ "username": format!("{guest}-2") })), 200),
        (with("DELETE", "/api/v1/users/me"), 204),
    ]
}

// On one thread statements that can be sent together are.
#[tokio::test]
async fn what_does_not_begin_writes_nothing() {
    let (app, proxy) = behind_proxy().await;
    let (ada, ben, cleo) = (app.lifter("ada").await, app.lifter("ben").await, app.lifter("cleo").await);
    for lifter in [&ada, &cleo] {
        app.patch_as(lifter, "/api/v1/users/me", json!({ "weight": 80 })).await.expect(200);
    }
    // Prepares the statements: what has to be prepared cannot come too soon.
    for (request, status) in requests(&app, &cleo, &ben, "guest-of-cleo") {
        request.send().await.expect(status);
    }
    let before = written(&app).await;
    proxy.spoil_begin(true);
    let requests = requests(&app, &ada, &ben, "guest-of-ada");
    for (request, _) in &requests {
        let status = request.send().await.status;
        assert!(status >= 500, "{request:?} was answered {status}");
        assert_eq!(written(&app).await, before, "{request:?}");
    }
    proxy.spoil_begin(false);
    let mut last = before;
    for (request, status) in &requests {
        request.send().await.expect(*status);
        let now = written(&app).await;
        assert_ne!(now, last, "{request:?}");
        last = now;
    }
}
