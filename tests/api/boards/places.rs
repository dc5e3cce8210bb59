//! Where a lifter stands: rank, position, share and neighbours, held against counting everybody.

use serde_json::{Value, json};
use tokio_postgres::Client;
use uuid::Uuid;

use super::{ENERGY, SQUAT, board, lifters, set_active, squats};
use crate::support::ledger::{Dice, assert_bests, delete_request, lift_request, of_weight, waiting};
use crate::support::{Lifter, Request, TestApp, eventually};

/// Everybody on one board: id, value, in the board's order.
async fn standing(pg: &Client, of_energy: bool) -> Vec<(Uuid, f64)> {
    let query = if of_energy {
        "select user_id, energy from energy_standings where lifter_active order by energy desc, reached_at, user_id"
    } else {
        "select user_id, score_value from personal_bests where lifter_active and scenario_id = 'back_squat'
         order by score_value desc, reached_at, score_id"
    };
    pg.query(query, &[]).await.unwrap().iter().map(|row| (row.get(0), row.get(1))).collect()
}

fn path(of_energy: bool, user: Uuid, around: usize) -> String {
    let board = if of_energy { "energy".to_owned() } else { format!("scores/scenario/{SQUAT}") };
    format!("/api/v1/{board}/rank/{user}?around={around}")
}

/// Position and lifter of each row, of either board.
fn rows(places: &Value) -> Rows {
    let places = places.as_array().unwrap().iter();
    places
        .map(|row| {
            let id = row.get("user_id").unwrap_or(&row["user"]["id"]).as_str().unwrap().to_owned();
            (usize::try_from(row["rank"].as_i64().unwrap()).unwrap(), id)
        })
        .collect()
}

/// Position and lifter of each row.
type Rows = Vec<(usize, String)>;

/// What the answer about the lifter at this index has to be: numbers, who is above, who is below.
fn expected(all: &[(Uuid, f64)], index: usize, around: usize) -> (Value, Rows, Rows) {
    let value = all[index].1;
    let better = all.iter().filter(|(_, other)| *other > value).count();
    let equal = all.iter().filter(|(_, other)| *other == value).count() - 1;
    let worse = all.len() - better - equal - 1;
    let percentile = 100.0 * (worse as f64 + 0.5 * equal as f64) / (all.len() - 1).max(1) as f64;
    let numbers = json!({
        "rank": better + 1, "position": index + 1, "total": all.len(), "percentile": percentile, "score": value,
    });
    let at = |from: usize, until: usize| {
        (from..until).map(|other| (other + 1, all[other].0.to_string())).collect::<Vec<_>>()
    };
    (numbers, at(index.saturating_sub(around), index), at(index + 1, (index + 1 + around).min(all.len())))
}

/// Holds the answers about these lifters against everybody.
async fn assert_places(app: &TestApp, reader: &Lifter, around: usize) {
    for of_energy in [false, true] {
        let all = standing(&app.pg, of_energy).await;
        for index in 0..all.len() {
            let path = path(of_energy, all[index].0, around);
            let mut answer = app.get_as(reader, &path).await.expect(200).json();
            let (numbers, above, below) = expected(&all, index, around);
            assert_eq!(rows(&answer["above"]), above, "{path}");
            assert_eq!(rows(&answer["below"]), below, "{path}");
            let object = answer.as_object_mut().unwrap();
            object.remove("above");
            object.remove("below");
            assert_eq!(answer, numbers, "{path}");
        }
    }
}

