//! Rank progress on one exercise, and what clients show of an overall rank.

use serde_json::json;
use uuid::Uuid;

use crate::support::{Answer, TestApp, keys};

async fn ask(app: &TestApp, query: &str) -> Answer {
    app.get(&format!("/api/v1/ranks/get_rank_progress?{query}")).await
}

/// Rank and next threshold of a score on an exercise at a body weight.
async fn progress(app: &TestApp, scenario: &str, score: f64, weight: f64, gender: &str) -> (String, f64) {
    let query = format!("scenario_id={scenario}&final_score={score}&user_weight={weight}&user_gender={gender}");
    let body = ask(app, &query).await.expect(200).json();
    assert_eq!(keys(&body), ["current_rank", "next_rank_threshold"]);
    (body["current_rank"].as_str().unwrap().to_owned(), body["next_rank_threshold"].as_f64().unwrap())
}

#[tokio::test]
async fn ranks_of_a_weighted_exercise_are_shares_of_the_exact_standards() {
    let app = TestApp::start().await;
    for (score, rank, next) in [
        (0.0, "Unranked", 61.4814),
        (61.48, "Unranked", 61.4814),
        (61.49, "Iron", 76.8518),
        (140.0, "Diamond", 153.7036),
        (256.17, "Astra", 256.1726),
    ] {
        let (current, threshold) = progress(&app, "back_squat", score, 90.7, "male").await;
        assert_eq!(current, rank, "{score}");
        assert!((threshold - next).abs() < 1e-4, "{score}: {threshold}");
    }
    for score in [256.18, 1000.0] {
        let at_the_top = ("Celestial".to_owned(), -1.0);
        assert_eq!(progress(&app, "back_squat", score, 90.7, "male").await, at_the_top);
    }
    let (current, threshold) = progress(&app, "barbell_bench_press", 27.07, 60.0, "Female").await;
    assert_eq!(current, "Iron");
    assert!((threshold - 33.828_106_995).abs() < 1e-4, "{threshold}");
}

#[tokio::test]
async fn a_threshold_that_is_answered_is_reached_by_itself() {
    let app = TestApp::start().await;
    let mut score = 0.0;
    for rank in ["Iron", "Bronze", "Silver", "Gold", "Platinum", "Diamond", "Jade", "Master", "Grandmaster", "Nova"] {
        (_, score) = progress(&app, "deadlift", score, 82.35, "male").await;
        assert_eq!(progress(&app, "deadlift", score, 82.35, "male").await.0, rank);
    }
}

#[tokio::test]
async fn ranks_of_a_bodyweight_exercise_follow_its_calibration() {
    let app = TestApp::start().await;
    // Men at 80 kg: 4 5 7 9 11 13 14 | 19 23 27 31 | 35; women: 2 3 4 5 7 8 9 | 11 14 16 18 | 20.
    for (score, weight, gender, rank, next) in [
        (3.0, 80.0, "male", "Unranked", 4.0),
        (4.0, 80.0, "male", "Iron", 5.0),
        (14.0, 80.0, "male", "Jade", 19.0),
        (18.0, 80.0, "male", "Jade", 19.0),
        (31.0, 80.0, "male", "Astra", 35.0),
        (35.0, 80.0, "male", "Celestial", -1.0),
        (9.0, 80.0, "woman", "Jade", 11.0),
        (19.0, 80.0, "woman", "Astra", 20.0),
        (20.0, 80.0, "woman", "Celestial", -1.0),
        // Outside 50 to 140 kg the nearest end counts.
        (0.0, 20.0, "male", "Unranked", 5.0),
        (41.0, 20.0, "male", "Celestial", -1.0),
        (1.0, 200.0, "male", "Iron", 2.0),
    ] {
        let expected = (rank.to_owned(), next);
        assert_eq!(progress(&app, "pull_ups", score, weight, gender).await, expected, "{score} {weight} {gender}");
    }
}

#[tokio::test]
async fn a_calibration_whose_ends_are_equal_has_one_threshold() {
    let app = TestApp::start().await;
    let flat = "update bodyweight_calibrations set beginner_50 = 5, elite_50 = 5, beginner_140 = 5, elite_140 = 5";
    app.pg.batch_execute(flat).await.unwrap();
    assert_eq!(progress(&app, "pull_ups", 4.0, 80.0, "male").await, ("Unranked".to_owned(), 5.0));
    assert_eq!(progress(&app, "pull_ups", 5.0, 80.0, "male").await, ("Celestial".to_owned(), -1.0));
}

