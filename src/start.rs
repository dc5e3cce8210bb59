//! Starting: from a configuration to an app with a database whose schema is up to date.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use hyper::Method;
use hyper::header::{HeaderMap, HeaderValue};
use tokio::time::Instant;

use crate::app::App;
use crate::config::Config;
use crate::db::bootstrap::{self, Candidate, Refused};
use crate::db::dsn::{Dsn, DsnError};
use crate::db::pool::session;
use crate::db::{Db, migrate};
use crate::domain::scenarios::catalogue;
use crate::domain::{flags, scenarios};
use crate::error::{Cause, Error, Result};
use crate::mirror;
use crate::outbound::client::{Call, authorities};
use crate::telemetry::sending::{Parcel, Post};
use crate::time::Clock;

/// Pause between two looks for files that nobody will finish.
const SWEEP: Duration = Duration::from_secs(3600);

/// Pause between two looks for a database that was away at the start.
const RETRY: Duration = Duration::from_secs(1);

/// Why the service does not start.
#[derive(Debug)]
pub enum StartError {
    /// No database can be reached.
    NoDatabase(Refused),
    /// The address asks for something that cannot be had.
    Address(DsnError),
    /// The authorities that calls to others are to trust cannot be read.
    Authorities(Cause),
    /// The schema cannot be brought up to date.
    Migration(Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDatabase(refused) => refused.fmt(f),
            Self::Address(error) => write!(f, "the database's address {error}"),
            Self::Authorities(error) => write!(f, "OUTBOUND_ROOT_CERT cannot be used: {error}"),
            Self::Migration(error) => {
                write!(f, "the schema cannot be brought up to date: {}", error.chain().unwrap_or_default())
            }
        }
    }
}

impl std::error::Error for StartError {}

/// Chooses the database, brings its schema up to date and wires the app. Where the configuration allows a start without a
/// database, the schema follows as soon as there is one.
///
/// # Errors
/// [`StartError`], one sentence per thing that is wrong.
pub async fn start(config: Config, clock: Clock) -> Result<Arc<App>, StartError> {
    if !config.folders.storage.is_dir() {
        tracing::warn!("STATIC_STORAGE_DIR is no folder: pictures can be neither stored nor shown");
    }
    if let Some(file) = &config.outbound_root_cert {
        authorities(file).map_err(StartError::Authorities)?;
    }
    let chosen = choose(&config).await.map_err(StartError::NoDatabase)?;
    let db = Db::new(&chosen.dsn, &config).map_err(StartError::Address)?;
    let direct = direct(&config, &chosen.dsn).map_err(StartError::Address)?;
    let watched = db.clone();
    tokio::spawn(async move { watched.watch_replica().await });
    if chosen.reachable {
        migrate(&direct).await.map_err(StartError::Migration)?;
        return Ok(begin(App::new(config, db, clock, true)));
    }
    let app = begin(App::new(config, db, clock, false));
    tokio::spawn(migrate_when_back(Arc::clone(&app), chosen.dsn, direct));
    Ok(app)
}

/// Begins what goes on beside the requests.
fn begin(app: App) -> Arc<App> {
    let app = Arc::new(app);
    app.telemetry.begin_sending(&post(&app));
    tokio::spawn(sweep(Arc::clone(&app)));
    tokio::spawn(follow(Arc::clone(&app)));
    app
}

/// Keeps the mirrors of small tables true. Never ends.
async fn follow(app: Arc<App>) {
    app.migrated().await;
    mirror::follow(&app.db, vec![flags::followed(&app), scenarios::followed(&app)]).await;
}

/// Time for sending something to who collects it, all attempts together.
const POST_WAIT: Duration = Duration::from_secs(10);
/// Time for each attempt.
const POST_ATTEMPT_WAIT: Duration = Duration::from_secs(5);
/// A receiver that was restarting may take it the second time.
const POST_ATTEMPTS_MAX: u32 = 2;
/// Bytes of a collector's answer; nobody reads them.
const POST_ANSWER_MAX_BYTES: usize = 64 * 1024;

