//! Requests that are sent again under their `Idempotency-Key`: done once, answered alike, whoever comes when.

use serde_json::{Value, json};

use crate::scores::behind_proxy;
use crate::support::ledger::{assert_books, waiting};
use crate::support::{Answer, Lifter, Request, TestApp, at_once, eventually};
use crate::workouts::{self, NOW, workout};

const SCORES: &str = "/api/v1/scores";
const SQUAT: &str = "/api/v1/scores/scenario/back_squat";
const ROUTINES: &str = "/api/v1/routines";
const IMPORT: &str = "/api/v1/routines/import";

fn squat(kg: f64) -> Value {
    json!({ "weight_lifted": kg })
}

fn keyed(app: &TestApp, lifter: &Lifter, path: &str, key: &str, body: &Value) -> Request {
    app.request("POST", path).bearer(&lifter.token).header("idempotency-key", key).json(body)
}

/// Whether this was answered before.
fn is_replay(answer: &Answer) -> bool {
    let told = answer.header("idempotency-replayed");
    assert!(told.is_none_or(|told| told == "true"));
    told.is_some()
}

async fn scores(app: &TestApp) -> i64 {
    app.count("select count(*) from scores").await
}

/// A lifter's routine that another one shares, by its code.
async fn shared(app: &TestApp) -> String {
    let coach = app.lifter("coach").await;
    let plan =
        json!({ "name": "Legs", "scenarios": [{ "scenario_id": "back_squat", "name": "", "sets": 5, "reps": 8 }] });
    let made = app.post_as(&coach, ROUTINES, plan).await.expect(201).json();
    let path = format!("{ROUTINES}/{}/share", made["id"].as_str().unwrap());
    let shared = app.post_as(&coach, &path, json!({})).await.expect(200).json();
    shared["code"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn every_named_route_does_it_once_and_answers_alike() {
    let app = TestApp::with_clock(NOW).await;
    let code = shared(&app).await;
    let ada = app.lifter("ada").await;
    let plan = json!({ "name": "Push", "scenarios": [] });
    let cases = [
        (SQUAT, squat(100.0), 200, "select count(*) from scores"),
        (SCORES, json!({ "scenario_id": "deadlift", "weight_lifted": 150 }), 200, "select count(*) from scores"),
        (workouts::PATH, workout("2026-11-21T10:00:00+01:00", 45.0), 201, "select count(*) from routine_submission"),
        (ROUTINES, plan, 201, "select count(*) from routines"),
        (IMPORT, json!({ "share_code": code }), 201, "select count(*) from routines"),
    ];
    for (path, body, status, effect) in cases {
        app.advance_s(1);
        let before = app.count(effect).await;
        let request = keyed(&app, &ada, path, &format!("key-of-{path}"), &body);
        let first = request.send().await.expect(status);
        assert!(!is_replay(&first), "{path}");
        let with_slash = keyed(&app, &ada, &format!("{path}/"), &format!("key-of-{path}"), &body);
        for again in [request.send().await, with_slash.send().await] {
            assert!(is_replay(&again), "{path}");
            assert_eq!((again.status, &again.body), (status, &first.body), "{path}");
            assert_eq!(again.header("content-type"), Some("application/json"));
        }
        assert_eq!(app.count(effect).await, before + 1, "{path}");
        // Without a key, or under another one, it is something new.
        if effect.ends_with("scores") {
            app.advance_s(1);
            app.post_as(&ada, path, body.clone()).await.expect(status);
            app.advance_s(1);
            assert!(!is_replay(&keyed(&app, &ada, path, "another", &body).send().await.expect(status)));
            assert_eq!(app.count(effect).await, before + 3, "{path}");
            app.pg.execute("delete from idempotency_keys where key = 'another'", &[]).await.unwrap();
        }
    }
    app.pg.execute("delete from routine_share_snapshots", &[]).await.unwrap();
    let import = keyed(&app, &ada, IMPORT, &format!("key-of-{IMPORT}"), &json!({ "share_code": code }));
    assert!(is_replay(&import.send().await.expect(201)), "what was done needs nothing any more");
    assert_books(&app.pg).await;
}

#[tokio::test]
async fn a_key_stands_for_one_request_of_one_lifter() {
    let app = TestApp::start().await;
    let (ada, grace) = (app.lifter("ada").await, app.lifter("grace").await);
    let first = keyed(&app, &ada, SQUAT, "one", &squat(100.0)).send().await.expect(200);
    for (path, body) in [
        (SQUAT, squat(101.0)),
        ("/api/v1/scores/scenario/deadlift", squat(100.0)),
        (SCORES, json!({ "scenario_id": "back_squat", "weight_lifted": 100 })),
        (ROUTINES, json!({ "name": "Push", "scenarios": [] })),
    ] {
        let answer = keyed(&app, &ada, path, "one", &body).send().await.problem(409, "idempotency_key_reused");
        assert!(answer.header("retry-after").is_none() && !is_replay(&answer), "{path}");
    }
    assert_eq!(scores(&app).await, 1);
    let hers = keyed(&app, &grace, SQUAT, "one", &squat(100.0)).send().await.expect(200);
    assert!(!is_replay(&hers) && hers.json()["score"]["id"] != first.json()["score"]["id"]);
    keyed(&app, &ada, SQUAT, "One", &squat(101.0)).send().await.expect(200);
    assert_eq!(scores(&app).await, 3);
}

#[tokio::test]
async fn of_many_at_once_one_is_done_and_all_get_its_answer() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let twin = app.another().await;
    let attempts = (0..24).map(|number| {
        let address = if number % 2 == 0 { app.address } else { twin };
        let request = Request::new(address, "POST", SQUAT).bearer(&ada.token).json(&squat(100.0));
        let request = request.header("idempotency-key", "at-once");
        async move {
            loop {
                let answer = request.send().await;
                match answer.status {
                    503 => {} // no connection was free
                    409 => {
                        assert_eq!(answer.error_code(), "idempotency_key_in_use");
                        assert_eq!(answer.header("retry-after"), Some("1"));
                    }
                    _ => return answer.expect(200),
                }
            }
        }
    });
    let answers = at_once(attempts).await;
    assert_eq!(scores(&app).await, 1);
    assert_eq!(answers.iter().filter(|answer| !is_replay(answer)).count(), 1);
    assert!(answers.iter().all(|answer| answer.body == answers[0].body));
}

#[tokio::test]
async fn who_comes_while_it_runs_is_told_at_once() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    app.pg.batch_execute("begin; select from users for update").await.unwrap();
    let request = keyed(&app, &ada, SQUAT, "slow", &squat(100.0));
    let first = tokio::spawn({
        let request = request.clone();
        async move { request.send().await }
    });
    eventually("a request that waits", async || waiting(&app.pg).await == 1).await;
    let second = request.send().await.problem(409, "idempotency_key_in_use");
    assert_eq!(second.header("retry-after"), Some("1"));
    let other = keyed(&app, &ada, SQUAT, "slow", &squat(90.0)).send().await;
    other.problem(409, "idempotency_key_in_use");
    app.pg.batch_execute("rollback").await.unwrap();
    let first = first.await.unwrap().expect(200);
    let third = request.send().await.expect(200);
    assert!(!is_replay(&first) && is_replay(&third) && first.body == third.body);
    assert_eq!(scores(&app).await, 1);
}