#[tokio::test]
async fn places_are_what_counting_everybody_says() {
    let app = TestApp::start().await;
    let mut dice = Dice::thrown();
    let mut all = Vec::new();
    for name in ["ada", "bob", "cem", "dee", "eva", "fay", "gus", "hal"] {
        all.push(app.lifter(name).await);
    }
    for round in 0..12 {
        for _ in 0..6 {
            let (lifter, kg) = (dice.pick(&all), 100.0 + 10.0 * dice.kg(3));
            match dice.below(6) {
                0 => drop(delete_request(&app, lifter).send().await),
                1 => set_active(&app, lifter, *dice.pick(&[Some(true), Some(false), None])).await,
                2 => {
                    app.pg.batch_execute("select fold_boards(5)").await.unwrap();
                }
                _ => drop(lift_request(&app, lifter, SQUAT, &of_weight(kg)).send().await),
            }
        }
        let reader = app.lifter(&format!("reader{round}")).await;
        assert_places(&app, &reader, usize::try_from(dice.below(4)).unwrap()).await;
    }
    assert_bests(&app.pg).await;
}

#[tokio::test]
async fn five_neighbours_to_either_side_are_told_and_none_if_asked() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    crowd(&app, 60, "1").await;
    app.lift(&ada, SQUAT, 1.0).await;
    let path = format!("/api/v1/scores/scenario/{SQUAT}/rank/{}", ada.id);
    let counts = async |query: &str| {
        let answer = app.get(&format!("{path}{query}")).await.expect(200).json();
        assert_eq!((&answer["rank"], &answer["position"]), (&json!(1), &json!(61)));
        rows(&answer["above"]).len()
    };
    assert_eq!(counts("").await, 5);
    assert_eq!(counts("?around=0").await, 0);
    assert_eq!(counts("?around=25").await, 25);
    for query in ["around=26", "around=-1", "around=abc", "around=", "around=1.5"] {
        let answer = app.get(&format!("{path}?{query}")).await.expect(422);
        assert_eq!(answer.error_code(), "validation_error", "{query}");
    }
}

#[tokio::test]
async fn who_does_not_stand_there_has_no_place() {
    let app = TestApp::start().await;
    let [ada, bob] = lifters(&app, ["ada", "bob"]).await;
    app.lift(&ada, SQUAT, 100.0).await;
    let told = async |path: &str| app.get_as(&bob, path).await.expect(404).detail();
    assert_eq!(told(&path(false, bob.id, 1)).await, "Score not found");
    assert_eq!(told(&path(false, Uuid::nil(), 1)).await, "User not found");
    assert_eq!(told(&path(true, Uuid::nil(), 1)).await, "User not found");
    let nowhere = format!("/api/v1/scores/scenario/no_such_lift/rank/{}", ada.id);
    assert_eq!(told(&nowhere).await, "Scenario not found");
    set_active(&app, &ada, Some(false)).await;
    assert_eq!(told(&path(false, ada.id, 1)).await, "Score not found");
    assert_eq!(told(&path(true, ada.id, 1)).await, "User not found");
    app.get(&path(true, bob.id, 1)).await.expect(401);
}

/// So many lifters whose squat and energy are this expression of `n`.
async fn crowd(app: &TestApp, lifters: u32, value: &str) {
    let statement = format!(
        "with made as (
           insert into users (id, username, email, hashed_password, is_active, energy)
           select gen_random_uuid(), 'crowd' || n, 'crowd' || n || '@example.com', '', true, {value}
           from generate_series(1, {lifters}) as n
           returning id, energy
         )
         insert into scores (user_id, scenario_id, score_value, weight_lifted, created_at)
         select id, 'back_squat', energy, energy, clock_timestamp() from made"
    );
    app.pg.batch_execute(&statement).await.unwrap();
}

/// Folds until nothing is left, so many changes at a time.
async fn fold(app: &TestApp, at_most: i64) {
    while app.pg.query_one("select fold_boards($1)", &[&at_most]).await.unwrap().get::<_, i64>(0) > 0 {}
}

async fn blocks(app: &TestApp) -> (i64, i64) {
    let query = "select count(*), coalesce(max(b.entries), 0)::bigint from board_blocks as b join board_groups as g on g.id = group_id
        where board = 'scenario:back_squat'";
    let row = app.pg.query_one(query, &[]).await.unwrap();
    (row.get(0), row.get(1))
}

