//! Histories of scores, energies, days and workouts: a part at a time, newest first, nothing twice and nothing left out.

use serde_json::Value;
use uuid::Uuid;

use crate::support::{Lifter, TestApp};

const SCORES: &str = "insert into scores (user_id, scenario_id, score_value, weight_lifted, created_at)
    select $1, 'back_squat', n, n, timestamptz '2026-01-01' + n / 5 * interval '1 second' from generate_series(1, 1203) as n";
const ENERGIES: &str = "insert into energy_history (id, user_id, energy, created_at)
    select gen_random_uuid(), $1, n, timestamptz '2020-01-01' + n / 5 * interval '3 days' from generate_series(1, 6015) as n";
const WORKOUTS: &str =
    "insert into routine_submission (id, user_id, duration, completion_timestamp, status, title)
    select gen_random_uuid(), $1, n, timestamptz '2026-01-01' + n / 5 * interval '1 minute', 'done', 'W' from generate_series(1, 1203) as n";

async fn with(statement: &str) -> (TestApp, Lifter) {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    app.pg.execute(statement, &[&ada.id]).await.unwrap();
    (app, ada)
}

async fn list(app: &TestApp, ada: &Lifter, path: &str) -> Vec<Value> {
    app.get_as(ada, path).await.expect(200).json().as_array().unwrap().clone()
}

/// Everything, part by part; `before` tells where the next part begins, by the last row.
async fn walk(app: &TestApp, ada: &Lifter, path: &str, limit: usize, before: fn(&[Value]) -> String) -> Vec<Value> {
    let (mut all, mut from) = (Vec::new(), String::new());
    loop {
        let part = list(app, ada, &format!("{path}?limit={limit}{from}")).await;
        if part.is_empty() {
            return all;
        }
        from = format!("&before={}", before(&part));
        all.extend(part);
    }
}

fn last<'a>(part: &'a [Value], field: &str) -> &'a Value {
    &part[part.len() - 1][field]
}

/// Values are numbered in the order in which they came to be; of those of one instant any order will do.
fn assert_all(rows: &[Value], field: &str, count: u64) {
    let mut numbers: Vec<f64> = rows.iter().map(|row| row[field].as_f64().unwrap()).collect();
    let fifths = |numbers: &[f64]| numbers.iter().map(|number| (number / 5.0).floor()).collect::<Vec<_>>();
    assert!(fifths(&numbers).is_sorted_by(|one, next| one >= next), "newest first");
    numbers.sort_by(f64::total_cmp);
    let all: Vec<f64> = (1..=u32::try_from(count).unwrap()).map(f64::from).collect();
    assert_eq!(numbers, all);
}

async fn assert_refused(app: &TestApp, ada: &Lifter, path: &str) {
    for query in ["limit=0", "limit=1001", "limit=x", "before=x", "before="] {
        let answer = app.get_as(ada, &format!("{path}?{query}")).await.expect(422);
        assert_eq!(answer.error_code(), "validation_error", "{path}?{query}");
    }
}

#[tokio::test]
async fn scores_go_back_by_their_ids() {
    let (app, ada) = with(SCORES).await;
    let path = format!("/api/v1/scores/user/{}/scenario/back_squat", ada.id);
    let newest = list(&app, &ada, &path).await;
    assert_eq!((newest.len(), newest[0]["score_value"].as_f64()), (1000, Some(1203.0)));
    for limit in [7, 1000] {
        let all = walk(&app, &ada, &path, limit, |part| last(part, "id").to_string()).await;
        assert_all(&all, "score_value", 1203);
    }
    assert_eq!(list(&app, &ada, &format!("{path}?before=2000000000")).await, [] as [Value; 0]);
    assert_refused(&app, &ada, &path).await;
}

#[tokio::test]
async fn energies_go_back_by_their_ids_and_days_by_the_day() {
    let (app, ada) = with(ENERGIES).await;
    let path = format!("/api/v1/energy/history/{}", ada.id);
    assert_eq!(list(&app, &ada, &path).await.len(), 1000);
    for limit in [333, 1000] {
        let all = walk(&app, &ada, &path, limit, |part| last(part, "id").as_str().unwrap().to_owned()).await;
        assert_all(&all, "energy", 6015);
    }
    assert_eq!(list(&app, &ada, &format!("{path}?before={}", Uuid::nil())).await, [] as [Value; 0]);
    assert_refused(&app, &ada, &path).await;

    let path = format!("/api/v1/energy/daily/{}", ada.id);
    let days = list(&app, &ada, &path).await;
    // Of 1,204 days the last thousand, oldest first, each with its highest energy.
    assert_eq!((days.len(), &days[999]["total_energy"]), (1000, &Value::from(6015)));
    assert!(days.is_sorted_by(|one, next| one["date"].as_str() < next["date"].as_str()));
    let before = days[0]["date"].as_str().unwrap();
    let rest = list(&app, &ada, &format!("{path}?before={before}")).await;
    assert_eq!((rest.len(), &rest[0]["total_energy"]), (204, &Value::from(4)));
    assert_eq!(list(&app, &ada, &format!("{path}?limit=3&before={before}")).await, rest[201..]);
    assert_refused(&app, &ada, &path).await;
}

#[tokio::test]
async fn workouts_go_back_by_the_instant_and_those_of_one_instant_stay_together() {
    let (app, ada) = with(WORKOUTS).await;
    let path = format!("/api/v1/routine_submission/user/{}", ada.id);
    assert_eq!(list(&app, &ada, &path).await.len(), 1004, "a thousand, and those of the same instant as the last");
    for limit in [7, 1000] {
        let before = |part: &[Value]| last(part, "completion_timestamp").as_str().unwrap().to_owned();
        assert_all(&walk(&app, &ada, &path, limit, before).await, "duration", 1203);
    }
    assert_refused(&app, &ada, &path).await;
}
