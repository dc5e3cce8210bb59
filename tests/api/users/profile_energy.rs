//! What a change of the profile does to energy and rank.

use serde_json::{Value, json};

use crate::support::{Lifter, TestApp, at_once};

/// A lifter with an energy of 592 at the average body weight, in kilograms.
async fn platinum(app: &TestApp) -> Lifter {
    let ada = app.lifter("ada").await;
    app.pg.execute("update users set weight = 90.7, gender = 'male' where id = $1", &[&ada.id]).await.unwrap();
    for (scenario, weight) in [("barbell_bench_press", 100.0), ("back_squat", 140.0), ("deadlift", 180.0)] {
        app.lift(&ada, scenario, weight).await;
    }
    ada
}

/// Changes the profile; the answer, the board and the history must all say this energy and rank.
async fn changes_to(app: &TestApp, lifter: &Lifter, body: Value, energy: f64, rank: &str) {
    let changed = app.patch_as(lifter, "/api/v1/users/me", body.clone()).await.expect(200).json();
    assert_eq!((changed["energy"].as_f64(), changed["rank"].as_str()), (Some(energy), Some(rank)), "{body}");
    let history = app.get(&format!("/api/v1/energy/history/{}", lifter.id)).await.expect(200).json();
    assert_eq!(history[0]["energy"].as_f64(), Some(energy), "{body}");
    let latest = app.get(&format!("/api/v1/energy/latest/{}", lifter.id)).await.expect(200).json();
    assert_eq!(latest.as_f64(), Some(energy), "{body}");
}

async fn history_of(app: &TestApp, lifter: &Lifter) -> Vec<f64> {
    let history = app.get(&format!("/api/v1/energy/history/{}", lifter.id)).await.expect(200).json();
    history.as_array().unwrap().iter().map(|line| line["energy"].as_f64().unwrap()).collect()
}

#[tokio::test]
async fn energy_follows_body_weight_gender_and_unit() {
    let app = TestApp::start().await;
    let ada = platinum(&app).await;
    changes_to(&app, &ada, json!({ "weight": 60 }), 867.0, "Master").await;
    changes_to(&app, &ada, json!({ "gender": "F" }), 1128.0, "Astra").await;
    changes_to(&app, &ada, json!({ "weight": 90.7 }), 928.0, "Grandmaster").await;
    changes_to(&app, &ada, json!({ "weight": 120, "gender": "male" }), 497.0, "Gold").await;
    changes_to(&app, &ada, json!({ "weight": null, "gender": null }), 592.0, "Platinum").await;
    changes_to(&app, &ada, json!({ "preferred_unit": "lbs" }), 596.0, "Platinum").await;
    let energies = [596.0, 592.0, 497.0, 928.0, 1128.0, 867.0, 592.0, 383.0, 183.0];
    assert_eq!(history_of(&app, &ada).await, energies);
}

#[tokio::test]
async fn the_unit_route_recomputes_energy_too() {
    let app = TestApp::start().await;
    let ada = platinum(&app).await;
    for (unit, energy) in [("lbs", 596.0), ("kg", 592.0)] {
        let body = json!({ "preferred_unit": unit });
        let changed = app.patch_as(&ada, "/api/v1/users/me/unit", body).await.expect(200).json();
        assert_eq!((&changed["preferred_unit"], changed["energy"].as_f64()), (&json!(unit), Some(energy)));
    }
    assert_eq!(history_of(&app, &ada).await[..2], [592.0, 596.0]);
}

#[tokio::test]
async fn a_change_that_leaves_the_energy_as_it_is_writes_no_history() {
    let app = TestApp::start().await;
    let ada = platinum(&app).await;
    let before = history_of(&app, &ada).await;
    for body in [json!({ "weight": 90.7 }), json!({ "gender": "other" }), json!({ "display_name": "Ada" }), json!({})] {
        app.patch_as(&ada, "/api/v1/users/me", body).await.expect(200);
    }
    assert_eq!(history_of(&app, &ada).await, before);
}

#[tokio::test]
async fn an_energy_that_no_longer_follows_from_the_scores_is_put_right_by_a_change() {
    let app = TestApp::start().await;
    let ada = platinum(&app).await;
    for (energy, rank) in [("9999", "'Celestial'"), ("null", "null"), ("'NaN'", "'Nonsense'")] {
        let update = format!("update users set energy = {energy}, rank = {rank}, weight = 90.7");
        app.pg.batch_execute(&update).await.unwrap();
        changes_to(&app, &ada, json!({ "weight": 90 }), 592.0, "Platinum").await;
    }
}

#[tokio::test]
async fn simultaneous_lifts_and_changes_leave_the_energy_that_follows_from_them() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let requests: Vec<_> = (0..32)
        .map(|n| match n % 4 {
            0 => ("POST", "/api/v1/scores/scenario/deadlift", json!({ "weight_lifted": 100 + n })),
            1 => ("PATCH", "/api/v1/users/me", json!({ "weight": 60 + n })),
            2 => ("POST", "/api/v1/scores/scenario/back_squat", json!({ "weight_lifted": 100 + n })),
            _ => ("PATCH", "/api/v1/users/me/unit", json!({ "preferred_unit": if n % 8 == 3 { "lbs" } else { "kg" } })),
        })
        .map(|(method, path, body)| app.request(method, path).bearer(&ada.token).json(&body))
        .collect();
    let answers = at_once(requests.into_iter().map(|request| async move { request.send().await })).await;
    for answer in answers {
        answer.expect(200);
    }
    let found = app.get_as(&ada, "/api/v1/users/me").await.expect(200).json();
    assert_eq!(history_of(&app, &ada).await[0], found["energy"].as_f64().unwrap());
    // Computed once more from what is stored now: nothing is left to put right.
    app.pg.batch_execute("update users set energy = null").await.unwrap();
    let unit = json!({ "preferred_unit": if found["preferred_unit"] == "kg" { "lbs" } else { "kg" } });
    app.patch_as(&ada, "/api/v1/users/me/unit", unit).await.expect(200);
    let body = json!({ "preferred_unit": found["preferred_unit"] });
    let again = app.patch_as(&ada, "/api/v1/users/me/unit", body).await.expect(200).json();
    assert_eq!((&again["energy"], &again["rank"]), (&found["energy"], &found["rank"]));
}
