//! What a request costs: round trips to the database and allocations, counted for the routes that are used most and held
//! against the table in the README.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use allocation_counter::measure;
use serde_json::json;
use tokio::runtime::Runtime;
use tokio::task::spawn_blocking;

use crate::scores::behind_proxy;
use crate::support::{Lifter, TestApp};

/// Requests before the ones that count: they open connections and prepare statements.
const WARM_UP: u64 = 20;
/// Requests that count, so that what happens now and then beside them does not.
const COUNTED: u64 = 100;
/// How often so many are sent; the cheapest time counts. A commit in any database of the cluster makes boards be read anew.
const ROUNDS: usize = 3;
/// The share of the table's allocations that there must be at least: a table that promises little for much is no table.
const LEAST_SHARE: f64 = 0.75;

struct Call {
    /// As the table names it.
    name: &'static str,
    method: &'static str,
    path: String,
    body: String,
}

fn calls(ada: &Lifter) -> Vec<Call> {
    let id = ada.id;
    let get = |name, path: String| Call { name, method: "GET", path: format!("/api/v1{path}"), body: String::new() };
    vec![
        get("`GET /users/me`", "/users/me".to_owned()),
        get("`GET /scenarios`", "/scenarios".to_owned()),
        get("`GET /standards/{bodyweight}`", "/standards/80".to_owned()),
        Call {
            name: "`POST /scores/scenario/{id}`",
            method: "POST",
            path: "/api/v1/scores/scenario/back_squat".to_owned(),
            body: json!({ "weight_lifted": 100 }).to_string(),
        },
        get("`GET /scores/scenario/{id}/leaderboard`, 50 lifters", "/scores/scenario/deadlift/leaderboard".to_owned()),
        get("`GET /energy/leaderboard`, 50 lifters", "/energy/leaderboard".to_owned()),
        get(
            "`GET /scores/user/{uid}/scenario/{sid}/highscore`",
            format!("/scores/user/{id}/scenario/deadlift/highscore"),
        ),
        get("`GET /levels/me`", "/levels/me".to_owned()),
        get("`GET /quests/me`", "/quests/me".to_owned()),
        get("`GET /routines`, one of three exercises", "/routines".to_owned()),
    ]
}

/// Sends the request again and again on one connection, and reads every answer to its end.
fn send(address: SocketAddr, request: &str, times: u64) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    for _ in 0..times {
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        let mut piece = [0; 64 * 1024];
        while !is_whole(&answer) {
            let count = stream.read(&mut piece).unwrap();
            assert!(count > 0, "the connection ended");
            answer.extend_from_slice(&piece[..count]);
        }
        assert!(answer.starts_with(b"HTTP/1.1 200 "), "{request}: {}", String::from_utf8_lossy(&answer));
    }
}

fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer).into_owned();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
    body.len() == length.parse::<usize>().unwrap()
}

/// Fifty lifters on two boards, and what the routes show of one of them.
async fn fill(app: &TestApp) -> Lifter {
    let ada = app.lifter("ada").await;
    app.patch_as(&ada, "/api/v1/users/me", json!({ "weight": 80 })).await.expect(200);
    app.lift(&ada, "deadlift", 120.0).await;
    let exercises: Vec<_> = ["back_squat", "deadlift", "barbell_bench_press"]
        .map(|id| json!({ "scenario_id": id, "name": id, "sets": 3, "reps": 5 }))
        .into();
    app.post_as(&ada, "/api/v1/routines", json!({ "name": "Day A", "scenarios": exercises })).await.expect(201);
    for n in 0..49 {
        let lifter = app.lifter(&format!("lifter{n}")).await;
        app.patch_as(&lifter, "/api/v1/users/me", json!({ "weight": 80 })).await.expect(200);
        app.lift(&lifter, "deadlift", 100.0 + f64::from(n)).await;
    }
    ada
}

/// Allocations of the server's thread while so many answers are given. The caller allocates on a thread of its own.
fn allocations(runtime: &Runtime, address: SocketAddr, request: &str, times: u64) -> u64 {
    let request = request.to_owned();
    let counted =
        measure(|| runtime.block_on(async { spawn_blocking(move || send(address, &request, times)).await.unwrap() }));
    counted.count_total
}

/// The row of the table in the README: round trips and allocations.
fn promised(name: &str) -> Option<(u64, f64)> {
    let readme = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md"));
    let row = readme.lines().find_map(|line| line.strip_prefix(&format!("| {name} | ")))?;
    let (round_trips, allocations) = row.trim_end_matches(" |").split_once(" | ")?;
    Some((round_trips.parse().ok()?, allocations.parse().ok()?))
}

#[test]
fn requests_cost_what_the_table_says() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (app, proxy) = runtime.block_on(behind_proxy());
    let ada = runtime.block_on(fill(&app));
    let mut wrong = Vec::new();
    for Call { name, method, path, body } in calls(&ada) {
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}",
            ada.token
        );
        allocations(&runtime, app.address, &request, WARM_UP);
        let rounds = std::iter::repeat_with(|| {
            let before = proxy.round_trips();
            let counted = allocations(&runtime, app.address, &request, COUNTED) / COUNTED;
            ((proxy.round_trips() - before) / COUNTED, counted)
        });
        let (round_trips, counted) = rounds.take(ROUNDS).min().unwrap();
        let is_true = promised(name).is_some_and(|(trips, most)| {
            trips == round_trips && (LEAST_SHARE..=1.0).contains(&(counted as f64 / most))
        });
        if !is_true {
            wrong.push(format!("| {name} | {round_trips} | {counted} |"));
        }
    }
    assert!(wrong.is_empty(), "the table of costs should say:\n{}", wrong.join("\n"));
}
