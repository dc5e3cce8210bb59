//! The table of standards.

use serde_json::{Value, json};

use crate::support::{Answer, TestApp};

const RANKS: [&str; 12] = [
    "Iron",
    "Bronze",
    "Silver",
    "Gold",
    "Platinum",
    "Diamond",
    "Jade",
    "Master",
    "Grandmaster",
    "Nova",
    "Astra",
    "Celestial",
];

async fn ask(app: &TestApp, path: &str) -> Answer {
    app.get(&format!("/api/v1/standards/{path}")).await
}

async fn standards(app: &TestApp, path: &str) -> Value {
    ask(app, path).await.expect(200).json()
}

fn standard(total: i64, [squat, bench, deadlift]: [i64; 3]) -> Value {
    json!({ "total": total, "lifts": { "squat": squat, "bench": bench, "deadlift": deadlift }, "metadata": {} })
}

#[tokio::test]
async fn standards_are_those_the_phones_show() {
    let app = TestApp::start().await;
    let average = standards(&app, "90.7?gender=male&unit=kg").await;
    assert_eq!(average["Iron"], standard(185, [60, 45, 80]));
    assert_eq!(average["Platinum"], standard(375, [125, 95, 155]));
    assert_eq!(average["Celestial"], standard(775, [255, 195, 325]));
    let pounds = standards(&app, "199.95927179726002?gender=male&unit=lbs").await;
    assert_eq!(pounds["Iron"], standard(410, [135, 105, 175]));
    assert_eq!(pounds["Celestial"], standard(1710, [565, 430, 720]));
    let woman = standards(&app, "60?gender=female&unit=kg").await;
    assert_eq!(woman["Jade"], standard(270, [90, 70, 115]));
    assert_eq!(woman["Astra"], standard(405, [135, 100, 170]));
}

#[tokio::test]
async fn the_ranks_are_the_only_keys_lowest_first_and_every_number_is_whole() {
    let app = TestApp::start().await;
    let answer = ask(&app, "90.7").await.expect(200);
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    let places: Vec<_> = RANKS.iter().map(|rank| text.find(&format!("\"{rank}\":")).expect(rank)).collect();
    assert!(places.is_sorted(), "{text}");
    assert_eq!(answer.json().as_object().unwrap().len(), RANKS.len());
    assert!(!text.contains('.'), "{text}");
}

#[tokio::test]
async fn kilograms_and_a_man_are_taken_for_granted() {
    let app = TestApp::start().await;
    let man = standards(&app, "90.7?gender=male&unit=kg").await;
    assert_eq!(standards(&app, "90.7").await, man);
    for gender in ["", "m", "Male", "other", "rather%20not%20say", "%F0%9F%8F%8B", "fem", "womann"] {
        assert_eq!(standards(&app, &format!("90.7?gender={gender}")).await, man, "{gender}");
    }
    let woman = standards(&app, "90.7?gender=female").await;
    assert_ne!(woman, man);
    for gender in ["Female", "FEMALE", "f", "F", "woman", "Woman"] {
        assert_eq!(standards(&app, &format!("90.7?gender={gender}")).await, woman, "{gender}");
    }
}

#[tokio::test]
async fn beyond_the_formulas_range_the_nearest_end_counts() {
    let app = TestApp::start().await;
    for (inside, outside, gender) in
        [("40", "1", "male"), ("40", "0.001", "female"), ("210", "400", "male"), ("150", "1e5", "female")]
    {
        let end = standards(&app, &format!("{inside}?gender={gender}")).await;
        assert_eq!(standards(&app, &format!("{outside}?gender={gender}")).await, end, "{outside} {gender}");
    }
}

#[tokio::test]
async fn a_body_weight_is_a_number_above_0() {
    let app = TestApp::start().await;
    for weight in ["0", "-1", "0.0", "-0", "-90.7"] {
        ask(&app, weight).await.problem(400, "bad_request");
        ask(&app, &format!("{weight}?unit=lbs&gender=f")).await.problem(400, "bad_request");
    }
    for weight in ["abc", "nan", "NaN", "inf", "-Infinity", "1e999", "90,7", "90.7kg", "%00"] {
        ask(&app, weight).await.invalid(&["/path/bodyweight"]);
    }
    for unit in ["stone", "KG", "", "lb"] {
        ask(&app, &format!("90.7?unit={unit}")).await.invalid(&["/query/unit"]);
    }
}

#[tokio::test]
async fn standards_that_are_known_are_not_sent_again() {
    let app = TestApp::start().await;
    let path = |query: &str| format!("/api/v1/standards/90.7{query}");
    let men = app.get(&path("")).await.expect(200);
    let tag = men.header("etag").unwrap();
    let ask = |query| app.request("GET", &path(query)).header("if-none-match", tag);
    for same in ["", "?gender=robot", "?unit=kg"] {
        assert!(ask(same).send().await.expect(304).body.is_empty());
    }
    for other in ["?gender=female", "?unit=lbs", "?gender=female&unit=lbs"] {
        let answer = ask(other).send().await.expect(200);
        assert_ne!(answer.header("etag"), Some(tag), "{other}");
        assert_eq!(app.get(&path(other)).await.expect(200).body, answer.body);
    }
    assert_eq!(app.get(&path("")).await.expect(200).body, men.body);
}
