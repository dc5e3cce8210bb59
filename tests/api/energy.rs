//! Energy, standards and ranks.

mod ranks;
mod standards;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Lifter, TestApp, keys};

/// 2027-01-15T08:00:00Z.
const MORNING: i64 = 1_800_000_000;
const DAY_S: i64 = 24 * 3600;

async fn energy_route(app: &TestApp, route: &str, user: Uuid) -> Value {
    app.get(&format!("/api/v1/energy/{route}/{user}")).await.expect(200).json()
}

/// Energy and rank of the account.
async fn standing(app: &TestApp, lifter: &Lifter) -> (f64, String) {
    let user = app.get_as(lifter, "/api/v1/users/me").await.expect(200).json();
    (user["energy"].as_f64().unwrap(), user["rank"].as_str().unwrap().to_owned())
}

fn is(energy: f64, rank: &str) -> (f64, String) {
    (energy, rank.to_owned())
}

/// A lifter of this body weight, gender and unit.
async fn lifter(app: &TestApp, name: &str, weight: f64, gender: &str, unit: &str) -> Lifter {
    let lifter = app.lifter(name).await;
    let body = json!({ "weight": weight, "gender": gender, "preferred_unit": unit });
    app.patch_as(&lifter, "/api/v1/users/me", body).await.expect(200);
    lifter
}

/// Moves the clock on; the lifter gets a new token, because the old one expires.
async fn wait(app: &TestApp, lifter: &mut Lifter, seconds: i64) {
    app.advance_s(seconds);
    lifter.token = app.token(lifter.id).await;
}