#[tokio::test]
async fn boards_of_all_shapes_are_cut_into_blocks_that_stay_short() {
    // All equal; three in ten equal; all different.
    for value in ["100", "case when n % 10 < 3 then 100 else n end", "n"] {
        let app = TestApp::start().await;
        crowd(&app, 2000, value).await;
        assert_bests(&app.pg).await;
        fold(&app, 700).await;
        let (count, longest) = blocks(&app).await;
        assert!(count >= 8 && longest <= 256, "{value}: {count} blocks of up to {longest}");
        assert_bests(&app.pg).await;
        app.pg.batch_execute("update users set is_active = false where username like '%5'").await.unwrap();
        app.pg.batch_execute("delete from users where username like 'crowd1%'").await.unwrap();
        assert_bests(&app.pg).await;
        app.pg.batch_execute("delete from scores").await.unwrap();
        assert_bests(&app.pg).await;
        fold(&app, 300).await;
        assert_bests(&app.pg).await;
        assert!(blocks(&app).await.0 < count, "{value}: blocks of nobody are kept");
    }
}

#[tokio::test]
async fn a_board_that_grew_long_has_groups() {
    let app = TestApp::start().await;
    let statement = "insert into users (id, username, email, hashed_password, is_active, energy)
        select gen_random_uuid(), 'crowd' || n, 'crowd' || n || '@example.com', '', true, n % 500
        from generate_series(1, 20000) as n";
    app.pg.batch_execute(statement).await.unwrap();
    fold(&app, 9_000).await;
    let groups = "select count(*) from board_groups where board = 'energy'";
    assert!(app.count(groups).await > 1, "20,000 lifters are one group");
    assert_bests(&app.pg).await;
    app.pg.batch_execute("update users set is_active = false where energy between 100 and 400").await.unwrap();
    fold(&app, 9_000).await;
    assert_bests(&app.pg).await;
    // Made anew they are the same.
    app.pg.batch_execute("select build_board('energy') where lock_board_counts()").await.unwrap();
    assert_bests(&app.pg).await;
}

/// What many do at once, on two instances; each request may be refused, none may fail.
fn requests(app: &TestApp, other: std::net::SocketAddr, dice: &mut Dice, all: &[Lifter]) -> Vec<Request> {
    let mut made = Vec::new();
    for _ in 0..40 {
        let lifter = dice.pick(all);
        let (method, path, body) = match dice.below(8) {
            0 => ("DELETE", format!("/api/v1/scores/user/{}", lifter.id), None),
            1 => ("DELETE", "/api/v1/users/me".to_owned(), None),
            _ => ("POST", format!("/api/v1/scores/scenario/{SQUAT}"), Some(of_weight(50.0 + 10.0 * dice.kg(10)))),
        };
        let here = dice.below(2) == 0;
        let request = if here { app.request(method, &path) } else { Request::new(other, method, &path) };
        let request = request.bearer(&lifter.token);
        made.push(match body {
            Some(body) => request.json(&body),
            None => request,
        });
    }
    made
}

#[tokio::test]
async fn whatever_many_do_at_once_on_two_instances_places_stay_true() {
    let app = TestApp::start().await;
    let other = app.another().await;
    let mut dice = Dice::thrown();
    let working = app.work();
    let mut all = Vec::new();
    for n in 0..24 {
        all.push(app.lifter(&format!("lifter{n}")).await);
    }
    let reader = app.lifter("reader").await;
    for _ in 0..4 {
        let sent = requests(&app, other, &mut dice, &all).into_iter();
        let running: Vec<_> = sent.map(|request| tokio::spawn(async move { request.send().await.status })).collect();
        for n in 0..6 {
            set_active(&app, &all[n * 3], *dice.pick(&[Some(true), Some(false)])).await;
            app.pg.batch_execute("select fold_boards(3)").await.unwrap();
        }
        for status in running {
            let status = status.await.unwrap();
            assert!(matches!(status, 200 | 204 | 401 | 404), "{status}");
        }
        assert_bests(&app.pg).await;
        assert_places(&app, &reader, 2).await;
        let first = board(&app, &squats("?limit=1")).await;
        let there = Request::new(other, "GET", &squats("?limit=1")).send().await.expect(200).json();
        assert_eq!(there, Value::from(first));
    }
    eventually("folded changes", async || app.count("select count(*) from board_changes").await == 0).await;
    drop(working);
    assert_bests(&app.pg).await;
}

