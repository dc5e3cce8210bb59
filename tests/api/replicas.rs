//! A database with a copy that follows it: writes follow a promotion, boards are read from the copy while it is near.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::cluster::port_of;
use crate::support::ledger::of_weight;
use crate::support::{Cluster, Served, eventually};

const BOARD: &str = "/api/v1/scores/scenario/deadlift/leaderboard";

/// A lifter of this server; answers an access token.
async fn register(server: &Served) -> String {
    let account = json!({ "username": "ada", "email": "ada@example.com", "password": "lift-heavy" });
    server.request("POST", "/api/v1/users").json(&account).send().await.expect(201);
    let form = "username=ada%40example.com&password=lift-heavy";
    let login = server.request("POST", "/api/v1/users/login").body("application/x-www-form-urlencoded", form);
    login.send().await.expect(200).json()["access_token"].as_str().unwrap().to_owned()
}

async fn lift(server: &Served, token: &str, kg: f64) -> u16 {
    let path = "/api/v1/scores/scenario/deadlift";
    server.request("POST", path).bearer(token).json(&of_weight(kg)).send().await.status
}

async fn best_on_board(server: &Served) -> Option<f64> {
    let board: Value = server.request("GET", BOARD).send().await.expect(200).json();
    board[0]["score_value"].as_f64()
}

#[tokio::test]
async fn writes_follow_a_promotion_without_a_restart() {
    let primary = Cluster::start("fast");
    let follower = primary.follower();
    let (head, rest) = primary.url().rsplit_once('@').map(|(head, rest)| (head.to_owned(), rest.to_owned())).unwrap();
    let (first, database) = rest.split_once('/').unwrap();
    let second = format!("127.0.0.1:{}", port_of(&follower.url()));
    let url = format!("{head}@{second},{first}/{database}?target_session_attrs=read-write");
    let server = Served::start(&[("DATABASE_URL", &url)]).await;
    let token = register(&server).await;
    assert_eq!(lift(&server, &token, 100.0).await, 200);
    let copied = follower.client().await;
    eventually("the copy", async || {
        copied.query_one("select count(*) from scores", &[]).await.unwrap().get::<_, i64>(0) == 1
    })
    .await;
    primary.crash();
    follower.promote();
    let began = Instant::now();
    eventually("a write", async || lift(&server, &token, 110.0).await == 200).await;
    let took = began.elapsed();
    assert!(took < Duration::from_secs(10), "it took {took:?}");
    server.request("GET", "/ready").send().await.expect(200);
    assert_eq!(copied.query_one("select count(*) from scores", &[]).await.unwrap().get::<_, i64>(0), 2);
}

#[tokio::test]
async fn boards_are_read_from_the_replica_while_it_is_near() {
    let primary = Cluster::start("fast");
    let follower = primary.follower();
    let (url, replica) = (primary.url(), follower.url());
    let server = Served::start(&[("DATABASE_URL", &url), ("DATABASE_URL_REPLICA", &replica)]).await;
    let token = register(&server).await;
    assert_eq!(lift(&server, &token, 100.0).await, 200);
    eventually("the replica", async || server.said().contains("the replica serves reads")).await;
    eventually("the lift on the board", async || best_on_board(&server).await == Some(100.0)).await;

    // What the replica is kept from, the board does not show, for as long as that is young.
    let copied = follower.client().await;
    copied.batch_execute("select pg_wal_replay_pause()").await.unwrap();
    assert_eq!(lift(&server, &token, 120.0).await, 200);
    assert_eq!(best_on_board(&server).await, Some(100.0), "the replica answers");
    eventually("the primary in its place", async || best_on_board(&server).await == Some(120.0)).await;
    copied.batch_execute("select pg_wal_replay_resume()").await.unwrap();
    let back = "the replica serves reads";
    eventually("the replica again", async || server.said().matches(back).count() == 2).await;

    // Gone, at once and for good: nobody notices.
    follower.crash();
    for kg in [130.0, 140.0] {
        assert_eq!(lift(&server, &token, kg).await, 200);
        eventually("the lift on the board", async || best_on_board(&server).await == Some(kg)).await;
    }
}