#[tokio::test]
async fn three_lifts_bring_platinum() {
    let app = TestApp::with_clock(MORNING).await;
    let mut ada = lifter(&app, "ada", 90.7, "male", "kg").await;
    assert_eq!(standing(&app, &ada).await, is(0.0, "Unranked"));
    for (scenario, weight, energy, rank) in [
        ("barbell_bench_press", 100.0, 183.0, "Iron"),
        ("back_squat", 140.0, 383.0, "Silver"),
        ("deadlift", 180.0, 592.0, "Platinum"),
    ] {
        wait(&app, &mut ada, DAY_S / 2).await;
        app.lift(&ada, scenario, weight).await;
        assert_eq!(standing(&app, &ada).await, is(energy, rank));
        assert_eq!(app.get(&format!("/api/v1/energy/latest/{}", ada.id)).await.body, format!("{energy}"));
    }

    let answer = app.get(&format!("/api/v1/energy/history/{}", ada.id)).await.expect(200);
    let history = answer.json();
    let history = history.as_array().unwrap();
    let found: Vec<_> = history.iter().map(|line| (line["energy"].as_f64(), line["created_at"].as_str())).collect();
    let expected = [
        (Some(592.0), Some("2027-01-16T20:00:00Z")),
        (Some(383.0), Some("2027-01-16T08:00:00Z")),
        (Some(183.0), Some("2027-01-15T20:00:00Z")),
    ];
    assert_eq!(found, expected);
    for line in history {
        assert_eq!(keys(line), ["created_at", "energy", "id", "user_id"]);
        assert_eq!(line["user_id"], json!(ada.id));
    }
    assert!(String::from_utf8_lossy(&answer.body).contains(r#""energy":592.0"#), "a float is written as one");

    let days = json!([
        { "date": "2027-01-15", "total_energy": 183 },
        { "date": "2027-01-16", "total_energy": 592 },
    ]);
    assert_eq!(energy_route(&app, "daily", ada.id).await, days);
}

#[tokio::test]
async fn the_highest_energy_of_a_day_counts() {
    let app = TestApp::with_clock(MORNING).await;
    let mut ada = app.lifter("ada").await;
    app.lift(&ada, "deadlift", 180.0).await;
    app.advance_s(60);
    // Heavier, and so less energy for the same lift.
    app.patch_as(&ada, "/api/v1/users/me", json!({ "weight": 200 })).await.expect(200);
    let lower = energy_route(&app, "latest", ada.id).await.as_i64().unwrap();
    assert!((1..208).contains(&lower), "{lower}");
    let day = |date: &str, energy: i64| json!({ "date": date, "total_energy": energy });
    assert_eq!(energy_route(&app, "daily", ada.id).await, json!([day("2027-01-15", 208)]));
    wait(&app, &mut ada, DAY_S).await;
    app.patch_as(&ada, "/api/v1/users/me", json!({ "weight": null })).await.expect(200);
    app.patch_as(&ada, "/api/v1/users/me", json!({ "weight": 200 })).await.expect(200);
    wait(&app, &mut ada, 2 * DAY_S).await;
    app.patch_as(&ada, "/api/v1/users/me", json!({ "weight": null })).await.expect(200);
    let days = json!([day("2027-01-15", 208), day("2027-01-16", 208), day("2027-01-18", 208)]);
    assert_eq!(energy_route(&app, "daily", ada.id).await, days);
}

#[tokio::test]
async fn only_a_better_lift_of_the_three_changes_the_energy() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    app.lift(&ada, "barbell_bench_press", 100.0).await;
    for (scenario, weight) in [("barbell_bench_press", 90.0), ("barbell_bench_press", 100.0), ("cheat_curl", 500.0)] {
        app.lift(&ada, scenario, weight).await;
    }
    assert_eq!(standing(&app, &ada).await, is(183.0, "Iron"));
    assert_eq!(energy_route(&app, "history", ada.id).await.as_array().unwrap().len(), 1);
    // 90 kg for ten are worth 120 kg once.
    let body = json!({ "weight_lifted": 90, "reps": 10 });
    app.post_as(&ada, "/api/v1/scores/scenario/barbell_bench_press", body).await.expect(200);
    assert_eq!(standing(&app, &ada).await, is(244.0, "Bronze"));
}

#[tokio::test]
async fn energy_depends_on_body_weight_and_gender() {
    let app = TestApp::start().await;
    for (name, weight, gender, energy, rank) in [
        ("light", 60.0, "male", 867.0, "Master"),
        ("heavy", 120.0, "prefer not to say", 497.0, "Gold"),
        ("woman", 90.7, "WOMAN", 928.0, "Grandmaster"),
        ("light woman", 60.0, "f", 1128.0, "Astra"),
        // Beyond the formula's range the body weight counts as its nearest end.
        ("very heavy woman", 400.0, "Female", 783.0, "Jade"),
    ] {
        let lifter = lifter(&app, name, weight, gender, "kg").await;
        for (scenario, weight) in [("back_squat", 140.0), ("barbell_bench_press", 100.0), ("deadlift", 180.0)] {
            app.lift(&lifter, scenario, weight).await;
        }
        assert_eq!(standing(&app, &lifter).await, is(energy, rank), "{name}");
    }
}

#[tokio::test]
async fn a_lifter_who_reads_pounds_is_measured_by_the_pack_of_their_kilograms() {
    let app = TestApp::start().await;
    let ada = lifter(&app, "ada", 90.7, "male", "lbs").await;
    app.lift(&ada, "barbell_bench_press", 100.0).await;
    assert_eq!(standing(&app, &ada).await, is(187.0, "Iron"));
    app.lift(&ada, "back_squat", 140.0).await;
    app.lift(&ada, "deadlift", 180.0).await;
    assert_eq!(standing(&app, &ada).await, is(596.0, "Platinum"));
}

#[tokio::test]
async fn an_unknown_body_weight_is_the_average_one() {
    let app = TestApp::start().await;
    for (name, weight) in [("unknown", "null"), ("none", "0"), ("negative", "-5"), ("odd", "'NaN'")] {
        let lifter = app.lifter(name).await;
        let update = format!("update users set weight = {weight} where username = '{name}'");
        app.pg.batch_execute(&update).await.unwrap();
        app.lift(&lifter, "barbell_bench_press", 100.0).await;
        assert_eq!(standing(&app, &lifter).await, is(183.0, "Iron"), "{name}");
    }
}

#[tokio::test]
async fn beyond_the_highest_rank_energy_goes_on() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    for scenario in ["back_squat", "barbell_bench_press", "deadlift"] {
        app.lift(&ada, scenario, 500.0).await;
    }
    assert_eq!(standing(&app, &ada).await, is(2229.0, "Celestial"));
}

#[tokio::test]
async fn halves_are_rounded_away_from_zero_as_on_the_phones() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    // 31.5 of the 60 kg of Iron are 52.5, and 53 of 300 are 18; 52 would be 17.
    app.lift(&ada, "back_squat", 31.5).await;
    assert_eq!(standing(&app, &ada).await, is(18.0, "Unranked"));
}

