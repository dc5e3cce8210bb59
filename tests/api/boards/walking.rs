//! Walking through boards by cursors.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;
use tokio_postgres::Client;

use super::{ENERGY, SQUAT, lifters, places, squats};
use crate::support::ledger::{Dice, assert_bests};
use crate::support::{Request, TestApp};

/// One page: position and name of each row, and the next cursor.
async fn page(request: Request) -> (Vec<(i64, String)>, Option<String>) {
    let answer = request.send().await.expect(200);
    let name = |row: &Value| row.get("username").unwrap_or(&row["user"]["username"]).as_str().unwrap().to_owned();
    let rows = answer.json().as_array().unwrap().iter().map(|row| (row["rank"].as_i64().unwrap(), name(row))).collect();
    (rows, answer.header("x-next-cursor").map(str::to_owned))
}

fn separated(path: &str) -> char {
    if path.contains('?') { '&' } else { '?' }
}

#[tokio::test]
async fn pages_by_cursor_are_the_pages_by_offset() {
    let app = TestApp::start().await;
    let all = lifters(&app, ["a", "b", "c", "d", "e", "f", "g"]).await;
    for (lifter, kg) in all.iter().zip([120.0, 110.0, 110.0, 110.0, 110.0, 100.0, 90.0]) {
        app.lift(lifter, SQUAT, kg).await;
    }
    for folded in [false, true] {
        if folded {
            app.pg.batch_execute("select fold_boards(1000)").await.unwrap();
        }
        for path in [squats("?limit=3"), format!("{ENERGY}?limit=3")] {
            let (first, cursor) = page(app.request("GET", &path)).await;
            let (second, next) = page(app.request("GET", &format!("{path}&cursor={}", cursor.unwrap()))).await;
            let (third, end) = page(app.request("GET", &format!("{path}&cursor={}", next.unwrap()))).await;
            let whole = places(&app, path.trim_end_matches("?limit=3")).await;
            assert_eq!([first, second, third].concat(), whole, "{path}");
            assert_eq!(end, None, "{path}");
        }
    }
}

#[tokio::test]
async fn a_cursor_is_good_when_its_lifter_is_gone() {
    let app = TestApp::start().await;
    let all = lifters(&app, ["a", "b", "c", "d"]).await;
    for (lifter, kg) in all.iter().zip([130.0, 120.0, 110.0, 100.0]) {
        app.lift(lifter, SQUAT, kg).await;
    }
    for path in [squats("?limit=2"), format!("{ENERGY}?limit=2")] {
        let (_, cursor) = page(app.request("GET", &path)).await;
        let behind = format!("{path}&cursor={}", cursor.unwrap());
        let before = page(app.request("GET", &behind)).await.0;
        assert_eq!(before, [(3, "c".to_owned()), (4, "d".to_owned())]);
        app.pg.batch_execute("update users set is_active = false where username = 'b'").await.unwrap();
        let after = page(app.request("GET", &behind)).await.0;
        assert_eq!(after, [(2, "c".to_owned()), (3, "d".to_owned())], "{path}");
        app.pg.batch_execute("update users set is_active = true where username = 'b'").await.unwrap();
    }
}

#[tokio::test]
async fn what_is_no_cursor_of_this_board_is_refused() {
    let app = TestApp::start().await;
    let all = lifters(&app, ["a", "b"]).await;
    for lifter in &all {
        app.lift(lifter, SQUAT, 100.0).await;
        app.lift(lifter, "deadlift", 100.0).await;
    }
    let deadlift = "/api/v1/scores/scenario/deadlift/leaderboard?limit=1".to_owned();
    let boards = [squats("?limit=1"), deadlift, format!("{ENERGY}?limit=1")];
    let mut cursors = Vec::new();
    for path in &boards {
        cursors.push(page(app.request("GET", path)).await.1.unwrap());
    }
    for (own, path) in boards.iter().enumerate() {
        for (of, cursor) in cursors.iter().enumerate() {
            let answer = app.get(&format!("{path}&cursor={cursor}")).await;
            assert_eq!(answer.status, if of == own { 200 } else { 422 }, "{path} with the cursor of {}", boards[of]);
        }
        let cursor = &cursors[own];
        let cut = &cursor[..cursor.len() - 1];
        let long = "A".repeat(5000);
        for (bad, code) in
            [(cut, "unknown"), ("garbage", "unknown"), ("%00", "format"), ("", "length"), (&long, "length")]
        {
            let answer = app.get(&format!("{path}&cursor={bad}")).await.expect(422);
            assert_eq!(answer.json()["errors"][0]["code"], code, "{path} with {bad:.20}");
            assert_eq!(answer.json()["errors"][0]["pointer"], "/query/cursor");
        }
        for offset in [0, 1] {
            let answer = app.get(&format!("{path}&cursor={cursor}&offset={offset}")).await.expect(422);
            assert_eq!(answer.json()["errors"][0]["code"], "rule");
        }
    }
}

