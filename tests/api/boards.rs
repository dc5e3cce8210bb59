//! Leaderboards.

mod places;
mod random;
mod walking;

use serde_json::{Value, json};

use crate::support::ledger::{assert_bests, delete_request, waiting};
use crate::support::{Lifter, TestApp, eventually};

const SQUAT: &str = "back_squat";
const ENERGY: &str = "/api/v1/energy/leaderboard";

fn squats(query: &str) -> String {
    format!("/api/v1/scores/scenario/{SQUAT}/leaderboard{query}")
}

/// The rows of a board.
async fn board(app: &TestApp, path: &str) -> Vec<Value> {
    app.get(path).await.expect(200).json().as_array().unwrap().clone()
}

/// Position and name of each row, of either board.
async fn places(app: &TestApp, path: &str) -> Vec<(i64, String)> {
    let name = |row: &Value| row.get("username").unwrap_or(&row["user"]["username"]).as_str().unwrap().to_owned();
    board(app, path).await.iter().map(|row| (row["rank"].as_i64().unwrap(), name(row))).collect()
}

fn expected(places: &[(i64, &str)]) -> Vec<(i64, String)> {
    places.iter().map(|(position, name)| (*position, (*name).to_owned())).collect()
}

async fn lifters<const N: usize>(app: &TestApp, names: [&str; N]) -> [Lifter; N] {
    let mut made = Vec::new();
    for name in names {
        made.push(app.lifter(name).await);
    }
    made.try_into().ok().unwrap()
}

async fn set_active(app: &TestApp, lifter: &Lifter, active: Option<bool>) {
    app.pg.execute("update users set is_active = $2 where id = $1", &[&lifter.id, &active]).await.unwrap();
}

/// As the earlier server writes it.
async fn set_energy(app: &TestApp, lifter: &Lifter, energy: Option<f64>) {
    app.pg.execute("update users set energy = $2 where id = $1", &[&lifter.id, &energy]).await.unwrap();
}

#[tokio::test]
async fn a_row_tells_the_best_lift_and_the_lifter_as_others_see_them() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    app.pg.execute("update users set original_transaction_id = 'secret'", &[]).await.unwrap();
    let best = app.lift(&ada, SQUAT, 140.0).await["score"].clone();
    app.lift(&ada, SQUAT, 130.0).await;
    let shown = app.get(&format!("/api/v1/users/{}", ada.id)).await.expect(200).json();
    assert_eq!((&shown["email"], &shown["original_transaction_id"]), (&json!(""), &Value::Null));
    let row = json!({
        "id": best["id"], "weight_lifted": 140.0, "score_value": 140.0, "created_at": best["created_at"], "user": shown, "rank": 1,
    });
    assert_eq!(board(&app, &squats("")).await, [row]);
}

#[tokio::test]
async fn each_lifter_stands_once_highest_first_and_the_earliest_of_equals_first() {
    let app = TestApp::start().await;
    let [ada, bob, cem, dee] = lifters(&app, ["ada", "bob", "cem", "dee"]).await;
    for (lifter, kg) in [
        (&dee, 90.0),
        (&ada, 100.0),
        (&bob, 120.0),
        (&cem, 120.0),
        (&ada, 110.0),
        (&bob, 50.0),
        (&ada, 120.0),
        (&cem, 120.0),
    ] {
        app.lift(lifter, SQUAT, kg).await;
    }
    app.lift(&dee, "deadlift", 300.0).await;
    assert_eq!(places(&app, &squats("")).await, expected(&[(1, "bob"), (2, "cem"), (3, "ada"), (4, "dee")]));
    assert_eq!(places(&app, &squats("/")).await.len(), 4, "with a slash at the end, too");
}

#[tokio::test]
async fn positions_count_from_the_top_on_every_page() {
    let app = TestApp::start().await;
    let all = lifters(&app, ["a", "b", "c", "d", "e"]).await;
    for (lifter, kg) in all.iter().zip([150.0, 140.0, 130.0, 120.0, 110.0]) {
        app.lift(lifter, SQUAT, kg).await;
    }
    for path in [squats(""), ENERGY.to_owned()] {
        let page = async |query: &str| places(&app, &format!("{path}{query}")).await;
        assert_eq!(page("?limit=2").await, expected(&[(1, "a"), (2, "b")]));
        assert_eq!(page("?limit=2&offset=2").await, expected(&[(3, "c"), (4, "d")]));
        assert_eq!(page("?offset=4&limit=100").await, expected(&[(5, "e")]));
        assert_eq!(page("?offset=5").await, []);
        assert_eq!(page("?offset=10000").await, []);
        assert_eq!(page("?offset=0").await.len(), 5);
        for query in
            ["limit=0", "limit=101", "limit=abc", "limit=", "limit=1.5", "offset=-1", "offset=10001", "offset=x"]
        {
            let answer = app.get(&format!("{path}?{query}")).await.expect(422);
            assert_eq!(answer.error_code(), "validation_error", "{path}?{query}");
        }
    }
}

