//! Recording lifts, personal bests, deleting scores.

mod crowds;
mod deleting;
mod earlier_server;
mod together;

use serde_json::{Value, json};

use crate::support::ledger::{assert_books, lift_request, of_weight};
use crate::support::{Lifter, Proxy, TestApp, TestDatabase};

const SQUAT: &str = "back_squat";

/// The reply to a recorded lift.
async fn record(app: &TestApp, lifter: &Lifter, scenario: &str, lift: Value) -> Value {
    lift_request(app, lifter, scenario, &lift).send().await.expect(200).json()
}

/// What a reply tells of the best before: value, load, repetitions, sets.
fn best_before(reply: &Value) -> Value {
    let keys = ["score_value", "weight_lifted", "reps", "sets"];
    keys.map(|key| reply[format!("previous_best_{key}")].clone()).into()
}

async fn weigh(app: &TestApp, lifter: &Lifter, kg: f64) {
    app.pg.execute("update users set weight = $2 where id = $1", &[&lifter.id, &kg]).await.unwrap();
}

#[tokio::test]
async fn a_recorded_lift_is_answered_in_the_types_that_clients_insist_on() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let lift = json!({ "weight_lifted": 90, "reps": 30, "sets": 3, "colour": "unknown keys are ignored" });
    let answer = lift_request(&app, &ada, SQUAT, &lift).send().await.expect(200);
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    for part in [r#""weight_lifted":90.0,"#, r#""score_value":180.0,"#, r#""sets":3,"#, r#""reps":30}"#] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let reply = answer.json();
    let created_at = reply["score"]["created_at"].as_str().unwrap();
    assert!(created_at.ends_with('Z'), "{created_at}");
    let score = json!({
        "id": reply["score"]["id"].as_i64().unwrap(), "user_id": ada.id, "scenario_id": SQUAT, "weight_lifted": 90.0,
        "score_value": 180.0, "is_bodyweight": false, "created_at": created_at, "sets": 3, "reps": 30,
    });
    assert_eq!(reply["score"], score);
    assert_eq!((&reply["is_personal_best"], best_before(&reply)), (&json!(true), json!([null, null, null, null])));
    assert_eq!(reply.as_object().unwrap().len(), 6);
    assert_books(&app.pg).await;
}

#[tokio::test]
async fn the_reply_tells_the_best_before_this_lift() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let lifts = [
        (json!({ "weight_lifted": 90, "reps": 30, "sets": 3 }), true, json!([null, null, null, null])),
        (json!({ "weight_lifted": 100 }), false, json!([180.0, 90.0, 30, 3])),
        (json!({ "weight_lifted": 180, "reps": 1, "sets": 1 }), false, json!([180.0, 90.0, 30, 3])),
        (json!({ "weight_lifted": 200 }), true, json!([180.0, 90.0, 30, 3])),
        (json!({ "weight_lifted": 201, "sets": 2 }), true, json!([200.0, 200.0, null, null])),
    ];
    for (lift, is_best, before) in lifts {
        let reply = record(&app, &ada, SQUAT, lift.clone()).await;
        assert_eq!((&reply["is_personal_best"], best_before(&reply)), (&json!(is_best), before), "{lift}");
    }
    let elsewhere = record(&app, &ada, "deadlift", of_weight(1.0)).await;
    assert_eq!(best_before(&elsewhere), json!([null, null, null, null]));
    let other = record(&app, &app.lifter("bob").await, SQUAT, of_weight(1.0)).await;
    assert_eq!((&other["is_personal_best"], best_before(&other)), (&json!(true), json!([null, null, null, null])));
    assert_books(&app.pg).await;
}

