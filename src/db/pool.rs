//! Connections: a pool for transactions, writes and unbounded reads, and the shared lane for short reads.
//!
//! Always holds: nobody waits for ever. A full pool answers 503 after [`POOL_WAIT`]; a statement ends after
//! [`STATEMENT_TIMEOUT_MAX`] at the server; an idle connection is asked whether it lives before it is used; while a statement
//! takes long, the server is asked whether it is there at all. A connection is handed out only when nothing runs on it.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{
    Hook, HookError, Manager, ManagerConfig, Object, Pool, QueueMode, RecyclingMethod, Runtime, Status, Timeouts,
};
use tokio::runtime::Handle;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config as PgConfig, Connection, Row, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;
use tokio_util::context::TokioContext;

use super::dsn::{Dsn, DsnError};
use super::gathered::{Gathered, Value};
use super::pg_error::StatementError;
use super::replica::Replica;
use super::shared::SharedLane;
use super::statement::{Conn, Lane, Statement};
use super::{tls, unnamed};
use crate::config::{Config, PoolMode};
use crate::error::{Error, Result};
use crate::telemetry::QueryTimes;
use crate::threads;

/// Time to wait for a free pooled connection, opening one included.
const POOL_WAIT: Duration = Duration::from_millis(1_800);
/// Time to open a connection for the pool.
const POOL_CREATE: Duration = Duration::from_millis(1_500);
/// What of it is left, where there are several hosts, for the exchange with the one that answers.
const HANDSHAKE: Duration = Duration::from_millis(500);
/// Time for the check of an idle connection.
const POOL_RECYCLE: Duration = Duration::from_millis(1_000);
/// Idle time after which a connection is checked before use: a restart in between is likely noticed, a busy one pays nothing.
const IDLE_CHECK_AFTER: Duration = Duration::from_secs(5);
/// No statement of a request runs longer: the handler's deadline (8 s) comes after it.
const STATEMENT_TIMEOUT_MAX: Duration = Duration::from_secs(5);
/// Time to wait for a lock; above it the lifter has many requests in flight and gets a 503.
const LOCK_TIMEOUT: Duration = Duration::from_secs(4);
/// A transaction that its request left behind is ended by the server.
const IDLE_IN_TRANSACTION: Duration = Duration::from_secs(10);
/// Time after which a statement without an answer raises the question whether the server is there.
const DOUBT_AFTER: Duration = Duration::from_millis(700);
/// Time for the answer to that question. Callers are promised a 503 within two seconds.
const PULSE_WAIT: Duration = Duration::from_millis(800);
/// Time for a statement that nobody waits for any more; its connection is closed if it takes longer.
const ABANDONED_WAIT: Duration = Duration::from_secs(6);
/// Clients of the shared lane for what does not run on a thread of connections: writes, and the work beside the requests. A
/// client pipelines whatever comes, so more would only be idle.
pub(super) const SHARED_CLIENTS: usize = 2;

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    pool: Pool,
    shared: Arc<SharedLane>,
    gathered: Arc<Gathered>,
    pulse: Arc<SharedLane>,
    runtime: Handle,
    own: Arc<(PgConfig, MakeRustlsConnect)>,
    times: QueryTimes,
    replica: Option<Arc<Replica>>,
    mode: PoolMode,
}

/// The encrypted or plain stream below a connection.
type Stream = <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream;

impl Db {
    /// The pool and the lane for this address; connects when first used. The runtime in which it is made is the one that drives
    /// the connections, whoever needs a new one, but for those that belong to a thread.
    ///
    /// # Errors
    /// A sentence if TLS cannot be set up as the address asks.
    pub fn new(dsn: &Dsn, config: &Config) -> Result<Self, DsnError> {
        let runtime = Handle::current();
        let (pool, pg, tls) = pool_for(dsn, config)?;
        let replica = match &config.database_url_replica {
            Some(url) => {
                let (pool, ..) = pool_for(&Dsn::parse(url.expose())?, config)?;
                Some(Arc::new(Replica::new(pool, runtime.clone(), config.pool_mode)))
            }
            None => None,
        };
        let lane = |threads, clients| SharedLane::new((pg.clone(), tls.clone()), &runtime, threads, clients);
        let (pulse, shared) = (Arc::new(lane(0, 1)), Arc::new(lane(threads::count(), SHARED_CLIENTS)));
        let own = match &config.database_url_direct {
            Some(url) => own(&Dsn::parse(url.expose())?, config)?,
            None => (pg, tls),
        };
        let (own, times) = (Arc::new(own), QueryTimes::default());
        let gathered = Arc::new(Gathered::new(threads::count()));
        Ok(Self { pool, shared, gathered, pulse, runtime, own, times, replica, mode: config.pool_mode })
    }