#[tokio::test]
async fn fifty_rows_make_a_page_and_a_hundred_at_most() {
    let app = TestApp::start().await;
    app.pg
        .batch_execute(
            "insert into users (id, username, email, hashed_password, is_active, energy)
             select gen_random_uuid(), 'u' || i, i || '@example.com', '', true, i from generate_series(1, 120) as i;
             insert into scores (user_id, scenario_id, score_value, weight_lifted, created_at)
             select id, 'back_squat', energy, energy, now() from users",
        )
        .await
        .unwrap();
    for path in [squats(""), ENERGY.to_owned()] {
        assert_eq!(board(&app, &path).await.len(), 50);
        assert_eq!(board(&app, &format!("{path}?limit=100")).await.len(), 100);
        assert_eq!(places(&app, &format!("{path}?limit=100&offset=110")).await[9], (120, "u1".to_owned()));
    }
}

#[tokio::test]
async fn an_exercise_that_nobody_did_or_knows_has_an_empty_board() {
    let app = TestApp::start().await;
    app.lift(&app.lifter("ada").await, SQUAT, 100.0).await;
    for scenario in ["deadlift", "no_such_lift", "%C3%A9", "a%20b"] {
        let path = format!("/api/v1/scores/scenario/{scenario}/leaderboard");
        assert_eq!(board(&app, &path).await, [] as [Value; 0], "{scenario}");
    }
}

#[tokio::test]
async fn who_is_deactivated_deleted_or_without_scores_is_gone_at_once() {
    let app = TestApp::start().await;
    let [ada, bob, cem] = lifters(&app, ["ada", "bob", "cem"]).await;
    for (lifter, kg) in [(&ada, 150.0), (&bob, 140.0), (&cem, 130.0)] {
        app.lift(lifter, SQUAT, kg).await;
    }
    let both = async || (places(&app, &squats("")).await, places(&app, ENERGY).await);
    let all = expected(&[(1, "ada"), (2, "bob"), (3, "cem")]);
    assert_eq!(both().await, (all.clone(), all.clone()));

    set_active(&app, &ada, Some(false)).await;
    let rest = expected(&[(1, "bob"), (2, "cem")]);
    assert_eq!(both().await, (rest.clone(), rest));
    // Old rows without a word count as active.
    for active in [None, Some(true)] {
        set_active(&app, &ada, active).await;
        assert_eq!(both().await, (all.clone(), all.clone()), "{active:?}");
    }

    delete_request(&app, &bob).send().await.expect(204);
    assert_eq!(both().await, (expected(&[(1, "ada"), (2, "cem")]), expected(&[(1, "ada"), (2, "cem"), (3, "bob")])));

    app.request("DELETE", "/api/v1/users/me").bearer(&ada.token).send().await.expect(204);
    assert_eq!(both().await, (expected(&[(1, "cem")]), expected(&[(1, "cem"), (2, "bob")])));
    app.pg.execute("delete from users where id = $1", &[&cem.id]).await.unwrap();
    assert_eq!(both().await, (expected(&[]), expected(&[(1, "bob")])));
    assert_bests(&app.pg).await;
}

#[tokio::test]
async fn who_lifts_or_deletes_while_away_comes_back_as_they_are() {
    let app = TestApp::start().await;
    let [ada, bob] = lifters(&app, ["ada", "bob"]).await;
    app.lift(&ada, SQUAT, 100.0).await;
    app.lift(&bob, SQUAT, 110.0).await;
    set_active(&app, &ada, Some(false)).await;
    let statement = "insert into scores (user_id, scenario_id, score_value, weight_lifted, created_at)
        values ($1, 'back_squat', 120, 120, now()), ($1, 'deadlift', 200, 200, now())";
    app.pg.execute(statement, &[&ada.id]).await.unwrap();
    assert_eq!(places(&app, &squats("")).await, expected(&[(1, "bob")]));
    assert_eq!(places(&app, "/api/v1/scores/scenario/deadlift/leaderboard").await, []);
    set_active(&app, &ada, Some(true)).await;
    assert_eq!(places(&app, &squats("")).await, expected(&[(1, "ada"), (2, "bob")]));
    assert_eq!(places(&app, "/api/v1/scores/scenario/deadlift/leaderboard").await, expected(&[(1, "ada")]));
    assert_bests(&app.pg).await;
}