#[tokio::test]
async fn without_exercise_or_calibration_there_is_no_progress() {
    let app = TestApp::start().await;
    let unknown = ask(&app, "scenario_id=unicycle&final_score=1&user_weight=80&user_gender=male").await;
    assert_eq!(unknown.problem(404, "not_found").detail(), "Scenario not found");
    app.pg.batch_execute("delete from bodyweight_calibrations where scenario_id = 'pull_ups'").await.unwrap();
    ask(&app, "scenario_id=pull_ups&final_score=1&user_weight=80&user_gender=male").await.problem(404, "not_found");
    ask(&app, "scenario_id=push_ups&final_score=1&user_weight=80").await.expect(200);
}

#[tokio::test]
async fn progress_needs_an_exercise_a_score_and_a_body_weight() {
    let app = TestApp::start().await;
    ask(&app, "").await.invalid(&["/query/scenario_id", "/query/final_score", "/query/user_weight"]);
    for weight in ["-1", "nan", "inf", "abc", ""] {
        let query = format!("scenario_id=deadlift&final_score=100&user_weight={weight}");
        ask(&app, &query).await.invalid(&["/query/user_weight"]);
    }
    for score in ["nan", "inf", "abc", ""] {
        let query = format!("scenario_id=deadlift&final_score={score}&user_weight=80");
        ask(&app, &query).await.invalid(&["/query/final_score"]);
    }
}

#[tokio::test]
async fn what_old_clients_do_not_know_counts_as_little() {
    let app = TestApp::start().await;
    assert_eq!(
        progress(&app, "deadlift", 50.0, 0.0, "male").await,
        progress(&app, "deadlift", 50.0, 40.0, "male").await
    );
    assert_eq!(progress(&app, "deadlift", -1.0, 80.0, "male").await.0, "Unranked");
}

#[tokio::test]
async fn an_energy_has_the_rank_of_its_hundreds() {
    let app = TestApp::start().await;
    for (energy, rank) in [
        ("-5", "Unranked"),
        ("0", "Unranked"),
        ("99.99", "Unranked"),
        ("100", "Iron"),
        ("199.9", "Iron"),
        ("592", "Platinum"),
        ("1199", "Astra"),
        ("1200", "Celestial"),
        ("999999", "Celestial"),
    ] {
        let answer = app.get(&format!("/api/v1/ranks/rank_from_energy/{energy}")).await.expect(200);
        assert_eq!(answer.body, format!("\"{rank}\""), "{energy}");
    }
    for energy in ["abc", "nan", "inf"] {
        app.get(&format!("/api/v1/ranks/rank_from_energy/{energy}")).await.invalid(&["/path/energy"]);
    }
}

#[tokio::test]
async fn every_rank_has_its_colour_and_its_picture() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    for (rank, colour) in [
        ("Unranked", "#FFFFFF"),
        ("Iron", "#808080"),
        ("Bronze", "#cd7f32"),
        ("Silver", "#c0c0c0"),
        ("Gold", "#efbf04"),
        ("Platinum", "#00ced1"),
        ("Diamond", "#b9f2ff"),
        ("Jade", "#62f40c"),
        ("Master", "#ff00ff"),
        ("Grandmaster", "#ffde21"),
        ("Nova", "#a45ee5"),
        ("Astra", "#ff4040"),
        ("Celestial", "#00ffff"),
    ] {
        app.pg.execute("update users set rank = $1", &[&rank]).await.unwrap();
        shows(&app, ada.id, colour, &rank.to_lowercase()).await;
    }
    app.pg.batch_execute("update users set rank = null").await.unwrap();
    shows(&app, ada.id, "#FFFFFF", "unranked").await;
    for route in ["rank_color", "rank_icon"] {
        app.get(&format!("/api/v1/ranks/{route}/{}", Uuid::new_v4())).await.problem(404, "not_found");
        app.get(&format!("/api/v1/ranks/{route}/7")).await.invalid(&["/path/user_id"]);
    }
}

/// Holds colour and picture of a lifter against what they should be.
async fn shows(app: &TestApp, user: Uuid, colour: &str, name: &str) {
    let found = app.get(&format!("/api/v1/ranks/rank_color/{user}")).await.expect(200).json();
    assert_eq!(found, json!(colour));
    let found = app.get(&format!("/api/v1/ranks/rank_icon/{user}")).await.expect(200).json();
    assert_eq!(found, json!(format!("assets/images/ranks/{name}.svg")));
}