#[tokio::test]
async fn score_values_are_epleys_or_the_repetitions() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let lifts = [
        (SQUAT, json!({ "weight_lifted": 100.5 }), 100.5),
        (SQUAT, json!({ "weight_lifted": 100, "reps": null }), 100.0),
        (SQUAT, json!({ "weight_lifted": 100, "reps": 0 }), 100.0),
        (SQUAT, json!({ "weight_lifted": 100, "reps": 1 }), 100.0),
        (SQUAT, json!({ "weight_lifted": 100, "reps": 3.0, "sets": 2.0 }), 110.0),
        (SQUAT, json!({ "weight_lifted": 1000, "reps": 1000, "sets": 100 }), 1000.0 * (1.0 + 1000.0 / 30.0)),
        (SQUAT, json!({ "weight_lifted": 0 }), 0.0),
        ("archer_push_ups", json!({ "weight_lifted": 0, "reps": 12 }), 12.0),
        ("archer_push_ups", json!({ "weight_lifted": 20, "reps": 12 }), 12.0),
        ("archer_push_ups", json!({ "weight_lifted": 20 }), 0.0),
    ];
    for (scenario, lift, expected) in lifts {
        let score = &record(&app, &ada, scenario, lift.clone()).await["score"];
        assert!((score["score_value"].as_f64().unwrap() - expected).abs() < 1e-9, "{lift} brought {score}");
        assert_eq!(score["is_bodyweight"], scenario != SQUAT);
    }
    assert_books(&app.pg).await;
}

#[tokio::test]
async fn the_exercise_is_named_by_the_path_or_by_the_body() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let in_body = |id: Value| json!({ "weight_lifted": 100, "scenario_id": id });
    lift_request(&app, &ada, SQUAT, &in_body(json!(SQUAT))).send().await.expect(200);
    lift_request(&app, &ada, SQUAT, &in_body(Value::Null)).send().await.expect(200);
    let differing = lift_request(&app, &ada, SQUAT, &in_body(json!("deadlift"))).send().await.expect(400);
    assert_eq!(differing.error_code(), "bad_request");
    lift_request(&app, &ada, "no_such_lift", &of_weight(1.0)).send().await.expect(404);
    assert_eq!(app.count("select count(*) from scores").await, 2);

    let path = "/api/v1/scores";
    let score = app.post_as(&ada, path, in_body(json!("deadlift"))).await.expect(200).json();
    assert_eq!((&score["scenario_id"], &score["score_value"]), (&json!("deadlift"), &json!(100.0)));
    assert_eq!(score.as_object().unwrap().len(), 9);
    app.post_as(&ada, path, of_weight(1.0)).await.expect(400);
    app.post_as(&ada, path, in_body(Value::Null)).await.expect(400);
    app.post_as(&ada, path, in_body(json!("no_such_lift"))).await.expect(404);
    app.post_as(&ada, path, in_body(json!(7))).await.expect(422);
    assert_eq!(app.count("select count(*) from scores").await, 3);
    assert_books(&app.pg).await;
}

