//! Transactions whose `begin` PostgreSQL refuses: it is sent together with what only reads, and nothing is written without it.

use serde_json::{Value, json};

use crate::faults::behind_proxy;
use crate::support::{Request, TestApp};

/// Everything that the requests below would write.
const WRITTEN: &str = "select jsonb_build_array(
    (select count(*) from users), (select count(*) from sessions), (select count(*) from scores),
    (select count(*) from personal_bests), (select count(*) from xp_events), (select sum(total_xp) from user_xp),
    (select count(*) from energy_history), (select count(*) from routines),
    (select count(*) from social_edges), (select jsonb_agg(username order by username) from users))";

async fn written(app: &TestApp) -> Value {
    app.pg.query_one(WRITTEN, &[]).await.unwrap().get(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_begin_writes_nothing() {
    let (app, proxy) = behind_proxy().await;
    let (ada, ben) = (app.lifter("ada").await, app.lifter("ben").await);
    app.patch_as(&ada, "/api/v1/users/me", json!({ "weight": 80 })).await.expect(200);
    app.lift(&ada, "deadlift", 100.0).await;
    let post = |path: &str, body: Value| app.request("POST", path).bearer(&ada.token).json(&body);
    let requests: Vec<(Request, u16)> = vec![
        (post("/api/v1/scores/scenario/back_squat", json!({ "weight_lifted": 120 })), 200),
        (
            post("/api/v1/scores/scenario/back_squat", json!({ "weight_lifted": 130 }))
                .header("idempotency-key", "one"),
            200,
        ),
        (post("/api/v1/routines", json!({ "name": "Day A", "scenarios": [] })), 201),
        (
            post("/api/v1/users", json!({ "username": "cleo", "email": "cleo@example.com", "password": "lift-heavy" })),
            201,
        ),
        (post(&format!("/api/v1/users/{}/follow", ben.id), json!({})), 204),
        (app.request("PATCH", "/api/v1/users/me").bearer(&ada.token).json(&json!({ "username": "ada2" })), 200),
        (app.request("DELETE", "/api/v1/users/me").bearer(&ada.token), 204),
    ];
    let before = written(&app).await;
    proxy.spoil_begin(true);
    for (request, _) in &requests {
        // Twice: on connections that know the statements, and on new ones.
        for _ in 0..2 {
            let status = request.send().await.status;
            assert!(status >= 500, "{request:?} was answered {status}");
            assert_eq!(written(&app).await, before, "{request:?}");
        }
    }
    proxy.spoil_begin(false);
    for (request, status) in &requests {
        request.send().await.expect(*status);
        assert_ne!(written(&app).await, before, "{request:?}");
    }
}
