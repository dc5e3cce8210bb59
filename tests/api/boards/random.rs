//! Boards held against what a naive query says, after random writes by the service and by the earlier server.

use std::collections::HashMap;

use serde_json::Value;
use uuid::Uuid;

use super::{ENERGY, places, set_active, set_energy};
use crate::support::ledger::{Dice, assert_bests, delete_request, lift_request, of_weight};
use crate::support::{Lifter, TestApp};

const SCENARIOS: [&str; 2] = ["back_squat", "front_squat"];

/// When each lifter reached the energy they have, counted in operations.
type Reached = HashMap<Uuid, (f64, usize)>;

async fn energies(app: &TestApp) -> Vec<(Uuid, String, f64, bool)> {
    let query = "select id, username, coalesce(energy, 0), is_active is not false from users order by created_at";
    let rows = app.pg.query(query, &[]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1), row.get(2), row.get(3))).collect()
}

/// Does one random thing; answers what it was.
async fn act(app: &TestApp, dice: &mut Dice, lifters: &[Lifter]) -> String {
    let lifter = dice.pick(lifters);
    let scenario = *dice.pick(&SCENARIOS);
    let kg = 50.0 + 10.0 * dice.kg(8);
    match dice.below(12) {
        0 => {
            let answer = delete_request(app, lifter).send().await;
            assert!(matches!(answer.status, 204 | 401 | 404), "{answer:?}");
            format!("{} deletes: {}", lifter.id, answer.status)
        }
        1 => {
            let one =
                "delete from scores where id = (select id from scores where user_id = $1 order by random() limit 1)";
            app.pg.execute(one, &[&lifter.id]).await.unwrap();
            format!("one of {} is deleted", lifter.id)
        }
        2 | 3 => {
            let active = *dice.pick(&[Some(true), Some(false), None]);
            set_active(app, lifter, active).await;
            format!("{} becomes active {active:?}", lifter.id)
        }
        4 | 5 => {
            let energy = *dice.pick(&[Some(0.0), Some(200.0), Some(400.0), None]);
            set_energy(app, lifter, energy).await;
            format!("{} gets energy {energy:?}", lifter.id)
        }
        6 | 7 => {
            let statement = "insert into scores (user_id, scenario_id, score_value, weight_lifted, created_at)
                values ($1, $2, $3, $3, clock_timestamp())";
            app.pg.execute(statement, &[&lifter.id, &scenario, &kg]).await.unwrap();
            format!("{} is written {kg} on {scenario}", lifter.id)
        }
        _ => {
            let answer = lift_request(app, lifter, scenario, &of_weight(kg)).send().await;
            assert!(matches!(answer.status, 200 | 401), "{answer:?}");
            format!("{} lifts {kg} on {scenario}: {}", lifter.id, answer.status)
        }
    }
}

/// A board read page by page, three rows each.
async fn pages(app: &TestApp, path: &str) -> Vec<String> {
    let mut all = Vec::new();
    loop {
        let page = places(app, &format!("{path}?limit=3&offset={}", all.len())).await;
        if page.is_empty() {
            return all;
        }
        for (position, name) in page {
            all.push(name);
            assert_eq!(position, i64::try_from(all.len()).unwrap());
        }
    }
}

async fn naive_board(app: &TestApp, scenario: &str) -> Vec<String> {
    let query = "
        select username
        from (select user_id, max(score_value) as value from scores where scenario_id = $1 group by user_id) as best
        join users on users.id = user_id and is_active is not false
        order by value desc, (
          select min(created_at) from scores
          where user_id = users.id and scenario_id = $1 and score_value = value
        )";
    app.pg.query(query, &[&scenario]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

fn naive_energies(energies: Vec<(Uuid, String, f64, bool)>, reached: &Reached) -> Vec<String> {
    let mut active: Vec<_> = energies.into_iter().filter(|(.., active)| *active).collect();
    active.sort_by(|(a, _, a_energy, _), (b, _, b_energy, _)| {
        b_energy.total_cmp(a_energy).then(reached[a].1.cmp(&reached[b].1))
    });
    active.into_iter().map(|(_, name, ..)| name).collect()
}

#[tokio::test]
async fn boards_are_what_a_naive_query_says_after_any_writes() {
    let app = TestApp::start().await;
    let mut dice = Dice::thrown();
    let mut lifters = Vec::new();
    for name in ["ada", "bob", "cem", "dee", "eva", "fay", "gus"] {
        lifters.push(app.lifter(name).await);
    }
    let mut reached: Reached = HashMap::new();
    for (order, (id, _, energy, _)) in energies(&app).await.into_iter().enumerate() {
        reached.insert(id, (energy, order));
    }
    let mut done = Vec::new();
    for operation in lifters.len()..300 {
        done.push(act(&app, &mut dice, &lifters).await);
        let now = energies(&app).await;
        for (id, _, energy, _) in &now {
            let before = reached[id];
            if before.0.total_cmp(energy).is_ne() {
                reached.insert(*id, (*energy, operation));
            }
        }
        if dice.below(8) == 0 {
            // Some of what is noted, or all of it.
            let at_most = i64::try_from(1 + dice.below(20)).unwrap();
            app.pg.execute("select fold_boards($1)", &[&at_most]).await.unwrap();
            done.push(format!("{at_most} are folded"));
        }
        if operation % 10 == 0 {
            for scenario in SCENARIOS {
                let board = format!("/api/v1/scores/scenario/{scenario}/leaderboard");
                assert_eq!(pages(&app, &board).await, naive_board(&app, scenario).await, "{scenario} after {done:#?}");
            }
            assert_eq!(pages(&app, ENERGY).await, naive_energies(now, &reached), "energies after {done:#?}");
        }
    }
    assert_bests(&app.pg).await;
    let rows = app.get(ENERGY).await.json();
    assert!(rows.as_array().unwrap().iter().all(|row: &Value| row["total_energy"].is_i64()), "{rows}");
}
