//! The server, PostgreSQL and Caddy killed under load, in any order: the service is whole again without a hand but the service
//! manager's, which starts again what ended.

use serde_json::json;

use crate::support::caddy::Caddy;
use crate::support::cluster::{Cluster, signalling};
use crate::support::ledger::{Dice, assert_books};
use crate::support::{Lifter, Load, Machine, eventually};

/// Clients of the load: 160 requests a second together.
const CLIENTS: usize = 8;
/// Answers in a row without a failure after which the service is whole.
const WHOLE: usize = 150;

/// A lifter who registers and logs in as people do.
async fn register(caddy: &Caddy, name: &str) -> Lifter {
    let json = [("content-type", "application/json")];
    let account = json!({ "username": name, "email": format!("{name}@example.com"), "password": "lift-heavy" });
    let account = caddy.send("POST", "/api/v1/users", &json, &account.to_string()).await.expect(201).json();
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let words = format!("username={name}%40example.com&password=lift-heavy");
    let login = caddy.send("POST", "/api/v1/users/login", &form, &words).await.expect(200).json();
    let token = login["access_token"].as_str().unwrap().to_owned();
    let me = [("authorization", format!("Bearer {token}")), ("content-type", "application/json".to_owned())];
    let me: Vec<_> = me.iter().map(|(name, value)| (*name, value.as_str())).collect();
    caddy.send("PATCH", "/api/v1/users/me", &me, r#"{"weight": 80}"#).await.expect(200);
    Lifter { id: account["id"].as_str().unwrap().parse().unwrap(), token }
}

/// Waits until requests are answered without a failure.
async fn until_whole(load: &Load) {
    let mut since = (load.answered(), load.failures().len());
    eventually("a service that is whole", || {
        let now = (load.answered(), load.failures().len());
        if now.1 != since.1 {
            since = now;
        }
        std::future::ready(now.0 >= since.0 + WHOLE)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_killed_the_service_is_whole_again_by_itself() {
    let cluster = Cluster::start("durable");
    let mut machine = Machine::start(&cluster.url()).await;
    let first = machine.build("first");
    let redeployed = machine.redeploy(Some(&first)).await;
    assert_eq!(redeployed.code, Some(0), "{}", redeployed.said);
    let mut lifters = Vec::new();
    for number in 0..CLIENTS {
        lifters.push(register(&machine.caddy, &format!("client{number}")).await);
    }
    let load = Load::of(lifters, machine.caddy.connector().unwrap());
    until_whole(&load).await;
    let mut dice = Dice::thrown();
    // Each of the six orders of three, one after another or two at once.
    for order in [[0, 1, 2], [1, 2, 0], [2, 0, 1], [0, 2, 1], [2, 1, 0], [1, 0, 2]] {
        for (place, victim) in order.into_iter().enumerate() {
            match victim {
                0 => {
                    eventually("a server", async || machine.server_of("blue").is_some()).await;
                    let server = machine.server_of("blue").unwrap();
                    assert!(signalling("KILL", [&server]).status().unwrap().success());
                }
                1 => {
                    cluster.kill();
                    cluster.start_again_durable();
                }
                _ => {
                    machine.caddy.kill().await;
                    machine.caddy.start_again().await;
                }
            }
            if place == 2 || dice.below(2) == 0 {
                until_whole(&load).await;
            }
        }
    }
    let client = cluster.client().await;
    let figures = load.end(&client).await;
    assert_books(&client).await;
    println!("{} requests answered, {} failed around 18 kills", figures.took.len(), figures.failures.len());
    assert!(!figures.failures.is_empty(), "no kill met anybody");
}