#[tokio::test]
async fn pages_of_other_origins_may_read_the_cursor() {
    let app = TestApp::start().await;
    let answer = app.request("GET", ENERGY).header("origin", "https://www.repduel.com").send().await.expect(200);
    assert!(answer.header("access-control-expose-headers").unwrap().contains("X-Next-Cursor"));
}

/// Moves some lifters about, and folds, until it is over.
async fn move_about(client: Client, mut dice: Dice, over: Arc<AtomicBool>) {
    while !over.load(Ordering::SeqCst) {
        let name = format!("moving{}", dice.below(60));
        let value = dice.kg(12);
        let statement = match dice.below(6) {
            0 => format!("update users set is_active = not is_active where username = '{name}'"),
            1 => format!("delete from scores where user_id = (select id from users where username = '{name}')"),
            2 => "select fold_boards(7)".to_owned(),
            3 => format!("update users set energy = {value} where username = '{name}'"),
            _ => format!(
                "insert into scores (user_id, scenario_id, score_value, weight_lifted, created_at)
                 select id, 'back_squat', {value}, 1, clock_timestamp() - {value} * interval '1 hour'
                 from users where username = '{name}'"
            ),
        };
        client.batch_execute(&statement).await.unwrap();
    }
}

#[tokio::test]
async fn a_walk_meets_each_unchanged_lifter_once_while_others_move() {
    let app = TestApp::start().await;
    let other = app.another().await;
    // Few values, so that most are equal to many others; half of the times are equal as well.
    app.pg
        .batch_execute(
            "insert into users (id, username, email, hashed_password, is_active, energy)
             select gen_random_uuid(), kind || n, kind || n || '@example.com', '', true, n % 7
             from generate_series(1, 150) as n, (values ('staying'), ('moving')) as kinds (kind)
             where kind = 'staying' or n <= 60;
             insert into scores (user_id, scenario_id, score_value, weight_lifted, created_at)
             select id, 'back_squat', energy, 1, timestamptz '2026-01-01' + (random() * 2)::integer * interval '1 day' from users",
        )
        .await
        .unwrap();
    let over = Arc::new(AtomicBool::new(false));
    let mut dice = Dice::thrown();
    let movers: Vec<_> = [app.client().await, app.client().await]
        .into_iter()
        .map(|client| tokio::spawn(move_about(client, Dice(dice.below(1 << 30)), Arc::clone(&over))))
        .collect();
    for walk in 0..10 {
        for board in [squats(""), ENERGY.to_owned()] {
            let limit = 1 + dice.below(20);
            let (mut met, mut cursor) = (Vec::new(), None);
            loop {
                let from = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
                let path = format!("{board}{}limit={limit}{from}", separated(&board));
                let here = dice.below(2) == 0;
                let (rows, next) =
                    page(if here { app.request("GET", &path) } else { Request::new(other, "GET", &path) }).await;
                met.extend(rows.into_iter().map(|(_, name)| name).filter(|name| name.starts_with("staying")));
                let Some(next) = next else { break };
                cursor = Some(next);
            }
            let count = met.len();
            met.sort();
            met.dedup();
            assert_eq!((count, met.len()), (150, 150), "walk {walk} of {board}, {limit} a page");
        }
    }
    over.store(true, Ordering::SeqCst);
    for mover in movers {
        mover.await.unwrap();
    }
    assert_bests(&app.pg).await;
}

#[tokio::test]
async fn a_walk_along_times_that_never_were_ends() {
    let app = TestApp::start().await;
    let all = lifters(&app, ["a", "b", "c", "d"]).await;
    for (lifter, at) in all.iter().zip(["-infinity", "2026-01-01", "infinity", "infinity"]) {
        let statement = format!(
            "insert into scores (user_id, scenario_id, score_value, weight_lifted, created_at)
             values ('{}', 'back_squat', 100, 100, '{at}')",
            lifter.id
        );
        app.pg.batch_execute(&statement).await.unwrap();
    }
    let (mut met, mut from) = (Vec::new(), String::new());
    for _ in 0..5 {
        let (rows, next) = page(app.request("GET", &squats(&format!("?limit=1{from}")))).await;
        met.extend(rows);
        let Some(next) = next else { break };
        from = format!("&cursor={next}");
    }
    assert_eq!(met, places(&app, &squats("")).await);
    assert_eq!(met.len(), 4);
    assert_bests(&app.pg).await;
}