#[tokio::test]
async fn what_failed_leaves_its_key_free() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let path = "/api/v1/scores/scenario/stone_of_the_village";
    let request = keyed(&app, &ada, path, "later", &squat(100.0));
    request.send().await.expect(404);
    keyed(&app, &ada, path, "later", &json!({ "weight_lifted": "much" })).send().await.expect(422);
    assert_eq!(app.count("select count(*) from idempotency_keys").await, 0);
    let insert = "insert into scenarios (id, name, is_bodyweight, multiplier, volume_multiplier)
        values ('stone_of_the_village', 'Stone', false, 1, 1)";
    app.pg.execute(insert, &[]).await.unwrap();
    assert!(!is_replay(&request.send().await.expect(200)));
    assert!(is_replay(&request.send().await.expect(200)));
}

#[tokio::test]
async fn effect_and_answer_are_there_together_or_not_at_all() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let refuse = "create function refuse() returns trigger language plpgsql as $$ begin raise 'no'; end $$;
        create trigger refuse before insert on idempotency_keys for each row execute function refuse()";
    app.pg.batch_execute(refuse).await.unwrap();
    let request = keyed(&app, &ada, SQUAT, "whole", &squat(100.0));
    request.send().await.expect(500);
    let left = "select (select count(*) from scores) + (select count(*) from xp_events) + (select count(*) from personal_bests)";
    assert_eq!(app.count(left).await, 0);
    app.post_as(&ada, SQUAT, squat(90.0)).await.expect(200);
    app.pg.batch_execute("drop trigger refuse on idempotency_keys").await.unwrap();
    assert!(!is_replay(&request.send().await.expect(200)));
    assert_eq!(scores(&app).await, 2);
}

