//! A database with a copy that follows it: writes follow a promotion, boards are read from the copy while it is near.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::cluster::port_of;
use crate::support::ledger::{of_weight, waiting};
use crate::support::people::register;
use crate::support::{ADMIN_TOKEN, Cluster, Served, eventually};

const BOARD: &str = "/api/v1/scores/scenario/deadlift/leaderboard";

async fn lift(server: &Served, token: &str, kg: f64) -> u16 {
    let path = "/api/v1/scores/scenario/deadlift";
    server.request("POST", path).bearer(token).json(&of_weight(kg)).send().await.status
}

async fn best_on_board(server: &Served) -> Option<f64> {
    let board: Value = server.request("GET", BOARD).send().await.expect(200).json();
    board[0]["score_value"].as_f64()
}

async fn shown_on_board(server: &Served) -> Value {
    server.request("GET", BOARD).send().await.expect(200).json()[0]["user"]["display_name"].clone()
}

/// How often a board has been asked for, of whichever database.
async fn boards_asked_for(server: &Served) -> u64 {
    let text = server.request("GET", "/metrics").send().await.expect(200);
    let text = String::from_utf8(text.body.to_vec()).unwrap();
    let name = "db_query_duration_seconds_count{statement=\"scores/list_board\"} ";
    text.lines().find_map(|line| line.strip_prefix(name)).expect("boards are timed").parse().unwrap()
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
    let token = register(server.address, "ada").await.token;
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
    let variables =
        [("DATABASE_URL", url.as_str()), ("DATABASE_URL_REPLICA", &replica), ("ADMIN_API_TOKEN", ADMIN_TOKEN)];
    let server = Served::start(&variables).await;
    let token = register(server.address, "ada").await.token;
    assert_eq!(lift(&server, &token, 100.0).await, 200);
    eventually("the replica", async || server.said().contains("the replica serves reads")).await;
    eventually("the lift on the board", async || best_on_board(&server).await == Some(100.0)).await;

    // What the replica is kept from, the board does not show, for as long as that is young.
    let copied = follower.client().await;
    copied.batch_execute("select pg_wal_replay_pause()").await.unwrap();
    let exercise = json!({ "id": "log_toss", "name": "Log Toss" });
    server.request("POST", "/api/v1/scenarios").bearer(ADMIN_TOKEN).json(&exercise).send().await.expect(200);
    let name = json!({ "display_name": "Ada L." });
    server.request("PATCH", "/api/v1/users/me").bearer(&token).json(&name).send().await.expect(200);
    assert_eq!(lift(&server, &token, 120.0).await, 200);
    assert_eq!(shown_on_board(&server).await, json!(null), "the replica answers");
    let asked = boards_asked_for(&server).await;
    assert_eq!(best_on_board(&server).await, Some(100.0), "the replica answers");
    assert_eq!(boards_asked_for(&server).await, asked + 1, "and its time is taken as the primary's");
    // What must show at once is asked of the primary: one's own lifts and account, and the exercises.
    let me = server.request("GET", "/api/v1/users/me").bearer(&token).send().await.expect(200).json();
    let id = me["id"].as_str().unwrap();
    for (path, pointer, then) in [
        (format!("/api/v1/users/{id}"), "/display_name", json!("Ada L.")),
        ("/api/v1/users/username/ada".to_owned(), "/display_name", json!("Ada L.")),
        (format!("/api/v1/scores/user/{id}/scenario/deadlift"), "/0/weight_lifted", json!(120.0)),
        (format!("/api/v1/scores/user/{id}/scenario/deadlift/highscore"), "/weight_lifted", json!(120.0)),
        ("/api/v1/scenarios/log_toss/details".to_owned(), "/name", json!("Log Toss")),
    ] {
        let answer = server.request("GET", &path).send().await.expect(200).json();
        assert_eq!(answer.pointer(pointer), Some(&then), "{path}");
    }
    let exercises = server.request("GET", "/api/v1/scenarios").send().await.expect(200).json();
    assert!(exercises.as_array().unwrap().iter().any(|listed| listed["id"] == "log_toss"));
    eventually("the primary in its place", async || best_on_board(&server).await == Some(120.0)).await;
    assert_eq!(shown_on_board(&server).await, json!("Ada L."));
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

#[tokio::test]
async fn who_leaves_takes_the_replicas_connection_from_nobody() {
    let primary = Cluster::start("fast");
    let follower = primary.follower();
    let (url, replica) = (primary.url(), follower.url());
    let server = Served::start(&[("DATABASE_URL", &url), ("DATABASE_URL_REPLICA", &replica)]).await;
    eventually("the replica", async || server.said().contains("the replica serves reads")).await;
    // The lock is copied, too, when something behind it in the log is committed: a board of lifts waits there.
    let (holder, copied) = (primary.client().await, follower.client().await);
    holder.batch_execute("begin; lock table personal_bests in access exclusive mode").await.unwrap();
    primary.client().await.batch_execute("create table whatever ()").await.unwrap();
    let is_copied = "select count(*) from pg_locks
        where mode = 'AccessExclusiveLock' and granted and relation = 'personal_bests'::regclass";
    eventually("the lock", async || copied.query_one(is_copied, &[]).await.unwrap().get::<_, i64>(0) > 0).await;
    let request = server.request("GET", BOARD);
    let reader = tokio::spawn(async move { request.send().await });
    eventually("the board at the lock", async || waiting(&copied).await == 1).await;
    reader.abort();
    let left = |line: &str| line.contains(r#""status":499"#);
    eventually("the end of its request", async || server.said().lines().any(left)).await;
    server.request("GET", "/api/v1/energy/leaderboard").send().await.expect(200);
    assert!(!server.said().contains("the replica is behind or gone"), "it waited behind a stranger's statement");
    holder.batch_execute("rollback").await.unwrap();
}