#[tokio::test]
async fn the_rank_follows_the_mean_before_it_is_rounded() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    // A squat worth 299: a third of it is rounded to 100, where Iron begins, but is below.
    app.lift(&ada, "back_squat", 89.85).await;
    assert_eq!(standing(&app, &ada).await, is(100.0, "Unranked"));
    app.lift(&ada, "back_squat", 90.0).await;
    assert_eq!(standing(&app, &ada).await, is(100.0, "Iron"));
    assert_eq!(energy_route(&app, "history", ada.id).await.as_array().unwrap().len(), 1, "the energy stayed the same");
}

#[tokio::test]
async fn what_old_clients_computed_is_ignored() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    app.lift(&ada, "barbell_bench_press", 100.0).await;
    let before = energy_route(&app, "history", ada.id).await;
    for (energy, rank) in [
        (json!(1200), json!("Celestial")),
        (json!(-1), json!("Unranked")),
        (json!("many"), json!(7)),
        (json!(null), json!(null)),
        (json!({}), json!(["x".repeat(1000)])),
        (json!(1e300), json!("nul\0")),
    ] {
        let body = json!({ "user_id": ada.id, "energy": energy, "rank": rank });
        let answer = app.post_as(&ada, "/api/v1/energy/submit", body).await.expect(200).json();
        assert_eq!(keys(&answer), ["message"]);
    }
    app.post_as(&ada, "/api/v1/energy/submit", json!({ "user_id": ada.id })).await.expect(200);
    assert_eq!(standing(&app, &ada).await, is(183.0, "Iron"));
    assert_eq!(energy_route(&app, "history", ada.id).await, before);
}

#[tokio::test]
async fn nobody_submits_for_somebody_else() {
    let app = TestApp::start().await;
    let (ada, grace) = (app.lifter("ada").await, app.lifter("grace").await);
    for id in [grace.id, Uuid::new_v4()] {
        let body = json!({ "user_id": id, "energy": 1200, "rank": "Celestial" });
        app.post_as(&ada, "/api/v1/energy/submit", body).await.problem(403, "forbidden");
    }
    for id in [json!("7"), json!(7), json!(null)] {
        let body = json!({ "user_id": id, "energy": 1200, "rank": "Celestial" });
        app.post_as(&ada, "/api/v1/energy/submit", body).await.invalid(&["/user_id"]);
    }
    let body = json!({ "user_id": ada.id, "energy": 1200, "rank": "Celestial" });
    app.request("POST", "/api/v1/energy/submit").json(&body).send().await.unauthorized();
}

#[tokio::test]
async fn strangers_and_beginners_have_no_energy() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    assert_eq!(energy_route(&app, "latest", ada.id).await, json!(0));
    assert_eq!(energy_route(&app, "history", ada.id).await, json!([]));
    assert_eq!(energy_route(&app, "daily", ada.id).await, json!([]));
    assert_eq!(app.get(&format!("/api/v1/energy/latest/{}", Uuid::new_v4())).await.expect(200).body, "0");
    for route in ["history", "daily", "latest"] {
        app.get(&format!("/api/v1/energy/{route}/7")).await.invalid(&["/path/user_id"]);
    }
}

#[tokio::test]
async fn odd_old_energies_are_readable() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    for (energy, latest) in [("null", 0), ("'NaN'", 0), ("'Infinity'", 0), ("412.4", 412), ("12.5", 13)] {
        app.pg.batch_execute(&format!("update users set energy = {energy}, rank = null")).await.unwrap();
        assert_eq!(energy_route(&app, "latest", ada.id).await, json!(latest), "{energy}");
        app.get("/api/v1/energy/leaderboard").await.expect(200);
        app.get_as(&ada, "/api/v1/users/me").await.expect(200);
    }
    let insert = "insert into energy_history (id, user_id, energy, created_at)
        select gen_random_uuid(), $1, energy, '2026-01-01T23:59:59.999999Z'::timestamptz
        from unnest(array['NaN'::float8, 'Infinity', 100.5, 99]) as energy";
    app.pg.execute(insert, &[&ada.id]).await.unwrap();
    assert_eq!(energy_route(&app, "history", ada.id).await.as_array().unwrap().len(), 2);
    let days = json!([{ "date": "2026-01-01", "total_energy": 101 }]);
    assert_eq!(energy_route(&app, "daily", ada.id).await, days);
}