    /// Keeps an eye on the replica, if there is one, without which it is never asked.
    pub async fn watch_replica(&self) {
        if let Some(replica) = &self.replica {
            replica.watch(&self.pool).await;
        }
    }

    /// A connection of the pool.
    ///
    /// # Errors
    /// `Unavailable` if there is none in time.
    pub async fn connection(&self) -> Result<Object> {
        let connection = TokioContext::new(self.pool.get(), self.runtime.clone());
        let connection = match tokio::time::timeout(POOL_WAIT, connection).await {
            Ok(connection) => connection.map_err(Error::unavailable),
            Err(elapsed) => Err(Error::unavailable(elapsed)),
        };
        connection.inspect_err(|_| self.times.no_connection())
    }

    /// What a connection to it is.
    pub(super) fn mode(&self) -> PoolMode {
        self.mode
    }

    /// The shared lane.
    pub(super) fn shared(&self) -> &SharedLane {
        &self.shared
    }

    /// A session for one purpose, beside the pool and past whatever shares sessions.
    ///
    /// # Errors
    /// PostgreSQL's, or the network's.
    pub(super) async fn open_own(&self) -> Result<(Client, Connection<Socket, Stream>), tokio_postgres::Error> {
        let (pg, tls) = &*self.own;
        pg.connect(tls.clone()).await
    }

    /// Does the work for as long as the server is there; a server that is merely slow is waited for. The work is pinned where it
    /// is made: a future that is handed on is copied, and each of the copies is a part of the request's.
    ///
    /// # Errors
    /// What the work answers, or `Unavailable` as soon as the server is found to be silent.
    pub(super) async fn while_there<T>(&self, work: Pin<&mut impl Future<Output = Result<T>>>) -> Result<T> {
        tokio::select! {
            biased;
            done = work => done,
            error = self.silence() => Err(error),
        }
    }

    /// Ends when the server does not answer, on a connection that nothing else uses.
    async fn silence(&self) -> Error {
        loop {
            tokio::time::sleep(DOUBT_AFTER).await;
            let pulse = async {
                let client = self.pulse.client().await?;
                client.simple_query("").await.map_err(Error::unavailable)
            };
            match tokio::time::timeout(PULSE_WAIT, pulse).await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return error,
                Err(elapsed) => {
                    self.pulse.forget();
                    return Error::unavailable(elapsed);
                }
            }
        }
    }

    /// Whether some reads may be a copy's, which can be of the past.
    #[must_use]
    pub fn has_replica(&self) -> bool {
        self.replica.is_some()
    }

    /// How long statements take.
    #[must_use]
    pub fn query_times(&self) -> &QueryTimes {
        &self.times
    }

    /// How the pool stands.
    #[must_use]
    pub fn pool_status(&self) -> Status {
        self.pool.status()
    }

    /// Closes every connection; later requests get 503.
    pub fn close(&self) {
        self.pool.close();
    }
}

/// A pool of connections to this address, and what opens one.
fn pool_for(dsn: &Dsn, config: &Config) -> Result<(Pool, PgConfig, MakeRustlsConnect), DsnError> {
    let tls = tls::connector(dsn)?;
    let mut pg = session(dsn, config);
    // Several hosts share the time for opening a connection: a silent first one must leave some to the second.
    if let (2.., Ok(hosts)) = (pg.get_hosts().len(), u32::try_from(pg.get_hosts().len())) {
        pg.connect_timeout((POOL_CREATE - HANDSHAKE) / hosts);
    }
    let manager_config = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = Manager::from_config(pg.clone(), tls.clone(), manager_config);
    let recycle = config.pool_recycle;
    let pool = Pool::builder(manager)
        .max_size(config.pool_size)
        .queue_mode(QueueMode::Lifo) // few warm sessions rather than all of them in turn
        .runtime(Runtime::Tokio1)
        .timeouts(Timeouts { wait: Some(POOL_WAIT), create: Some(POOL_CREATE), recycle: Some(POOL_RECYCLE) })
        .pre_recycle(Hook::async_fn(move |client, metrics| {
            Box::pin(async move {
                if metrics.age() > recycle {
                    return Err(HookError::message("old enough to be replaced"));
                }
                if metrics.last_used() > IDLE_CHECK_AFTER {
                    client.simple_query("").await.map_err(HookError::Backend)?;
                }
                Ok(())
            })
        }))
        .build()
        .map_err(|error| DsnError(error.to_string()))?;
    Ok((pool, pg, tls))
}

/// What opens a session that nobody shares.
fn own(dsn: &Dsn, config: &Config) -> Result<(PgConfig, MakeRustlsConnect), DsnError> {
    let alone = Config { pool_mode: PoolMode::Session, ..config.clone() };
    Ok((session(dsn, &alone), tls::connector(dsn)?))
}

