//! Logging workouts.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Lifter, TestApp, at_once, keys};

pub const PATH: &str = "/api/v1/routine_submission";

/// 2026-11-21T09:30:00Z, a Saturday.
pub const NOW: i64 = 1_795_253_400;

pub fn workout(completed_at: &str, minutes: f64) -> Value {
    json!({
        "duration": minutes,
        "completion_timestamp": completed_at,
        "status": "completed",
        "scenario_submissions": [
            { "scenario_id": "back_squat", "sets": 3, "reps": 24, "weight": 100.5, "total_volume": 2412 },
            { "scenario_id": "barbell_bench_press", "sets": 1, "reps": 5, "weight": 80, "total_volume": 400.0 },
        ],
    })
}

async fn list(app: &TestApp, lifter: &Lifter) -> Value {
    app.get_as(lifter, &format!("{PATH}/user/{}", lifter.id)).await.expect(200).json()
}

async fn routine(app: &TestApp, lifter: &Lifter, name: &str) -> Value {
    let new = json!({ "name": name, "scenarios": [] });
    app.post_as(lifter, "/api/v1/routines", new).await.expect(201).json()["id"].clone()
}

#[tokio::test]
async fn a_workout_is_answered_and_listed_as_it_was_sent() {
    let app = TestApp::with_clock(NOW).await;
    let ada = app.lifter("ada").await;
    let mut sent = workout("2026-11-21T10:00:00+01:00", 45.5);
    sent["user_id"] = json!(Uuid::new_v4());
    let answer = app.post_as(&ada, PATH, sent.clone()).await.expect(201).json();
    assert_eq!(
        keys(&answer),
        ["completion_timestamp", "duration", "routine_id", "scenario_submissions", "status", "title", "user_id"]
    );
    assert_eq!(answer["user_id"], json!(ada.id));
    assert_eq!((&answer["routine_id"], &answer["duration"]), (&json!(null), &json!(45.5)));
    assert_eq!(answer["completion_timestamp"], "2026-11-21T09:00:00Z");
    let done = |index: usize| answer["scenario_submissions"][index].to_string();
    assert_eq!(done(0), r#"{"reps":24,"scenario_id":"back_squat","sets":3,"total_volume":2412.0,"weight":100.5}"#);
    assert_eq!(
        done(1),
        r#"{"reps":5,"scenario_id":"barbell_bench_press","sets":1,"total_volume":400.0,"weight":80.0}"#
    );
    assert_eq!(list(&app, &ada).await, json!([answer]));
    let event = "select count(*) from outbox_events
        where topic = 'workout.submitted' and status = 'pending' and attempts = 0
          and payload = jsonb_build_object('workout_id', (select id from routine_submission))";
    assert_eq!(app.count(event).await, 1);
}

#[tokio::test]
async fn titles_come_from_the_routine_or_from_hour_and_muscle() {
    let app = TestApp::with_clock(NOW).await;
    let ada = app.lifter("ada").await;
    let own = routine(&app, &ada, "Leg day").await;
    let everybodys = Uuid::new_v4();
    app.pg.execute("insert into routines (id, name) values ($1, 'For all')", &[&everybodys]).await.unwrap();
    let muscle: String = app
        .pg
        .query_one(
            "select min(name) from scenario_primary_muscle_association join muscles on muscles.id = muscle_id
             where scenario_id = 'back_squat'",
            &[],
        )
        .await
        .unwrap()
        .get(0);
    let cases = [
        (Some(own), "09", true, "Leg day".to_owned()),
        (Some(json!(everybodys)), "09", true, "For all".to_owned()),
        (None, "04", true, format!("Night {muscle} Workout")),
        (None, "05", true, format!("Morning {muscle} Workout")),
        (None, "12", false, "Afternoon Workout".to_owned()),
        (None, "17", false, "Evening Workout".to_owned()),
        (None, "21", false, "Night Workout".to_owned()),
    ];
    for (routine, hour, with_exercises, title) in cases {
        let mut sent = workout(&format!("2026-11-20T{hour}:59:59"), 10.0);
        sent["routine_id"] = json!(routine);
        if !with_exercises {
            sent["scenario_submissions"] = json!([]);
        }
        let answer = app.post_as(&ada, PATH, sent).await.expect(201).json();
        assert_eq!((answer["title"].as_str(), &answer["routine_id"]), (Some(title.as_str()), &json!(routine)));
    }
}

#[tokio::test]
async fn what_is_unknown_is_refused_and_nothing_is_stored() {
    let app = TestApp::with_clock(NOW).await;
    let (ada, grace) = (app.lifter("ada").await, app.lifter("grace").await);
    let private = routine(&app, &grace, "Grace's own").await;
    for routine in [json!(Uuid::nil()), private] {
        let mut sent = workout("2026-11-21T09:00:00Z", 45.0);
        sent["routine_id"] = routine;
        app.post_as(&ada, PATH, sent).await.problem(400, "unknown_routine");
    }
    let mut sent = workout("2026-11-21T09:00:00Z", 45.0);
    sent["scenario_submissions"][1]["scenario_id"] = json!("levitation");
    app.post_as(&ada, PATH, sent).await.problem(400, "unknown_scenario");
    for table in ["routine_submission", "routine_scenario_submission", "outbox_events"] {
        assert_eq!(app.count(&format!("select count(*) from {table}")).await, 0, "{table}");
    }
}

#[tokio::test]
async fn unusable_values_are_named() {
    let app = TestApp::with_clock(NOW).await;
    let ada = app.lifter("ada").await;
    let cases: [(&str, Value); 14] = [
        ("/duration", json!(-1)),
        ("/duration", json!("45")),
        ("/duration", json!(525_601)),
        ("/completion_timestamp", json!("yesterday")),
        ("/completion_timestamp", json!(null)),
        ("/completion_timestamp", json!(1_795_253_400)),
        ("/status", json!("")),
        ("/status", json!("a\0")),
        ("/routine_id", json!("7")),
        ("/scenario_submissions", json!(null)),
        ("/scenario_submissions/0/sets", json!(1.5)),
        ("/scenario_submissions/0/reps", json!(-1)),
        ("/scenario_submissions/1/weight", json!(10_001)),
        ("/scenario_submissions/1/total_volume", json!(-0.1)),
    ];
    for (pointer, value) in cases {
        let mut sent = workout("2026-11-21T09:00:00Z", 45.0);
        *sent.pointer_mut(pointer).unwrap_or(&mut json!(null)) = value.clone();
        if pointer == "/routine_id" {
            sent["routine_id"] = value;
        }
        app.post_as(&ada, PATH, sent).await.invalid(&[pointer]);
    }
    let mut many = workout("2026-11-21T09:00:00Z", 45.0);
    many["scenario_submissions"] = json!(vec![many["scenario_submissions"][0].clone(); 201]);
    app.post_as(&ada, PATH, many).await.invalid(&["/scenario_submissions"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_workout_from_many_phones_is_stored_once() {
    let app = TestApp::with_clock(NOW).await;
    let (ada, grace) = (app.lifter("ada").await, app.lifter("grace").await);
    let sent = workout("2026-11-21T09:00:00Z", 45.0);
    let request = app.request("POST", PATH).bearer(&ada.token).json(&sent);
    let answers = at_once((0..16).map(|_| {
        let request = request.clone();
        async move { request.send().await.expect(201).json() }
    }))
    .await;
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    app.post_as(&grace, PATH, sent).await.expect(201);
    app.post_as(&ada, PATH, workout("2026-11-21T09:00:00Z", 45.1)).await.expect(201);
    assert_eq!(app.count("select count(*) from routine_submission").await, 3);
    assert_eq!(app.count("select count(*) from routine_scenario_submission").await, 6);
    assert_eq!(app.count("select count(*) from outbox_events").await, 3);
}

#[tokio::test]
async fn workouts_are_listed_newest_first_for_everybody() {
    let app = TestApp::with_clock(NOW).await;
    let (ada, grace) = (app.lifter("ada").await, app.lifter("grace").await);
    for day in [3, 1, 2] {
        app.post_as(&ada, PATH, workout(&format!("2026-11-0{day}T09:00:00Z"), 45.0)).await.expect(201);
    }
    let path = format!("{PATH}/user/{}", ada.id);
    let seen = app.get_as(&grace, &path).await.expect(200).json();
    let days: Vec<&str> = seen
        .as_array()
        .unwrap()
        .iter()
        .map(|workout| &workout["completion_timestamp"].as_str().unwrap()[8..10])
        .collect();
    assert_eq!(days, ["03", "02", "01"]);
    assert_eq!(list(&app, &grace).await, json!([]));
    app.get_as(&ada, &format!("{PATH}/user/{}", Uuid::nil())).await.problem(404, "not_found");
    app.get(&path).await.unauthorized();
}

#[tokio::test]
async fn workouts_outlive_their_routine() {
    let app = TestApp::with_clock(NOW).await;
    let ada = app.lifter("ada").await;
    let mut sent = workout("2026-11-21T09:00:00Z", 45.0);
    sent["routine_id"] = routine(&app, &ada, "Leg day").await;
    let path = format!("/api/v1/routines/{}", sent["routine_id"].as_str().unwrap());
    app.post_as(&ada, PATH, sent).await.expect(201);
    app.request("DELETE", &path).bearer(&ada.token).send().await.expect(204);
    let left = list(&app, &ada).await;
    assert_eq!((&left[0]["title"], &left[0]["routine_id"]), (&json!("Leg day"), &json!(null)));
}

#[tokio::test]
async fn a_workout_is_known_again_when_its_routine_is_gone() {
    let app = TestApp::with_clock(NOW).await;
    let ada = app.lifter("ada").await;
    let mut sent = workout("2026-11-21T09:00:00Z", 45.0);
    sent["routine_id"] = routine(&app, &ada, "Leg day").await;
    let path = format!("/api/v1/routines/{}", sent["routine_id"].as_str().unwrap());
    // The phone did not hear the answer, and asks again later.
    let first = app.post_as(&ada, PATH, sent.clone()).await.expect(201).json();
    app.request("DELETE", &path).bearer(&ada.token).send().await.expect(204);
    assert_eq!(app.post_as(&ada, PATH, sent.clone()).await.expect(201).json(), first);
    assert_eq!(app.count("select count(*) from routine_submission").await, 1);
    sent["duration"] = json!(46);
    app.post_as(&ada, PATH, sent).await.problem(400, "unknown_routine");
}

#[tokio::test]
async fn workouts_of_the_earlier_server_are_read() {
    let app = TestApp::with_clock(NOW).await;
    let ada = app.lifter("ada").await;
    let old = "
        with old as (
          insert into routine_submission (id, user_id, duration, completion_timestamp, status, title)
          select gen_random_uuid(), id, 'NaN', '2026-01-02T03:04:05Z', '', 'Old' from users
          returning id
        )
        insert into routine_scenario_submission (id, routine_id, scenario_id, sets, reps, weight, total_volume)
        select gen_random_uuid(), id, 'back_squat', 1, 2, 'Infinity', 3 from old";
    app.pg.batch_execute(old).await.unwrap();
    let done = json!({ "scenario_id": "back_squat", "sets": 1, "reps": 2, "weight": 0.0, "total_volume": 3.0 });
    let listed = list(&app, &ada).await;
    assert_eq!(listed[0]["scenario_submissions"], json!([done]));
    assert_eq!((&listed[0]["title"], &listed[0]["duration"]), (&json!("Old"), &json!(0.0)));
}

#[tokio::test]
async fn a_workout_whose_event_cannot_be_left_is_not_stored() {
    let app = TestApp::with_clock(NOW).await;
    let ada = app.lifter("ada").await;
    app.pg.batch_execute("alter table outbox_events add constraint shut check (false) not valid").await.unwrap();
    app.post_as(&ada, PATH, workout("2026-11-21T09:00:00Z", 45.0)).await.problem(500, "internal_error");
    assert_eq!(app.count("select count(*) from routine_submission").await, 0);
}