#[tokio::test]
async fn who_lifts_waits_for_nobody_who_folds_or_lifts() {
    let app = TestApp::start().await;
    let [ada, bob] = lifters(&app, ["ada", "bob"]).await;
    app.lift(&ada, SQUAT, 100.0).await;
    app.pg.batch_execute("select fold_boards(100)").await.unwrap();
    // Somebody folds, and somebody has reached the very same value, and neither has committed.
    app.pg.batch_execute("begin").await.unwrap();
    let reached = "insert into scores (user_id, scenario_id, score_value, weight_lifted, created_at)
        values ($1, 'back_squat', 120, 120, now())";
    app.pg.execute(reached, &[&ada.id]).await.unwrap();
    app.pg.batch_execute("select fold_boards(100)").await.unwrap();
    app.lift(&bob, SQUAT, 120.0).await;
    assert_eq!(waiting(&app.pg).await, 0);
    let place = async || app.get(&path(false, bob.id, 0)).await.expect(200).json()["position"].clone();
    assert_eq!(place().await, 1, "what is not committed counts for nobody");
    app.pg.batch_execute("commit").await.unwrap();
    assert_eq!(place().await, 2, "it was first");
    assert_bests(&app.pg).await;
}

#[tokio::test]
async fn friends_stand_among_each_other_and_among_all() {
    let app = TestApp::start().await;
    let [ada, bob, cem, dee] = lifters(&app, ["ada", "bob", "cem", "dee"]).await;
    for (lifter, kg) in [(&ada, 100.0), (&bob, 120.0), (&cem, 110.0), (&dee, 130.0)] {
        app.lift(lifter, SQUAT, kg).await;
    }
    for followee in [&bob, &dee] {
        let path = format!("/api/v1/users/{}/follow", followee.id);
        app.request("POST", &path).bearer(&ada.token).send().await.expect(204);
    }
    let boards = [squats("/friends"), format!("{ENERGY}/friends")];
    let among = async |path: &str| {
        let rows = app.get_as(&ada, path).await.expect(200).json();
        let name = |row: &Value| row.get("username").unwrap_or(&row["user"]["username"]).as_str().unwrap().to_owned();
        let place = |row: &Value| (row["rank"].as_i64().unwrap(), row["overall_rank"].as_i64().unwrap(), name(row));
        rows.as_array().unwrap().iter().map(place).collect::<Vec<_>>()
    };
    let place = |rank, overall, name: &str| (rank, overall, name.to_owned());
    for path in &boards {
        assert_eq!(among(path).await, [place(1, 1, "dee"), place(2, 2, "bob"), place(3, 4, "ada")], "{path}");
        assert_eq!(among(&format!("{path}?limit=1&offset=1")).await, [place(2, 2, "bob")], "{path}");
        app.get(path).await.expect(401);
        for query in ["limit=0", "limit=101", "offset=1001", "offset=x"] {
            app.get_as(&ada, &format!("{path}?{query}")).await.expect(422);
        }
    }
    set_active(&app, &dee, Some(false)).await;
    app.request("DELETE", &format!("/api/v1/users/{}/follow", bob.id)).bearer(&ada.token).send().await.expect(204);
    for path in &boards {
        assert_eq!(among(path).await, [place(1, 3, "ada")], "{path}");
    }
    assert_eq!(among("/api/v1/scores/scenario/no_such_lift/leaderboard/friends").await, []);
}
