//! Lifts that arrive at the same time.

use serde_json::{Value, json};

use super::SQUAT;
use crate::support::app::ADMIN_TOKEN;
use crate::support::ledger::{Dice, assert_books, delete_request, lift_request, of_weight, together, waiting};
use crate::support::{Answer, TestApp, eventually};

/// The numbers from 50, each once, in an order that rises and falls: 37 and 64 have no common factor.
fn shuffled_weights() -> Vec<f64> {
    (0..64_u32).map(|i| 50.0 + f64::from(i * 37 % 64)).collect()
}

/// Every reply told the truth: replayed in the order of their ids, each knew the best before it.
fn assert_replies(answers: &[Answer]) {
    let mut replies: Vec<Value> = answers.iter().map(Answer::json).collect();
    replies.sort_by_key(|reply| reply["score"]["id"].as_i64());
    let mut best: Option<f64> = None;
    for reply in replies {
        let value = reply["score"]["score_value"].as_f64().unwrap();
        assert_eq!(reply["previous_best_score_value"].as_f64(), best, "{reply}");
        assert_eq!(reply["is_personal_best"], best.is_none_or(|best| value > best), "{reply}");
        best = Some(best.map_or(value, |best| best.max(value)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixty_four_lifts_at_once_leave_one_event_for_each_rising_maximum() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    app.pg.execute("update users set weight = 80", &[]).await.unwrap();
    let weights = shuffled_weights();
    let requests = weights.iter().map(|kg| lift_request(&app, &ada, SQUAT, &of_weight(*kg))).collect();
    let answers = together(requests).await;
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
    assert_replies(&answers);
    assert_eq!(app.count("select count(distinct weight_lifted) from scores").await, 64);
    assert_eq!(app.count("select score_value::bigint from personal_bests").await, 113);
    assert_books(&app.pg).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_lifters_and_three_exercises_do_not_mix() {
    let app = TestApp::start().await;
    let lifters = [app.lifter("ada").await, app.lifter("bob").await];
    let mut requests = Vec::new();
    for (kg, scenario) in shuffled_weights().into_iter().zip([SQUAT, SQUAT, "deadlift", "front_squat"].iter().cycle()) {
        requests.extend(lifters.iter().map(|lifter| lift_request(&app, lifter, scenario, &of_weight(kg))));
    }
    let answers = together(requests).await;
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
    assert_eq!(app.count("select count(*) from scores").await, 128);
    assert_books(&app.pg).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn deletions_among_the_lifts_leave_what_follows_from_the_rest() {
    let app = TestApp::start().await;
    let lifters = [app.lifter("ada").await, app.lifter("bob").await];
    app.pg.execute("update users set weight = 80", &[]).await.unwrap();
    let mut dice = Dice::thrown();
    for _ in 0..3 {
        let mut requests = Vec::new();
        for _ in 0..48 {
            let (lifter, scenario) = (dice.pick(&lifters), *dice.pick(&[SQUAT, "deadlift"]));
            requests.push(match dice.below(8) {
                0 => delete_request(&app, lifter),
                _ => lift_request(&app, lifter, scenario, &of_weight(dice.kg(200))),
            });
        }
        for answer in together(requests).await {
            assert!(matches!(answer.status, 200 | 204 | 404), "{answer:?}");
        }
        assert_books(&app.pg).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_account_that_goes_under_its_lifts_takes_all_of_them_along() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.lifter("ada").await, app.lifter("bob").await);
    let mut requests: Vec<_> =
        shuffled_weights().into_iter().map(|kg| lift_request(&app, &ada, SQUAT, &of_weight(kg))).collect();
    requests.insert(20, app.request("DELETE", "/api/v1/users/me").bearer(&ada.token));
    requests.push(lift_request(&app, &bob, SQUAT, &of_weight(100.0)));
    let answers = together(requests).await;
    assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 204 | 401)), "{answers:?}");
    assert_eq!(answers[20].status, 204);
    for table in ["scores", "personal_bests", "personal_best_events", "energy_standings"] {
        assert_eq!(app.count(&format!("select count(*) from {table}")).await, 1, "{table}");
    }
    assert_books(&app.pg).await;
}

// A connection that has awarded points but recorded nothing knows only some of a recording's statements, and must not send
// those while the lock is still being prepared.
#[tokio::test]
async fn nothing_is_read_before_the_lifter_is_locked() {
    let app = TestApp::with_variables(&[("DATABASE_POOL_SIZE", "1")]).await;
    let (ada, bob) = (app.lifter("ada").await, app.lifter("bob").await);
    let path = format!("/api/v1/levels/me/award?user_id={}", bob.id);
    app.request("POST", &path).bearer(ADMIN_TOKEN).json(&json!({ "amount": 1 })).send().await.expect(200);

    app.pg.batch_execute("begin").await.unwrap();
    app.pg.execute("select from users where id = $1 for no key update", &[&ada.id]).await.unwrap();
    let recording = tokio::spawn({
        let request = lift_request(&app, &ada, SQUAT, &of_weight(100.0));
        async move { request.send().await }
    });
    eventually("the wait for the lock", async || waiting(&app.pg).await == 1).await;
    let points = "with event as (
          insert into xp_events (id, user_id, amount, created_at) values (gen_random_uuid(), $1, 1000, now())
        ) insert into user_xp (user_id, total_xp, level, updated_at) values ($1, 1000, 4, now())";
    app.pg.execute(points, &[&ada.id]).await.unwrap();
    app.pg.batch_execute("commit").await.unwrap();
    recording.await.unwrap().expect(200);
    assert_books(&app.pg).await;
}