#[tokio::test]
async fn answers_are_kept_for_three_days() {
    let app = TestApp::with_clock(NOW).await;
    let ada = app.lifter("ada").await;
    let kept = "select count(*) from idempotency_keys";
    for number in 0..20 {
        keyed(&app, &ada, SQUAT, &format!("old-{number}"), &squat(100.0)).send().await.expect(200);
    }
    app.advance_s(72 * 3600 - 1);
    let ada = app.renewed(&ada).await;
    assert!(is_replay(&keyed(&app, &ada, SQUAT, "old-0", &squat(100.0)).send().await.expect(200)));
    app.advance_s(1);
    assert!(!is_replay(&keyed(&app, &ada, SQUAT, "old-0", &squat(110.0)).send().await.expect(200)));
    assert_eq!(app.count(kept).await, 12, "each that is stored forgets eight");
    for key in ["new-1", "new-2"] {
        keyed(&app, &ada, SQUAT, key, &squat(100.0)).send().await.expect(200);
    }
    assert_eq!(app.count(kept).await, 3);
}

#[tokio::test]
async fn malformed_keys_are_unusable_values() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let long = "k".repeat(256);
    for path in [SQUAT, ROUTINES, workouts::PATH] {
        let body = match path {
            SQUAT => squat(100.0),
            ROUTINES => json!({ "name": "Push", "scenarios": [] }),
            _ => workout("2026-11-21T10:00:00+01:00", 45.0),
        };
        for key in ["", "two words", "tab\tbed", &long] {
            keyed(&app, &ada, path, key, &body).send().await.invalid(&["/header/Idempotency-Key"]);
        }
        let twice = keyed(&app, &ada, path, "one", &body).header("idempotency-key", "one");
        twice.send().await.invalid(&["/header/Idempotency-Key"]);
    }
    keyed(&app, &ada, SQUAT, &long[1..], &squat(100.0)).send().await.expect(200);
    assert_eq!(scores(&app).await, 1);
}

#[tokio::test]
async fn answers_are_told_to_sessions_that_live_and_go_with_the_account() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let phone = app.renewed(&ada).await;
    keyed(&app, &ada, SQUAT, "mine", &squat(100.0)).send().await.expect(200);
    app.request("POST", "/api/v1/users/logout").bearer(&ada.token).send().await.expect(204);
    let ended = keyed(&app, &ada, SQUAT, "mine", &squat(100.0)).send().await.unauthorized();
    assert!(!is_replay(&ended));
    keyed(&app, &ada, SQUAT, "mine", &squat(90.0)).send().await.unauthorized();
    assert!(is_replay(&keyed(&app, &phone, SQUAT, "mine", &squat(100.0)).send().await.expect(200)));
    app.request("DELETE", "/api/v1/users/me").bearer(&phone.token).send().await.expect(204);
    assert_eq!(app.count("select count(*) from idempotency_keys").await, 0);
    keyed(&app, &phone, SQUAT, "mine", &squat(100.0)).send().await.unauthorized();
}

// On one thread the requests of a step are always written as one piece, so that the count is exact.
#[tokio::test]
async fn a_key_costs_two_round_trips_and_a_replay_takes_two() {
    let (app, proxy) = behind_proxy().await;
    let ada = app.lifter("ada").await;
    for key in ["prepares", "prepares", "the", "statements"] {
        keyed(&app, &ada, SQUAT, key, &squat(100.0)).send().await.expect(200);
    }
    for (key, trips) in [("new", 5), ("new", 2)] {
        let before = proxy.round_trips();
        keyed(&app, &ada, SQUAT, key, &squat(100.0)).send().await.expect(200);
        assert_eq!(proxy.round_trips() - before, trips);
    }
}