/// How a connection is opened, with the settings of every session; where sessions are shared, the role has to have them. `jit`
/// never pays for queries as short as ours. Nor does planning a statement anew for each of its values, which PostgreSQL would do
/// wherever it takes a plan for all values to be dearer: our statements are written to have one plan.
#[must_use]
pub fn session(dsn: &Dsn, config: &Config) -> PgConfig {
    let (mut pg, statement_timeout) = (dsn.config.clone(), config.statement_timeout.min(STATEMENT_TIMEOUT_MAX));
    if pg.get_application_name().is_none() {
        pg.application_name("repduel-backend");
    }
    if config.pool_mode == PoolMode::Transaction {
        return pg;
    }
    let given = pg.get_options().unwrap_or_default();
    let options = format!(
        "{given} -c jit=off -c plan_cache_mode=force_generic_plan -c statement_timeout={} -c lock_timeout={} -c idle_in_transaction_session_timeout={}",
        statement_timeout.as_millis(),
        LOCK_TIMEOUT.as_millis(),
        IDLE_IN_TRANSACTION.as_millis(),
    );
    pg.options(options.trim().to_owned());
    pg
}

/// Runs a statement on whatever a client is, pooled or shared.
macro_rules! run {
    ($client:expr, $mode:expr, $statement:expr, $method:ident, $params:expr) => {{
        let wrap = |error| StatementError::new($statement.file, error);
        if $mode == PoolMode::Transaction {
            return Ok(unnamed::$method(&$client, $statement, $params).await.map_err(wrap)?);
        }
        let prepared = $client.prepare_cached($statement.text).await.map_err(wrap)?;
        Ok($client.$method(&prepared, $params).await.map_err(wrap)?)
    }};
}

/// A pooled connection for one statement. When its caller leaves before the answer, it goes back to the pool only after the
/// answer: whoever got it before would wait for a stranger's statement.
pub(super) struct Lease(Option<Object>, PoolMode);

impl Lease {
    /// A lease on this connection.
    pub(super) fn of(connection: Object, mode: PoolMode) -> Self {
        Self(Some(connection), mode)
    }

    fn connection(&self) -> Result<&Object> {
        self.0.as_ref().ok_or_else(|| Error::internal("the connection was given back"))
    }

    pub(super) async fn rows(&self, statement: &'static Statement, params: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>> {
        let connection = self.connection()?;
        run!(connection, self.1, statement, query, params)
    }

    async fn execute(&self, statement: &'static Statement, params: &[&(dyn ToSql + Sync)]) -> Result<u64> {
        let connection = self.connection()?;
        run!(connection, self.1, statement, execute, params)
    }

    /// Gives it back with nothing running on it.
    pub(super) fn end(mut self) {
        drop(self.0.take());
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some((object, runtime)) = self.0.take().zip(tokio::runtime::Handle::try_current().ok()) else { return };
        runtime.spawn(async move {
            if tokio::time::timeout(ABANDONED_WAIT, object.simple_query("")).await.is_err() {
                drop(Object::take(object)); // out of the pool, and closed
            }
        });
    }
}

impl Conn for Db {
    async fn rows(&self, statement: &'static Statement, params: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>> {
        if let (Lane::Replicated | Lane::GatheredReplicated, Some(replica)) = (statement.lane, &self.replica)
            && let Some(rows) = replica.rows(&self.times, statement, params).await
        {
            return Ok(rows);
        }
        let work = pin!(async {
            match statement.lane {
                Lane::Shared | Lane::Gathered => {
                    let client = self.shared.client().await?;
                    let run = pin!(async { run!(client, self.mode, statement, query, params) });
                    self.times.observe(statement.file, run).await
                }
                Lane::Pooled | Lane::Replicated | Lane::GatheredReplicated => {
                    let lease = Lease::of(self.connection().await?, self.mode);
                    let answer = self.times.observe(statement.file, pin!(lease.rows(statement, params))).await;
                    lease.end();
                    answer
                }
            }
        });
        self.while_there(work).await
    }

    async fn rows_gathered(&self, statement: &'static Statement, values: Vec<Value>) -> Result<Vec<Row>> {
        self.times.follow(statement.file, self.gathered.rows(self, statement, values)).await
    }

    async fn execute(&self, statement: &'static Statement, params: &[&(dyn ToSql + Sync)]) -> Result<u64> {
        let work = pin!(async {
            let lease = Lease::of(self.connection().await?, self.mode);
            let answer = self.times.observe(statement.file, pin!(lease.execute(statement, params))).await;
            lease.end();
            answer
        });
        self.while_there(work).await
    }
}
