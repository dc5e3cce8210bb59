//! How many routines are free, and what arrives at the same time.

use serde_json::json;

use super::{ROUTINES, global, leg_day, listed, make, path_of, send};
use crate::support::ledger::{together, waiting};
use crate::support::{Answer, TestApp, eventually};

const WORDS: &str = "Free users are limited to 3 custom routines. Upgrade to create more.";

fn statuses(answers: &[Answer]) -> (usize, usize) {
    let of = |status| answers.iter().filter(|answer| answer.status == status).count();
    (of(201), of(403))
}

#[tokio::test]
async fn a_fourth_routine_is_for_those_who_pay() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    global(&app, "for all").await;
    let first = make(&app, &ada, "1").await;
    for name in ["2", "3"] {
        make(&app, &ada, name).await;
    }
    let template = "insert into routines (name, user_id, is_share_template) values ('template', $1, true)";
    app.pg.execute(template, &[&ada.id]).await.unwrap();
    let share = send(&app, &ada, "POST", &format!("{}/share", path_of(&first)), None).await.expect(200).json();
    let import = json!({ "share_code": share["code"] });
    for (path, body) in [(ROUTINES, leg_day("4")), ("/api/v1/routines/import", import.clone())] {
        let refused = app.post_as(&ada, path, body).await.expect(403);
        assert_eq!((refused.detail().as_str(), refused.error_code().as_str()), (WORDS, "routine_limit_reached"));
    }
    send(&app, &ada, "DELETE", &path_of(&first), None).await.expect(204);
    app.post_as(&ada, "/api/v1/routines/import", import).await.expect(201);
    app.post_as(&ada, ROUTINES, leg_day("4")).await.expect(403);
    for level in ["gold", "platinum"] {
        app.pg.execute("update users set subscription_level = $1", &[&level]).await.unwrap();
        make(&app, &ada, level).await;
    }
    app.pg.execute("update users set subscription_level = 'free'", &[]).await.unwrap();
    app.post_as(&ada, ROUTINES, leg_day("6")).await.expect(403);
    assert_eq!(listed(&app, &ada).await.as_array().unwrap().len(), 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixteen_creations_at_once_leave_three() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.lifter("ada").await, app.lifter("bob").await);
    let create = |number: usize| {
        let lifter = if number < 16 { &ada } else { &bob };
        app.request("POST", ROUTINES).bearer(&lifter.token).json(&leg_day(&number.to_string()))
    };
    let answers = together((0..32).map(create).collect()).await;
    assert_eq!((statuses(&answers[..16]), statuses(&answers[16..])), ((3, 13), (3, 13)));
    assert_eq!(app.count("select count(*) from routines").await, 6);
    assert_eq!(app.count("select count(*) from routine_scenario_association").await, 12);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixteen_creations_and_imports_at_once_leave_three() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.lifter("ada").await, app.lifter("bob").await);
    let routine = make(&app, &bob, "shared").await;
    let share = send(&app, &bob, "POST", &format!("{}/share", path_of(&routine)), None).await.expect(200).json();
    let request = |number: usize| {
        let (path, body) = match number % 2 {
            0 => (ROUTINES, leg_day("made")),
            _ => ("/api/v1/routines/import", json!({ "share_code": share["code"] })),
        };
        app.request("POST", path).bearer(&ada.token).json(&body)
    };
    for _ in 0..3 {
        let answers = together((0..16).map(request).collect()).await;
        assert_eq!(statuses(&answers), (3, 13));
        app.pg.execute("delete from routines where user_id = $1", &[&ada.id]).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn changes_and_a_deletion_at_once_leave_whole_routines() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let made = make(&app, &ada, "Leg day").await;
    let change = |number: usize| {
        let request = app.request(if number == 9 { "DELETE" } else { "PUT" }, &path_of(&made)).bearer(&ada.token);
        if number == 9 { request } else { request.json(&leg_day(&number.to_string())) }
    };
    let changes = together((0..9).map(change).collect()).await;
    assert!(changes.iter().all(|answer| answer.status == 200), "{changes:?}");
    assert_eq!(app.count("select count(*) from routine_scenario_association").await, 2);
    let answers = together((0..16).map(change).collect()).await;
    assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 204 | 404)), "{answers:?}");
    assert_eq!(app.count("select count(*) from routine_scenario_association").await, 0);
}

#[tokio::test]
async fn a_workout_that_is_being_written_is_parted_from_its_routine_too() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let made = make(&app, &ada, "Leg day").await;
    let id: uuid::Uuid = made["id"].as_str().unwrap().parse().unwrap();
    app.pg.batch_execute("begin").await.unwrap();
    let insert =
        "insert into routine_submission (id, routine_id, user_id, duration, completion_timestamp, status, title)
        values (gen_random_uuid(), $1, $2, 30, now(), 'completed', 'Leg day')";
    app.pg.execute(insert, &[&id, &ada.id]).await.unwrap();
    let deletion = tokio::spawn({
        let request = app.request("DELETE", &path_of(&made)).bearer(&ada.token);
        async move { request.send().await }
    });
    eventually("the wait for the workout", async || waiting(&app.pg).await == 1).await;
    app.pg.batch_execute("commit").await.unwrap();
    deletion.await.unwrap().expect(204);
    assert_eq!(app.count("select count(*) from routine_submission where routine_id is null").await, 1);
}