#[tokio::test]
async fn what_is_out_of_bounds_writes_nothing() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let cases = [
        (r#"{"weight_lifted":-1}"#, "/weight_lifted"),
        (r#"{"weight_lifted":-0.001}"#, "/weight_lifted"),
        (r#"{"weight_lifted":1000.1}"#, "/weight_lifted"),
        (r#"{"weight_lifted":1e300}"#, "/weight_lifted"),
        (r#"{"weight_lifted":1e400}"#, ""),
        (r#"{"weight_lifted":NaN}"#, ""),
        (r#"{"weight_lifted":"100"}"#, "/weight_lifted"),
        (r#"{"weight_lifted":null}"#, "/weight_lifted"),
        (r#"{"weight_lifted":true}"#, "/weight_lifted"),
        (r#"{"reps":1}"#, "/weight_lifted"),
        (r#"{"weight_lifted":1,"reps":1001}"#, "/reps"),
        (r#"{"weight_lifted":1,"reps":-1}"#, "/reps"),
        (r#"{"weight_lifted":1,"reps":2.5}"#, "/reps"),
        (r#"{"weight_lifted":1,"reps":"3"}"#, "/reps"),
        (r#"{"weight_lifted":1,"reps":99999999999999999999}"#, "/reps"),
        (r#"{"weight_lifted":1,"sets":101}"#, "/sets"),
        (r#"{"weight_lifted":1,"sets":-1}"#, "/sets"),
        (r#"{"weight_lifted":1,"sets":1.5}"#, "/sets"),
        (r#"[{"weight_lifted":1}]"#, ""),
    ];
    for (body, pointer) in cases {
        let request = app.request("POST", &format!("/api/v1/scores/scenario/{SQUAT}")).bearer(&ada.token);
        let answer = request.body("application/json", body).send().await;
        assert_eq!(answer.status, 422, "{body}");
        if !pointer.is_empty() {
            assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{body}");
        }
    }
    let written = "select (select count(*) from scores) + (select count(*) from personal_best_events)
        + (select count(*) from xp_events) + (select count(*) from energy_history)";
    assert_eq!(app.count(written).await, 0);
    for body in [json!({ "weight_lifted": 0, "reps": 0, "sets": 0 }), json!({ "weight_lifted": 1000 })] {
        record(&app, &ada, SQUAT, body).await;
    }
    assert_books(&app.pg).await;
}

#[tokio::test]
async fn each_personal_best_is_an_event_and_nothing_else_is() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.lifter("ada").await, app.lifter("bob").await);
    for kg in [100.0, 90.0, 100.0, 110.0, 109.9, 120.0] {
        app.lift(&ada, SQUAT, kg).await;
    }
    record(&app, &ada, "archer_push_ups", json!({ "weight_lifted": 0, "reps": 12 })).await;
    let path = format!("/api/v1/personal_best_events/user/{}", ada.id);
    let events = app.get_as(&bob, &path).await.expect(200).json();
    let values: Vec<f64> = events.as_array().unwrap().iter().map(|e| e["score_value"].as_f64().unwrap()).collect();
    assert_eq!(values, [12.0, 120.0, 110.0, 100.0]);
    let newest = json!({
        "id": events[0]["id"].as_i64().unwrap(), "user_id": ada.id, "scenario_id": "archer_push_ups", "score_value": 12.0,
        "weight_lifted": 0.0, "is_bodyweight": true, "created_at": events[0]["created_at"], "reps": 12,
    });
    assert_eq!((&events[0], &events[1]["reps"], &events[1]["is_bodyweight"]), (&newest, &Value::Null, &json!(false)));

    let page = app.get_as(&bob, &format!("{path}?limit=2")).await.expect(200).json();
    assert_eq!(page, json!([events[0], events[1]]));
    for limit in ["0", "201", "abc", "1.5"] {
        app.get_as(&bob, &format!("{path}?limit={limit}")).await.expect(422);
    }
    app.get_as(&bob, &format!("{path}?limit=200")).await.expect(200);
    app.get(&path).await.expect(401);
    assert_eq!(app.get_as(&bob, &path.replace(&ada.id.to_string(), &bob.id.to_string())).await.json(), json!([]));
    assert_books(&app.pg).await;
}

#[tokio::test]
async fn volume_and_personal_bests_bring_experience() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let lift = json!({ "weight_lifted": 100, "reps": 5, "sets": 3 });
    record(&app, &ada, SQUAT, lift.clone()).await;
    let level = async || app.get_as(&ada, "/api/v1/levels/me").await.expect(200).json()["xp"].as_i64().unwrap();
    assert_eq!(level().await, 10, "a lifter of unknown weight gains by the personal best alone");

    weigh(&app, &ada, 80.0).await;
    record(&app, &ada, SQUAT, lift).await;
    assert_eq!(level().await, 28, "100 kg fifteen times are 18.75 times 80 kg");
    let reply = record(&app, &ada, SQUAT, json!({ "weight_lifted": 200 })).await;
    assert_eq!(level().await, 40, "2 for the volume and 10 for the best");
    let push_ups = json!({ "weight_lifted": 0, "reps": 7, "sets": 2 });
    record(&app, &ada, "archer_push_ups", push_ups.clone()).await;
    assert_eq!(level().await, 64, "a lifter without load lifts themself: 14 for the volume and 10 for the best");
    record(&app, &ada, SQUAT, json!({ "weight_lifted": 79 })).await;
    record(&app, &ada, "archer_push_ups", json!({ "weight_lifted": 0, "reps": 0 })).await;
    assert_eq!(level().await, 64, "less than a body weight of volume brings nothing");

    let query = "select source_type, amount from xp_events where user_id = $1 and source_id = $2 order by source_type";
    let score = reply["score"]["id"].to_string();
    let awards = app.pg.query(query, &[&ada.id, &score]).await.unwrap();
    let awards: Vec<(String, i32)> = awards.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(awards, [("score_pr".to_owned(), 10), ("score_volume".to_owned(), 2)]);
    assert_eq!(app.count("select total_xp::bigint from user_xp").await, 64);
    assert_books(&app.pg).await;
}

#[tokio::test]
async fn better_core_lifts_raise_energy_and_rank() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let standing = async || {
        let me = app.get_as(&ada, "/api/v1/users/me").await.expect(200).json();
        let history = app.get(&format!("/api/v1/energy/history/{}", ada.id)).await.expect(200).json();
        let history: Vec<f64> = history.as_array().unwrap().iter().map(|h| h["energy"].as_f64().unwrap()).collect();
        (me["energy"].as_f64().unwrap(), me["rank"].as_str().unwrap().to_owned(), history)
    };
    app.lift(&ada, "front_squat", 200.0).await;
    assert_eq!(standing().await, (0.0, "Unranked".to_owned(), vec![]));
    app.lift(&ada, "barbell_bench_press", 100.0).await;
    assert_eq!(standing().await, (183.0, "Iron".to_owned(), vec![183.0]));
    app.lift(&ada, "barbell_bench_press", 100.0).await;
    app.lift(&ada, "barbell_bench_press", 60.0).await;
    assert_eq!(standing().await.2, [183.0], "what does not improve a lift leaves no line in the history");
    app.lift(&ada, SQUAT, 140.0).await;
    app.lift(&ada, "deadlift", 180.0).await;
    assert_eq!(standing().await, (592.0, "Platinum".to_owned(), vec![592.0, 383.0, 183.0]));
    assert_books(&app.pg).await;
}

#[tokio::test]
async fn any_lift_corrects_an_energy_that_does_not_follow_from_the_scores() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    app.lift(&ada, "barbell_bench_press", 100.0).await;
    app.pg.execute("update users set energy = 999, rank = 'Nova'", &[]).await.unwrap();
    app.lift(&ada, "front_squat", 50.0).await;
    let me = app.get_as(&ada, "/api/v1/users/me").await.json();
    assert_eq!((&me["energy"], &me["rank"]), (&json!(183.0), &json!("Iron")));
    assert_books(&app.pg).await;
}

#[tokio::test]
async fn scores_are_listed_newest_first_and_the_best_is_told_apart() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let path = format!("/api/v1/scores/user/{}/scenario/{SQUAT}", ada.id);
    let value = format!("/api/v1/ranks/user/{}/scenario/{SQUAT}/highscore_value", ada.id);
    assert_eq!(app.get(&path).await.expect(200).json(), json!([]));
    app.get(&format!("{path}/highscore")).await.expect(404);
    app.get(&value).await.expect(404);

    let mut scores = Vec::new();
    for kg in [100.0, 120.0, 110.0] {
        scores.insert(0, app.lift(&ada, SQUAT, kg).await["score"].clone());
    }
    app.lift(&ada, "deadlift", 300.0).await;
    assert_eq!(app.get(&path).await.expect(200).json(), json!(scores));
    assert_eq!(app.get(&format!("{path}/highscore")).await.expect(200).json(), scores[1]);
    assert_eq!(app.get(&value).await.expect(200).json(), json!({ "high_score": 120.0 }));
    app.get(&path.replace(&ada.id.to_string(), &uuid::Uuid::new_v4().to_string())).await.expect(404);
    app.get("/api/v1/scores/user/ada/scenario/back_squat").await.expect(422);
}

#[tokio::test]
async fn who_is_gone_or_inactive_records_nothing() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.lifter("ada").await, app.lifter("bob").await);
    app.pg.execute("update users set is_active = false where id = $1", &[&ada.id]).await.unwrap();
    app.pg.execute("delete from users where id = $1", &[&bob.id]).await.unwrap();
    for lifter in [ada, bob] {
        let answer = lift_request(&app, &lifter, SQUAT, &of_weight(100.0)).send().await.expect(401);
        assert_eq!(
            (answer.error_code().as_str(), answer.header("www-authenticate")),
            ("invalid_token", Some("Bearer"))
        );
    }
    lift_request(&app, &Lifter { id: uuid::Uuid::nil(), token: "x".into() }, SQUAT, &of_weight(1.0))
        .send()
        .await
        .expect(401);
    assert_eq!(app.count("select count(*) from scores").await, 0);
}

/// The service with a proxy between it and its database.
pub async fn behind_proxy() -> (TestApp, Proxy) {
    let database = TestDatabase::migrated().await;
    let url = database.url();
    let (credentials, place) = url.split_once('@').unwrap();
    let (server, name) = place.split_once('/').unwrap();
    let proxy = Proxy::to(server.parse().unwrap()).await;
    let through = format!("{credentials}@{}/{name}", proxy.address);
    (TestApp::through(database, &through).await, proxy)
}

// On one thread the requests of a step are always written as one piece, so that the count is exact.
#[tokio::test]
async fn recording_takes_three_round_trips_at_most() {
    let (app, proxy) = behind_proxy().await;
    let ada = app.lifter("ada").await;
    weigh(&app, &ada, 80.0).await;
    app.lift(&ada, SQUAT, 100.0).await; // prepares the statements on the one connection that is in use
    for (kg, is_best) in [(110.0, true), (100.0, false), (120.0, true)] {
        let before = proxy.round_trips();
        let reply = app.lift(&ada, SQUAT, kg).await;
        let taken = proxy.round_trips() - before;
        assert!((1..=3).contains(&taken), "{kg} kg took {taken}");
        assert_eq!(reply["is_personal_best"], is_best);
    }
    assert_eq!(app.count("select count(*) from pg_stat_activity where datname = current_database()").await, 2);
}

#[tokio::test]
async fn looking_at_oneself_takes_one_round_trip() {
    let (app, proxy) = behind_proxy().await;
    let ada = app.lifter("ada").await;
    for _ in 0..4 {
        app.get_as(&ada, "/api/v1/users/me").await.expect(200); // prepares the statement on each shared connection
    }
    let before = proxy.round_trips();
    app.get_as(&ada, "/api/v1/users/me").await.expect(200);
    assert_eq!(proxy.round_trips() - before, 1);
}

#[tokio::test]
async fn times_beyond_the_calendar_are_the_nearest_that_can_be_written() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    app.lift(&ada, "deadlift", 100.0).await;
    for (at, shown) in [
        ("infinity", "9999-12-31T23:59:59Z"),
        ("-infinity", "0001-01-01T00:00:00Z"),
        ("20000-01-01", "9999-12-31T23:59:59Z"),
    ] {
        let odd = format!(
            "update users set created_at = '{at}'; update scores set created_at = '{at}'; update personal_best_events set created_at = '{at}';
             update energy_history set created_at = '{at}'"
        );
        app.pg.batch_execute(&odd).await.unwrap();
        let id = ada.id;
        let board = app.get("/api/v1/scores/scenario/deadlift/leaderboard").await.expect(200).json();
        assert_eq!((&board[0]["created_at"], &board[0]["user"]["created_at"]), (&json!(shown), &json!(shown)));
        let events = app.get_as(&ada, &format!("/api/v1/personal_best_events/user/{id}")).await.expect(200).json();
        assert_eq!(events[0]["created_at"], shown);
        for path in ["energy/daily", "energy/history", "users"] {
            app.get(&format!("/api/v1/{path}/{id}")).await.expect(200);
        }
    }
}

#[tokio::test]
async fn nothing_is_lifted_with_minus_zero() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let score = app.lift(&ada, "deadlift", -0.0).await;
    assert_eq!(score["score"]["weight_lifted"].to_string(), "0.0");
}
