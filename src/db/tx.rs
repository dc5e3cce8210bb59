//! Transactions. What writes more than one row runs inside [`Db::tx`], which commits when the work succeeds, rolls back when
//! it does not, and runs it again when PostgreSQL broke a deadlock.
//!
//! Always holds: a connection returns to the pool only after its transaction has ended for certain. One that was left in the
//! middle (a handler that was cancelled or panicked, a commit without an answer) is closed instead, which ends it.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use deadpool_postgres::Object;
use tokio::sync::{Mutex, MutexGuard};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::pg_error::{StatementError, statement_error};
use super::pool::Db;
use super::statement::{Conn, Statement};
use super::unnamed;
use crate::config::PoolMode;
use crate::error::{Error, Result};
use crate::telemetry::QueryTimes;

/// How often a transaction is run before a deadlock is told to the caller.
const ATTEMPTS: u32 = 3;
/// Pause before it is run again, twice as long the second time. A row that comes free is whoever's asks first, not whoever's has
/// waited: run again at once, it would be in the way of the same transaction until the last attempt.
const RETRY_PAUSE: Duration = Duration::from_millis(50);

/// A transaction, read committed: each statement sees what was committed before it began. Statements that are sent together
/// run in the order in which they are first polled, prepared before or not, so joins of dependent ones are `biased`.
#[derive(Clone)]
pub struct Tx(Arc<Session>);

struct Session {
    connection: Option<Object>,
    in_transaction: AtomicBool,
    turns: Mutex<()>,
    times: QueryTimes,
    mode: PoolMode,
}

/// Prepares the statement if this connection does not know it, and sends it when all that were polled before it are sent: one
/// that has to be prepared first is not overtaken by one that has not.
macro_rules! run_in_turn {
    ($session:expr, $statement:expr, $method:ident, $params:expr) => {{
        let wrap = |error| StatementError::new($statement.file, error);
        let connection = $session.connection()?;
        if $session.mode == PoolMode::Transaction {
            let turn = $session.turns.lock().await;
            return Ok(sent(turn, unnamed::$method(connection, $statement, $params)).await.map_err(wrap)?);
        }
        let prepare = connection.prepare_cached($statement.text);
        let (turn, prepared) = tokio::join!(biased; $session.turns.lock(), prepare);
        let prepared = prepared.map_err(wrap)?;
        Ok(sent(turn, connection.$method(&prepared, $params)).await.map_err(wrap)?)
    }};
}

/// Ends the turn as soon as the statement is sent, and waits for its answer.
async fn sent<T>(turn: MutexGuard<'_, ()>, answer: impl Future<Output = T>) -> T {
    let (mut turn, mut answer) = (Some(turn), pin!(answer));
    std::future::poll_fn(|context| {
        let polled = answer.as_mut().poll(context); // the first poll sends it
        turn = None;
        polled
    })
    .await
}

impl Session {
    fn connection(&self) -> Result<&Object> {
        self.connection.as_ref().ok_or_else(|| Error::internal("the transaction has no connection"))
    }

    async fn command(&self, command: &'static str) -> Result<()> {
        let done = self.connection()?.batch_execute(command);
        let done = async { Ok(done.await.map_err(|error| StatementError::new(command, error))?) };
        self.times.observe(command, done).await
    }

    async fn begin(&self) -> Result<()> {
        self.in_transaction.store(true, Ordering::Relaxed);
        self.command("begin").await
    }

    async fn end(&self, command: &'static str) -> Result<()> {
        self.command(command).await?;
        self.in_transaction.store(false, Ordering::Relaxed);
        Ok(())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.in_transaction.load(Ordering::Relaxed) {
            drop(self.connection.take().map(Object::take)); // out of the pool, and closed
        }
    }
}

impl Conn for Tx {
    async fn rows(&self, statement: &'static Statement, params: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>> {
        self.0.times.observe(statement.file, async { run_in_turn!(self.0, statement, query, params) }).await
    }

    async fn execute(&self, statement: &'static Statement, params: &[&(dyn ToSql + Sync)]) -> Result<u64> {
        self.0.times.observe(statement.file, async { run_in_turn!(self.0, statement, execute, params) }).await
    }
}

impl Db {
    /// Runs the work in one transaction on one pooled connection.
    ///
    /// # Errors
    /// What the work answers, or `Unavailable` if the connection is lost. An error means that nothing was changed, but for a
    /// connection that is lost during the commit itself, whose outcome nobody can know.
    pub async fn tx<T, F>(&self, work: impl Fn(Tx) -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        self.while_there(self.tx_to_its_end(work)).await
    }

    async fn tx_to_its_end<T, F>(&self, work: impl Fn(Tx) -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        let session = Arc::new(Session {
            connection: Some(self.connection().await?),
            in_transaction: AtomicBool::new(false),
            turns: Mutex::new(()),
            times: self.query_times().clone(),
            mode: self.mode(),
        });
        let mut attempt = 1;
        loop {
            session.begin().await?;
            match work(Tx(Arc::clone(&session))).await {
                Ok(value) => {
                    session.end("commit").await?;
                    return Ok(value);
                }
                Err(error) => {
                    let rolled_back = session.end("rollback").await;
                    if rolled_back.is_err() || attempt == ATTEMPTS || !is_transient(&error) {
                        return Err(error);
                    }
                    tokio::time::sleep(RETRY_PAUSE * attempt).await;
                    attempt += 1;
                }
            }
        }
    }
}

fn is_transient(error: &Error) -> bool {
    statement_error(error).is_some_and(StatementError::is_transient)
}