#[tokio::test]
async fn a_row_of_the_energy_board_has_whole_numbers_and_no_holes() {
    let app = TestApp::start().await;
    let [ada, bob, cem] = lifters(&app, ["ada", "bob", "cem"]).await;
    app.lift(&ada, "barbell_bench_press", 100.0).await;
    let texts = "update users set display_name = 'Ada L.', avatar_url = 'avatars/0.png' where id = $1";
    app.pg.execute(texts, &[&ada.id]).await.unwrap();
    app.pg.execute("update users set energy = null, rank = null where id = $1", &[&bob.id]).await.unwrap();
    app.pg.execute("update users set energy = 'NaN' where id = $1", &[&cem.id]).await.unwrap();

    let answer = app.get(ENERGY).await.expect(200);
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    assert!(text.contains(r#""total_energy":183,"#), "{text}");
    let rows = answer.json();
    let first = json!({
        "rank": 1, "user_id": ada.id, "username": "ada", "display_name": "Ada L.", "total_energy": 183,
        "avatar_url": "http://127.0.0.1:9999/static/avatars/0.png", "user_rank": "Iron",
    });
    let second = json!({
        "rank": 2, "user_id": bob.id, "username": "bob", "display_name": null, "total_energy": 0, "avatar_url": null,
        "user_rank": "Unranked",
    });
    assert_eq!((&rows[0], &rows[1]), (&first, &second));
    assert_eq!((&rows[2]["username"], &rows[2]["total_energy"]), (&json!("cem"), &json!(0)));
    assert_eq!(app.get(&format!("/api/v1/energy/latest/{}", cem.id)).await.expect(200).json(), 0);
}

#[tokio::test]
async fn energies_that_the_earlier_server_writes_move_the_standing() {
    let app = TestApp::start().await;
    let [ada, bob, cem] = lifters(&app, ["ada", "bob", "cem"]).await;
    set_energy(&app, &bob, Some(300.0)).await;
    set_energy(&app, &ada, Some(300.0)).await;
    assert_eq!(
        places(&app, ENERGY).await,
        expected(&[(1, "bob"), (2, "ada"), (3, "cem")]),
        "who was first stands first"
    );
    set_energy(&app, &bob, Some(300.0)).await;
    app.pg.execute("update users set display_name = 'B'", &[]).await.unwrap();
    assert_eq!(places(&app, ENERGY).await[0].1, "bob", "what does not change the energy does not change the place");
    set_energy(&app, &bob, Some(299.0)).await;
    set_energy(&app, &bob, Some(300.0)).await;
    assert_eq!(places(&app, ENERGY).await[0].1, "ada", "who falls and comes back is the later one");
    set_energy(&app, &cem, Some(301.0)).await;
    set_energy(&app, &ada, None).await;
    assert_eq!(places(&app, ENERGY).await, expected(&[(1, "cem"), (2, "bob"), (3, "ada")]));
    set_active(&app, &cem, Some(false)).await;
    set_energy(&app, &cem, Some(10.0)).await;
    set_active(&app, &cem, Some(true)).await;
    assert_eq!(places(&app, ENERGY).await, expected(&[(1, "bob"), (2, "cem"), (3, "ada")]));
}

#[tokio::test]
async fn who_reached_an_energy_first_stands_first_whenever_the_transaction_began() {
    let app = TestApp::start().await;
    let [ada, bob] = lifters(&app, ["ada", "bob"]).await;
    // Ada's lift arrives first and has to wait; Bob's arrives later and is done at once.
    app.pg.batch_execute("begin").await.unwrap();
    app.pg.execute("select from users where id = $1 for update", &[&ada.id]).await.unwrap();
    let path = format!("/api/v1/scores/scenario/{SQUAT}");
    let request = app.request("POST", &path).bearer(&ada.token).json(&json!({ "weight_lifted": 100 }));
    let waits = tokio::spawn(async move { request.send().await });
    eventually("the wait for the lock", async || waiting(&app.pg).await == 1).await;
    app.lift(&bob, SQUAT, 100.0).await;
    app.pg.batch_execute("commit").await.unwrap();
    waits.await.unwrap().expect(200);
    for path in [squats(""), ENERGY.to_owned()] {
        assert_eq!(places(&app, &path).await, expected(&[(1, "bob"), (2, "ada")]), "{path}");
    }
}
