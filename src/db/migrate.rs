//! The schema: refinery's migrations, then the indexes that are built beside the traffic.
//!
//! One starter at a time: an advisory lock, which is polled rather than waited for, because a waiting statement would hold up
//! the concurrent building of indexes that the other starter may be doing. Every step is repeatable: a second run changes
//! nothing.

use std::time::Duration;

use tokio_postgres::Client;

use super::dsn::Dsn;
use super::{bootstrap, tls};
use crate::error::{Error, Result};

mod embedded {
    refinery::embed_migrations!("migrations");
}

/// The indexes on large tables, one statement a paragraph.
const INDEXES: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/indexes.sql"));
/// The key of the advisory lock that one starter holds: `repduel` in ASCII.
const LOCK_KEY: i64 = 0x0072_6570_6475_656c;
/// Time to open the connection: a server that takes it and says nothing counts as away.
const CONNECT_WAIT: Duration = Duration::from_secs(5);
/// Time between two looks at the lock.
const LOCK_POLL: Duration = Duration::from_millis(50);
/// A migration that cannot get a table lock within this time gives up: everybody behind it would wait as well.
const LOCK_TIMEOUT_MS: u32 = 5_000;

/// The newest version that this binary knows.
#[must_use]
pub fn newest_version() -> i32 {
    embedded::migrations::runner().get_migrations().iter().map(refinery::Migration::version).max().unwrap_or(0)
}

/// Brings the schema up to date and runs `seed` behind it, all under the lock. Answers the versions that were applied.
///
/// # Errors
/// `Unavailable` if the database is away, `Internal` if a migration fails; the schema is then as the last good one left it.
pub async fn run<S>(dsn: &Dsn, seed: S) -> Result<Vec<i32>>
where
    S: AsyncFnOnce(&Client) -> Result<()>,
{
    let tls = tls::connector(dsn).map_err(Error::internal)?;
    let mut config = dsn.config.clone();
    config.application_name("repduel-backend migrate");
    let connected = tokio::time::timeout(CONNECT_WAIT, config.connect(tls)).await.map_err(Error::unavailable)?;
    let (mut client, connection) = connected.map_err(|error| Error::unavailable(bootstrap::sentence(&error, dsn)))?;
    let driver = tokio::spawn(connection);
    let applied = run_locked(&mut client, seed).await;
    drop(client); // ends the session, and with it the lock
    if let Ok(Err(error)) = driver.await {
        tracing::debug!(%error, "the migration's connection ended");
    }
    applied
}

async fn run_locked<S>(client: &mut Client, seed: S) -> Result<Vec<i32>>
where
    S: AsyncFnOnce(&Client) -> Result<()>,
{
    let settings = format!("set lock_timeout = {LOCK_TIMEOUT_MS}; set jit = off");
    client.batch_execute(&settings).await.map_err(Error::unavailable)?;
    while !try_lock(client).await? {
        tokio::time::sleep(LOCK_POLL).await;
    }
    // Migrations that this binary does not know are a newer release's: after a step back it serves on their schema.
    let runner = embedded::migrations::runner().set_abort_missing(false);
    let report = runner.run_async(client).await.map_err(Error::internal)?;
    for statement in INDEXES.split("\n\n") {
        build_index(client, statement).await?;
    }
    seed(client).await?;
    Ok(report.applied_migrations().iter().map(refinery::Migration::version).collect())
}

async fn try_lock(client: &Client) -> Result<bool> {
    let row = client.query_one("select pg_try_advisory_lock($1)", &[&LOCK_KEY]).await.map_err(Error::unavailable)?;
    row.try_get(0).map_err(Error::internal)
}

/// Builds the index of this statement unless it is there and whole.
async fn build_index(client: &Client, paragraph: &str) -> Result<()> {
    let statement: String = paragraph.lines().filter(|line| !line.starts_with("--")).collect::<Vec<_>>().join("\n");
    let Some(name) = statement.split_whitespace().skip_while(|word| *word != "concurrently").nth(1) else {
        return Ok(()); // a paragraph of comments
    };
    let state = "select i.indisvalid from pg_index i where i.indexrelid = to_regclass($1)";
    let found = client.query_opt(state, &[&name]).await.map_err(Error::internal)?;
    let valid: Option<bool> = found.map(|row| row.try_get(0)).transpose().map_err(Error::internal)?;
    match valid {
        Some(true) => return Ok(()),
        Some(false) => {
            let drop = format!("drop index concurrently {name}");
            client.batch_execute(&drop).await.map_err(Error::internal)?;
        }
        None => {}
    }
    client.batch_execute(&statement).await.map_err(Error::internal)
}
