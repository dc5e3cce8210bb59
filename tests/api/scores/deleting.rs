//! Deleting one's scores, and scores that are odd.

use serde_json::json;

use super::SQUAT;
use crate::support::ledger::{assert_bests, assert_books, delete_request, lift_request, of_weight};
use crate::support::{Lifter, TestApp};

#[tokio::test]
async fn deleting_scores_takes_everything_but_the_experience() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.lifter("ada").await, app.lifter("bob").await);
    for (lifter, kg) in [(&ada, 140.0), (&bob, 120.0), (&ada, 150.0)] {
        app.lift(lifter, SQUAT, kg).await;
    }
    app.lift(&ada, "archer_push_ups", 0.0).await;
    delete_request(&app, &ada).send().await.expect(204);

    let scores = format!("/api/v1/scores/user/{}/scenario/{SQUAT}", ada.id);
    assert_eq!(app.get(&scores).await.expect(200).json(), json!([]));
    app.get(&format!("{scores}/highscore")).await.expect(404);
    let events = format!("/api/v1/personal_best_events/user/{}", ada.id);
    assert_eq!(app.get_as(&ada, &events).await.expect(200).json(), json!([]));
    let board = app.get(&format!("/api/v1/scores/scenario/{SQUAT}/leaderboard")).await.json();
    assert_eq!((board.as_array().unwrap().len(), &board[0]["user"]["id"]), (1, &json!(bob.id)));
    let me = app.get_as(&ada, "/api/v1/users/me").await.json();
    assert_eq!((&me["energy"], &me["rank"]), (&json!(0.0), &json!("Unranked")));
    let history = app.get(&format!("/api/v1/energy/history/{}", ada.id)).await.json();
    assert_eq!((history.as_array().unwrap().len(), &history[0]["energy"]), (3, &json!(0.0)));
    assert_eq!(app.get_as(&ada, "/api/v1/levels/me").await.json()["xp"], 30);

    let again = app.lift(&ada, SQUAT, 1.0).await;
    assert_eq!((&again["is_personal_best"], &again["previous_best_score_value"]), (&json!(true), &json!(null)));
    assert_books(&app.pg).await;
}

#[tokio::test]
async fn only_ones_own_scores_can_be_deleted_and_only_if_there_are_any() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.lifter("ada").await, app.lifter("bob").await);
    app.lift(&ada, SQUAT, 100.0).await;
    delete_request(&app, &Lifter { id: ada.id, token: bob.token.clone() }).send().await.expect(403);
    delete_request(&app, &bob).send().await.expect(404);
    app.request("DELETE", &format!("/api/v1/scores/user/{}", ada.id)).send().await.expect(401);
    app.request("DELETE", "/api/v1/scores/user/ada").bearer(&ada.token).send().await.expect(422);
    assert_eq!(app.count("select count(*) from scores").await, 1);
    delete_request(&app, &ada).send().await.expect(204);
    delete_request(&app, &ada).send().await.expect(404);
    app.pg.execute("update users set is_active = false", &[]).await.unwrap();
    delete_request(&app, &ada).send().await.expect(401);
    assert_books(&app.pg).await;
}

#[tokio::test]
async fn rows_of_former_times_break_nothing() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.lifter("ada").await, app.lifter("bob").await);
    let insert = "insert into scores (user_id, scenario_id, score_value, weight_lifted, created_at)
        values ($1, $2, $3, $4, now() - interval '1 day')";
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 100.0] {
        app.pg.execute(insert, &[&ada.id, &SQUAT, &value, &value]).await.unwrap();
    }
    app.pg.execute(insert, &[&bob.id, &SQUAT, &f64::NAN, &f64::NAN]).await.unwrap();

    let scores = app.get(&format!("/api/v1/scores/user/{}/scenario/{SQUAT}", ada.id)).await.expect(200).json();
    assert_eq!(scores.as_array().unwrap().len(), 1);
    let best = app.get(&format!("/api/v1/scores/user/{}/scenario/{SQUAT}/highscore", ada.id)).await.expect(200).json();
    assert_eq!(best, scores[0]);
    assert_eq!((&best["score_value"], &best["is_bodyweight"]), (&json!(100.0), &json!(false)));
    assert_eq!((&best["sets"], &best["reps"]), (&json!(null), &json!(null)));
    let value = app.get(&format!("/api/v1/ranks/user/{}/scenario/{SQUAT}/highscore_value", ada.id)).await;
    assert_eq!(value.expect(200).json(), json!({ "high_score": 100.0 }));
    app.get(&format!("/api/v1/scores/user/{}/scenario/{SQUAT}/highscore", bob.id)).await.expect(404);
    let board = app.get(&format!("/api/v1/scores/scenario/{SQUAT}/leaderboard")).await.expect(200).json();
    assert_eq!((board.as_array().unwrap().len(), &board[0]["score_value"]), (1, &json!(100.0)));

    let next = app.lift(&ada, SQUAT, 101.0).await;
    assert_eq!((&next["is_personal_best"], &next["previous_best_score_value"]), (&json!(true), &json!(100.0)));
    let first = app.lift(&bob, SQUAT, 1.0).await;
    assert_eq!((&first["is_personal_best"], &first["previous_best_score_value"]), (&json!(true), &json!(null)));
    assert_bests(&app.pg).await;
    delete_request(&app, &ada).send().await.expect(204);
    assert_bests(&app.pg).await;
}

#[tokio::test]
async fn a_failure_in_the_middle_leaves_nothing_behind() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    app.lift(&ada, SQUAT, 100.0).await;
    // The last statement of a recording fails, after all the others were done.
    app.pg.batch_execute("alter table xp_events add constraint no_more check (amount < 10) not valid").await.unwrap();
    lift_request(&app, &ada, SQUAT, &of_weight(200.0)).send().await.expect(500);
    assert_eq!(app.count("select count(*) from scores").await, 1);
    app.pg.batch_execute("alter table xp_events drop constraint no_more").await.unwrap();
    assert_books(&app.pg).await;
    assert_eq!(app.lift(&ada, SQUAT, 200.0).await["previous_best_score_value"], 100.0);
    assert_books(&app.pg).await;
}
