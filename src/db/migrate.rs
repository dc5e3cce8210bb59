//! The schema: refinery's migrations, then the indexes that are built beside the traffic, then what is filled in beside it.
//!
//! One starter at a time: an advisory lock, which is polled rather than waited for, because a waiting statement would hold up
//! the concurrent building of indexes that the other starter may be doing. Every step is repeatable: a second run changes
//! nothing.

use std::time::Duration;

use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

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
/// A migration that cannot get a lock within this time steps back and tries again later: everybody behind it waits as well.
/// Far below PostgreSQL's `deadlock_timeout` (1 s), so that in a deadlock it is the migration that gives way.
const LOCK_TIMEOUT_MS: u32 = 300;
/// Time that traffic has to itself before the next try.
const STEP_BACK: Duration = Duration::from_millis(700);
/// How often a migration steps back before the start fails: a minute's worth.
const ATTEMPTS: u32 = 60;

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
    let impatient = format!("set lock_timeout = {LOCK_TIMEOUT_MS}");
    client.batch_execute(&format!("set jit = off; {impatient}")).await.map_err(Error::unavailable)?;
    while !try_lock(client).await? {
        tokio::time::sleep(LOCK_POLL).await;
    }
    let applied = apply(client).await?;
    // Building an index concurrently keeps nobody waiting while it waits for old transactions, such as a backup's.
    client.batch_execute("set lock_timeout = 0").await.map_err(Error::unavailable)?;
    for statement in INDEXES.split("\n\n") {
        build_index(client, statement).await?;
    }
    client.batch_execute(&impatient).await.map_err(Error::unavailable)?;
    backfill(client).await?;
    seed(client).await?;
    Ok(applied)
}

/// Applies the migrations that are missing, each in a transaction of its own. Answers their versions.
async fn apply(client: &mut Client) -> Result<Vec<i32>> {
    let (mut applied, mut patience) = (Vec::new(), Patience(ATTEMPTS));
    loop {
        // Migrations that this binary does not know are a newer release's: after a step back it serves on their schema.
        let runner = embedded::migrations::runner().set_abort_missing(false);
        let outcome = runner.run_async(client).await;
        let report = outcome.as_ref().map_or_else(refinery::Error::report, Some);
        applied.extend(report.iter().flat_map(|report| report.applied_migrations()).map(refinery::Migration::version));
        let Err(error) = outcome else { return Ok(applied) };
        let cause = std::error::Error::source(&error).and_then(|cause| cause.downcast_ref());
        if !patience.outlasts(cause).await {
            return Err(Error::internal(error));
        }
    }
}

/// Runs the procedures that migrations left: `backfill_…`, which commit as they go. One that is still there has not come to
/// its end.
async fn backfill(client: &Client) -> Result<()> {
    // They go through a table in parts, from where the part before ended: only a plan for that value begins there.
    client.batch_execute("set plan_cache_mode = force_custom_plan").await.map_err(Error::internal)?;
    let left = "select quote_ident(proname) from pg_proc
        where prokind = 'p' and starts_with(proname, 'backfill_') and pg_function_is_visible(oid) order by proname";
    for row in client.query(left, &[]).await.map_err(Error::internal)? {
        let name: String = row.try_get(0).map_err(Error::internal)?;
        tracing::info!(procedure = name, "filling in what is new for what is old");
        let (call, mut patience) = (format!("call {name}()"), Patience(ATTEMPTS));
        while let Err(error) = client.batch_execute(&call).await {
            if !patience.outlasts(Some(&error)).await {
                return Err(Error::internal(error));
            }
        }
        client.batch_execute(&format!("drop procedure {name}()")).await.map_err(Error::internal)?;
    }
    Ok(())
}

/// How often a step will still be tried again.
struct Patience(u32);

impl Patience {
    /// Whether to try again after this failure: somebody else was in the way, and has had time to get out of it.
    async fn outlasts(&mut self, failure: Option<&tokio_postgres::Error>) -> bool {
        let in_the_way = [&SqlState::LOCK_NOT_AVAILABLE, &SqlState::T_R_DEADLOCK_DETECTED];
        let code = failure.and_then(tokio_postgres::Error::code);
        if self.0 == 0 || !code.is_some_and(|code| in_the_way.contains(&code)) {
            return false;
        }
        self.0 -= 1;
        tracing::info!(attempts_left = self.0, "a migration stepped back: what it needs is in use");
        tokio::time::sleep(STEP_BACK).await;
        true
    }
}

async fn try_lock(client: &Client) -> Result<bool> {
    let row = client.query_one("select pg_try_advisory_lock($1)", &[&LOCK_KEY]).await.map_err(Error::unavailable)?;
    row.try_get(0).map_err(Error::internal)
}

/// Builds the index of this paragraph unless it is there and whole.
async fn build_index(client: &Client, paragraph: &str) -> Result<()> {
    let text: String = paragraph.lines().filter(|line| !line.starts_with("--")).collect::<Vec<_>>().join("\n");
    let Some(name) = text.split_whitespace().skip_while(|word| *word != "concurrently").nth(1) else {
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
    tracing::info!(index = name, "building an index");
    client.batch_execute(&text).await.map_err(Error::internal)
}

#[cfg(test)]
mod tests {
    use super::embedded;

    /// The checksums of the migrations that databases have gone through, from the first version on.
    const PUBLISHED: &[u64] = &[
        0xff76_2dde_7ca7_ac7d,
        0xc5c7_8f07_1a52_0772,
        0xb459_3347_422d_b562,
        0xccd1_a82b_e8db_1470,
        0xbaa4_fe6b_d168_a27f,
        0x8a68_c31b_1c69_2e4f,
        0x5e2f_d184_eb70_9e55,
        0xf38f_f381_36cf_765b,
        0x8ab7_b7b7_7838_a55b,
        0x95e9_8598_1b9e_1a1a,
        0x1ec4_b69a_2733_d888,
        0x0e88_6ba3_c17e_1a36,
        0x35b6_f2f3_1d9b_5e9d,
        0xccfd_9f71_0335_a1e8,
        0xe97f_2ab3_4765_a296,
        0xc825_5183_663b_442d,
        0x542b_778f_c23a_5112,
        0xb8a8_140d_195f_5794,
        0xf372_5118_cc51_734b,
        0xe196_5786_b742_8fd6,
        0xf7f5_f6cd_495f_3754,
        0x882e_f2ed_9d8e_e34b,
        0x3cb0_77e4_88fd_e610,
        0x400f_12f4_c153_d8d8,
        0x1a8d_a45e_5d8a_e669,
        0x6f22_6f02_d53d_59c3,
        0xa834_13e9_ac2b_122d,
    ];

    #[test]
    fn what_databases_went_through_is_never_edited() {
        let mut migrations = embedded::migrations::runner().get_migrations().clone();
        migrations.sort();
        let found: Vec<u64> = migrations.iter().map(refinery::Migration::checksum).collect();
        assert_eq!(found, PUBLISHED, "a new migration adds its checksum; a changed one needs a new version instead");
    }
}