/// What sends to those who collect traces and reports of failures.
fn post(app: &Arc<App>) -> Post {
    let app = Arc::clone(app);
    Arc::new(move |parcel: Parcel| {
        let app = Arc::clone(&app);
        Box::pin(async move {
            let mut headers = HeaderMap::new();
            for (name, text) in parcel.headers {
                let mut value = HeaderValue::try_from(text)?;
                value.set_sensitive(true);
                headers.insert(name, value);
            }
            let call = Call {
                method: Method::POST,
                uri: parcel.address.parse()?,
                headers,
                body: parcel.body.into(),
                attempts_max: POST_ATTEMPTS_MAX,
                attempt_wait: POST_ATTEMPT_WAIT,
                until: Instant::now() + POST_WAIT,
                answer_max_bytes: POST_ANSWER_MAX_BYTES,
            };
            Ok(app.outbound.call(&call).await?.status.as_u16())
        })
    })
}

/// Removes again and again what uploads of processes that were killed have left.
async fn sweep(app: Arc<App>) {
    loop {
        match app.storage.sweep().await {
            Ok(0) => {}
            Ok(files) => tracing::info!(files, "uploads that were never finished are removed"),
            Err(error) => tracing::warn!(cause = error.chain(), "uploads that were never finished cannot be removed"),
        }
        tokio::time::sleep(SWEEP).await;
    }
}

fn probe(dsn: Dsn, config: &Config) -> impl Future<Output = std::result::Result<(), String>> {
    let session = session(&dsn, config);
    bootstrap::probe(dsn, session, config.pool_mode)
}

/// Chooses the database of this configuration and logs what was tried.
///
/// # Errors
/// [`Refused`] if none can be reached and the configuration insists.
pub async fn choose(config: &Config) -> Result<bootstrap::Chosen, Refused> {
    let candidates = config.database_urls.iter();
    let candidates = candidates.map(|(name, url)| Candidate { name, dsn: Dsn::parse(url.expose()) }).collect();
    let (strict, timeout) = (config.strict_bootstrap, config.bootstrap_timeout);
    let chosen = bootstrap::choose(candidates, strict, timeout, |dsn| probe(dsn, config)).await?;
    for attempt in &chosen.failed {
        tracing::warn!(%attempt, "a database was passed over");
    }
    if chosen.reachable {
        tracing::info!(from = chosen.name, database = chosen.dsn.location(), "using this database");
    } else {
        tracing::warn!(
            from = chosen.name,
            database = chosen.dsn.location(),
            "no database can be reached; waiting for this one"
        );
    }
    Ok(chosen)
}

/// The address of the database past whatever shares its sessions.
///
/// # Errors
/// If it is none.
pub fn direct(config: &Config, chosen: &Dsn) -> Result<Dsn, DsnError> {
    let Some(url) = &config.database_url_direct else { return Ok(chosen.clone()) };
    Dsn::parse(url.expose()).map_err(|error| DsnError(format!("DATABASE_URL_DIRECT {error}")))
}

/// Brings the schema up to date and adds the exercises that are missing.
///
/// # Errors
/// As [`migrate::run`].
pub async fn migrate(dsn: &Dsn) -> Result<()> {
    let applied = migrate::run(dsn, catalogue::seed).await?;
    if !applied.is_empty() {
        tracing::info!(?applied, "the schema was brought up to date");
    }
    Ok(())
}

async fn migrate_when_back(app: Arc<App>, dsn: Dsn, direct: Dsn) {
    let mut told = None;
    let probed_and_migrated = async || {
        let probed = tokio::time::timeout(app.config.bootstrap_timeout, probe(dsn.clone(), &app.config)).await;
        probed.map_err(Error::unavailable)?.map_err(Error::unavailable)?;
        migrate(&direct).await
    };
    while let Err(error) = probed_and_migrated().await {
        let cause = error.chain();
        if cause != told {
            tracing::warn!(cause, "the schema is not up to date yet");
            told = cause;
        }
        tokio::time::sleep(RETRY).await;
    }
    tracing::info!(database = dsn.location(), "the database is there");
    app.set_migrated();
}
