//! The replica: a copy of the database that follows it, for boards and other reads that are everybody's. It is asked only while
//! it is no more than [`LAG_MAX`] behind; whatever it fails to answer, the primary does.
//!
//! How far it is behind is seen from where both stand in the log, not from clocks or from what the replica thinks of its own
//! connection: a replica that is cut off would think that it has everything.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use deadpool_postgres::Pool;
use tokio::runtime::Handle;
use tokio::time::timeout_at;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use tokio_util::context::TokioContext;

use super::pool::Lease;
use super::statement::Statement;
use crate::config::PoolMode;
use crate::error::{Error, Result};
use crate::telemetry::QueryTimes;

/// How far behind it may be.
const LAG_MAX: Duration = Duration::from_secs(5);
/// Time between two looks at it.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Time for its answer, so that the primary has time for one as well.
const ANSWER_WAIT: Duration = Duration::from_secs(2);

/// Where a server stands in the log, in bytes; null for a replica that follows nobody any more.
const PRIMARY_AT: &str = "select (pg_current_wal_lsn() - '0/0')::bigint";
const REPLICA_AT: &str =
    "select case when pg_is_in_recovery() then (coalesce(pg_last_wal_replay_lsn(), '0/0') - '0/0')::bigint end";

/// A replica and what is known of it.
pub struct Replica {
    pool: Pool,
    runtime: Handle,
    mode: PoolMode,
    fit: AtomicBool,
}

impl Replica {
    /// One that is asked as soon as it has been found near enough; this runtime drives its connections.
    pub fn new(pool: Pool, runtime: Handle, mode: PoolMode) -> Self {
        Self { pool, runtime, mode, fit: AtomicBool::new(false) }
    }

    /// What it answers, or nothing if the primary should be asked.
    pub async fn rows(
        &self,
        times: &QueryTimes,
        statement: &'static Statement,
        params: &[&(dyn ToSql + Sync)],
    ) -> Option<Vec<Row>> {
        if !self.fit.load(Ordering::Relaxed) {
            return None;
        }
        let until = tokio::time::Instant::now() + ANSWER_WAIT;
        let client = TokioContext::new(self.pool.get(), self.runtime.clone());
        let rows = match timeout_at(until, client).await {
            Ok(Ok(client)) => {
                let lease = Lease::of(client, self.mode);
                let asked =
                    async { timeout_at(until, lease.rows(statement, params)).await.map_err(Error::unavailable)? };
                let rows = times.observe(statement.file, pin!(asked)).await.ok();
                if rows.is_some() {
                    lease.end();
                }
                rows
            }
            _ => None,
        };
        if rows.is_none() {
            self.judge(false); // until the next look
        }
        rows
    }

    /// Looks again and again how far it is behind this primary.
    pub async fn watch(&self, primary: &Pool) {
        let mut seen = VecDeque::new();
        let mut beat = tokio::time::interval(LOOK_EVERY);
        loop {
            beat.tick().await;
            if let Ok(at) = position(primary, PRIMARY_AT).await {
                seen.push_back((Instant::now(), at));
            }
            let reached = position(&self.pool, REPLICA_AT).await.unwrap_or(None);
            // Of the places where the primary has been, those that the replica has passed are done with but for the last.
            while seen.get(1).is_some_and(|(_, at)| *at <= reached) {
                seen.pop_front();
            }
            let near = seen.front().is_some_and(|(when, at)| *at <= reached && when.elapsed() <= LAG_MAX);
            self.judge(near && reached.is_some());
            seen.retain(|(when, _)| when.elapsed() <= 2 * LAG_MAX);
        }
    }

    fn judge(&self, fit: bool) {
        if self.fit.swap(fit, Ordering::Relaxed) != fit {
            if fit {
                tracing::info!("the replica serves reads");
            } else {
                tracing::warn!("the replica is behind or gone; the primary serves its reads");
            }
        }
    }
}

async fn position(pool: &Pool, query: &str) -> Result<Option<i64>> {
    let asked = async {
        let client = pool.get().await.map_err(Error::unavailable)?;
        client.query_typed_one(query, &[]).await.map_err(Error::unavailable)?.try_get(0).map_err(Error::internal)
    };
    tokio::time::timeout(ANSWER_WAIT, asked).await.map_err(Error::unavailable)?
}
