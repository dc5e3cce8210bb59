//! The wiring: everything a handler can reach, made once in `main` or in a test.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Notify, Semaphore};
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::crowd::Crowds;
use crate::db::Db;
use crate::flags::Flags;
use crate::http::files::Folder;
use crate::http::held::{Documents, Held};
use crate::http::stored::Answers;
use crate::limits::Limits;
use crate::mirror::Mirror;
use crate::outbound::Outbound;
use crate::password::Passwords;
use crate::storage::Storage;
use crate::telemetry::Telemetry;
use crate::time::Clock;
use crate::token::Tokens;

/// Webhooks that are written at one time; the others wait without a connection.
const WEBHOOKS_MAX: usize = 4;

/// Time between two looks whether the schema is there.
const SCHEMA_POLL: Duration = Duration::from_millis(500);

/// The service's parts.
pub struct App {
    /// The configuration.
    pub config: Config,
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Clock,
    /// Which features are switched on.
    pub flags: Flags,
    /// The way to others.
    pub outbound: Outbound,
    /// What operators see.
    pub telemetry: Arc<Telemetry>,
    /// Signing and verifying of tokens.
    pub tokens: Tokens,
    /// What counts requests.
    pub limits: Limits,
    /// The lane for password hashing.
    pub passwords: Passwords,
    /// The service's own documents.
    pub documents: Documents,
    /// What was answered about boards.
    pub answers: Answers,
    /// Those who have the same done for them at the same time.
    pub crowds: Crowds,
    /// The list of exercises, as it is answered.
    pub exercises: Mirror<Held>,
    /// Stored pictures, to be written.
    pub storage: Storage,
    /// Stored pictures, for anybody.
    pub static_files: Folder,
    /// The web app's build, if there is one.
    pub web_app: Option<Folder>,
    /// Turns of webhooks: a burst of them must not take the connections that lifters need.
    pub webhook_turns: Semaphore,
    /// Writes that go on when their client has gone; a shutdown waits for them.
    pub writes: TaskTracker,
    /// The program's own runtime, on which they run.
    pub runtime: Handle,
    /// To be rung when a transaction that left events was committed: the worker need not wait for its next look.
    pub outbox_bell: Notify,
    draining: AtomicBool,
    migrated: AtomicBool,
}

impl App {
    /// The parts, put together, in the program's own runtime. `migrated`: whether the schema is known to be up to date.
    #[must_use]
    pub fn new(config: Config, db: Db, clock: Clock, migrated: bool) -> Self {
        Self {
            outbound: Outbound::new(config.outbound_root_cert.clone()),
            telemetry: Arc::new(Telemetry::new(db.query_times(), &config.telemetry)),
            flags: Flags::default(),
            tokens: Tokens::new(&config.tokens),
            limits: Limits::default(),
            passwords: Passwords::new(),
            documents: Documents::default(),
            answers: Answers::default(),
            crowds: Crowds::default(),
            exercises: Mirror::default(),
            storage: Storage::new(config.folders.storage.clone()),
            static_files: Folder::new(config.folders.storage.clone()),
            web_app: web_app(&config),
            webhook_turns: Semaphore::new(WEBHOOKS_MAX),
            writes: TaskTracker::new(),
            runtime: Handle::current(),
            outbox_bell: Notify::new(),
            draining: AtomicBool::new(false),
            migrated: AtomicBool::new(migrated),
            config,
            db,
            clock,
        }
    }

    /// Whether the process is shutting down.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Says that the process is shutting down.
    pub fn start_draining(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Whether the schema is as new as this binary.
    #[must_use]
    pub fn is_migrated(&self) -> bool {
        self.migrated.load(Ordering::Relaxed)
    }

    /// Waits until it is.
    pub async fn migrated(&self) {
        while !self.is_migrated() {
            tokio::time::sleep(SCHEMA_POLL).await;
        }
    }

    /// Says that the schema is as new as this binary.
    pub fn set_migrated(&self) {
        self.migrated.store(true, Ordering::Relaxed);
    }
}

/// The folder of the web app's build, if there is one: without it the service is an API and nothing else.
fn web_app(config: &Config) -> Option<Folder> {
    let folder = config.folders.web_app.as_ref()?;
    if !folder.is_dir() {
        tracing::warn!("FRONTEND_WEB_DIR is no folder: there is no web app");
        return None;
    }
    Some(Folder::new(folder.clone()))
}
