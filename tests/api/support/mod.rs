//! What the tests stand on: a database each, the server in the test's own process, a client that holds every answer against
//! the OpenAPI document.

pub mod app;
pub mod browser;
pub mod caddy;
pub mod checks;
pub mod client;
pub mod cluster;
pub mod database;
pub mod folder;
pub mod form;
pub mod ledger;
pub mod load;
pub mod logs;
pub mod machine;
pub mod people;
pub mod program;
pub mod proxy;
pub mod raw;
pub mod receiver;
pub mod samples;
pub mod stripe;
pub mod tls;

use std::time::{Duration, Instant};

pub use app::{ADMIN_TOKEN, Lifter, PASSWORD, TestApp};
pub use browser::{Browser, Site};
pub use checks::{at_once, keys};
pub use client::{Answer, Request};
pub use cluster::Cluster;
pub use database::TestDatabase;
pub use folder::TestFolder;
pub use load::Load;
pub use machine::Machine;
pub use program::Served;
pub use proxy::Proxy;
pub use stripe::Stripe;

/// Time after which a condition that should come about has failed to.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until the condition holds; fails the test when it takes too long.
pub async fn eventually<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let began = Instant::now();
    while !condition().await {
        assert!(began.elapsed() < PATIENCE, "{what} did not come about");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
