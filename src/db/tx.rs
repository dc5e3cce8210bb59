//! Transactions. What writes more than one row runs inside [`Db::tx`], which commits when the work succeeds, rolls back when
//! it does not, and runs it again when PostgreSQL broke a deadlock.
//!
//! Its `begin` takes no round trip where the work begins with statements that only read or lock: they are sent with it.
//!
//! Always holds: nothing is written before `begin` was answered; a connection returns to the pool only after its transaction has
//! ended for certain. One that was left in the middle (a handler that was cancelled or panicked, a commit without an answer) is
//! closed instead, which ends it.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use deadpool_postgres::Object;
use tokio::sync::{Mutex, MutexGuard, SetOnce};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::gathered::{self, Value};
use super::pg_error::{StatementError, statement_error};
use super::pool::Db;
use super::statement::{Conn, Statement};
use super::unnamed;
use crate::config::PoolMode;
use crate::error::{Error, Result};
use crate::telemetry::QueryTimes;

/// How a transaction is run.
struct Manner {
    begin: &'static str,
    /// How often, before a deadlock is told to the caller.
    attempts: u32,
}

/// As most are.
const PATIENT: Manner = Manner { begin: "begin", attempts: 3 };
/// As one that many wait for: what others hold for longer than most transactions take is not waited for.
const HASTY: Manner = Manner { begin: "begin; set local lock_timeout = 100", attempts: 1 };
/// Pause before it is run again, twice as long the second time. A row that comes free is whoever's asks first, not whoever's has
/// waited: run again at once, it would be in the way of the same transaction until the last attempt.
const RETRY_PAUSE: Duration = Duration::from_millis(50);

/// A transaction, read committed: each statement sees what was committed before it began. Statements that are sent together
/// run in the order in which they are first polled, prepared before or not, so joins of dependent ones are `biased`.
#[derive(Clone)]
pub struct Tx {
    session: Arc<Session>,
    begun: Arc<SetOnce<()>>,
}

struct Session {
    connection: Option<Object>,
    in_transaction: AtomicBool,
    turns: Mutex<()>,
    times: QueryTimes,
    mode: PoolMode,
}

/// Prepares the statement if this connection does not know it, and sends it when all that were polled before it are sent: one
/// that has to be prepared first, or to wait for `begin`, is not overtaken by one that has not.
macro_rules! run_in_turn {
    ($tx:expr, $statement:expr, $method:ident, $params:expr) => {{
        let wrap = |error| StatementError::new($statement.file, error);
        let connection = $tx.session.connection()?;
        if $tx.session.mode == PoolMode::Transaction {
            let turn = $tx.turn($statement).await;
            let answer = pin!(unnamed::$method(connection, $statement, $params));
            let answer = pin!(async { Ok(sent(turn, answer).await.map_err(wrap)?) });
            return $tx.session.times.observe($statement.file, answer).await;
        }
        let prepare = pin!(connection.prepare_cached($statement.text));
        let (turn, prepared) = tokio::join!(biased; $tx.turn($statement), prepare);
        let prepared = prepared.map_err(wrap)?;
        let answer = pin!(connection.$method(&prepared, $params));
        let answer = pin!(async { Ok(sent(turn, answer).await.map_err(wrap)?) });
        $tx.session.times.observe($statement.file, answer).await
    }};
}

/// Ends the turn as soon as the statement is sent, and waits for its answer.
async fn sent<T>(turn: MutexGuard<'_, ()>, mut answer: Pin<&mut impl Future<Output = T>>) -> T {
    let mut turn = Some(turn);
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
        let done = pin!(self.connection()?.batch_execute(command));
        let done = pin!(async { Ok(done.await.map_err(|error| StatementError::new(command, error))?) });
        self.times.observe(command, done).await
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

impl Tx {
    /// Begins, and does the work; what the work sends before it waits for anything is sent together with `begin`.
    async fn run<T, F: Future<Output = Result<T>>>(
        session: &Arc<Session>,
        begin: &'static str,
        work: impl Fn(Self) -> F,
    ) -> Result<T> {
        let begun = Arc::new(SetOnce::new());
        session.in_transaction.store(true, Ordering::Relaxed);
        let begin = async {
            session.command(begin).await?;
            let _ = begun.set(());
            Ok(())
        };
        let work = pin!(work(Self { session: Arc::clone(session), begun: Arc::clone(&begun) }));
        tokio::try_join!(biased; begin, work).map(|((), value)| value)
    }

    /// The turn of this statement. One that writes has it when the transaction has begun for certain: it would stay otherwise.
    async fn turn(&self, statement: &Statement) -> MutexGuard<'_, ()> {
        let turn = self.session.turns.lock().await;
        if !statement.only_reads() {
            self.begun.wait().await;
        }
        turn
    }
}

impl Conn for Tx {
    async fn rows(&self, statement: &'static Statement, params: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>> {
        run_in_turn!(self, statement, query, params)
    }

    async fn rows_gathered(&self, statement: &'static Statement, values: Vec<Value>) -> Result<Vec<Row>> {
        Ok(gathered::together(self, statement, vec![values]).await?.pop().unwrap_or_default())
    }

    async fn execute(&self, statement: &'static Statement, params: &[&(dyn ToSql + Sync)]) -> Result<u64> {
        run_in_turn!(self, statement, execute, params)
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
        self.while_there(pin!(self.tx_to_its_end(PATIENT, work))).await
    }

    /// The same for work that many wait for; nothing, and nothing done, where it would have to wait itself for more than a tenth
    /// of a second for what somebody else has locked, or comes to nothing because of others in some other way.
    ///
    /// # Errors
    /// As [`Db::tx`].
    pub async fn tx_unless_held<T, F>(&self, work: impl Fn(Tx) -> F) -> Result<Option<T>>
    where
        F: Future<Output = Result<T>>,
    {
        match self.while_there(pin!(self.tx_to_its_end(HASTY, work))).await {
            Err(error) if statement_error(&error).is_some_and(StatementError::is_held) => Ok(None),
            outcome => outcome.map(Some),
        }
    }

    async fn tx_to_its_end<T, F>(&self, manner: Manner, work: impl Fn(Tx) -> F) -> Result<T>
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
            match Tx::run(&session, manner.begin, &work).await {
                Ok(value) => {
                    session.end("commit").await.map_err(Error::unavailable)?; // whatever failed, it may be committed
                    return Ok(value);
                }
                Err(error) => {
                    let rolled_back = session.end("rollback").await;
                    if rolled_back.is_err() || attempt == manner.attempts || !is_transient(&error) {
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
