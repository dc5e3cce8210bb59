//! Configuration: one table of variables, one pure function from the environment to [`Config`].
//!
//! [`VARS`] is the only list: the [`reader`] looks names up in it, the README's table is checked against it. What belongs together
//! is read and checked together: [`edge`], [`database`], [`tokens`], [`files`], [`telemetry`], [`payments`]. All mistakes are
//! reported together, by name, never with the value. Nothing else in the service reads the environment.

mod database;
mod edge;
mod files;
mod outbound;
mod payments;
mod reader;
mod telemetry;
mod tokens;
mod variables;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::budget::Quotas;
use crate::network::Network;
use reader::Reader;

pub use database::PoolMode;
pub use files::{FolderConfig, PictureConfig};
pub use outbound::{Outbound, outbound};
pub use payments::PaymentConfig;
pub use reader::origin_of;
pub use telemetry::{LogFormat, SentryDsn, TelemetryConfig};
pub use tokens::{CookieConfig, SameSite, TokenConfig};
pub use variables::{VARS, Var};

/// A secret value. Printing it prints `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The value itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl From<&str> for Secret {
    fn from(value: &str) -> Self {
        Self(value.to_owned())
    }
}

/// Where the service runs; decides what is taken for granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppEnv {
    /// A developer's machine.
    Development,
    /// A rehearsal of production.
    Staging,
    /// The real thing: browsers on localhost are strangers, secrets must be long.
    Production,
}

impl AppEnv {
    fn read(reader: &mut Reader<'_>) -> Self {
        let must = "be development, staging or production";
        reader.parsed("APP_ENV", must, Self::Production, |text| match text {
            "development" => Some(Self::Development),
            "staging" => Some(Self::Staging),
            "production" => Some(Self::Production),
            _ => None,
        })
    }
}

/// The whole configuration, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the service runs.
    pub app_env: AppEnv,
    /// What to listen on.
    pub listen: SocketAddr,
    /// The unix socket that leads to this process and no other.
    pub private_socket: Option<PathBuf>,
    /// The file that keeps this process from accepting connections.
    pub hold_file: Option<PathBuf>,
    /// Address of this server, without a slash at the end.
    pub base_url: String,
    /// Databases to try, in order: internal, remote.
    pub database_urls: Vec<(&'static str, Secret)>,
    /// A copy of the database that follows it.
    pub database_url_replica: Option<Secret>,
    /// Whether a connection is one session of the database.
    pub pool_mode: PoolMode,
    /// The database past whatever shares its sessions.
    pub database_url_direct: Option<Secret>,
    /// Whether the service refuses to start without a database.
    pub strict_bootstrap: bool,
    /// Time for each attempt at the start.
    pub bootstrap_timeout: Duration,
    /// Pooled connections at most.
    pub pool_size: usize,
    /// Age at which a connection is replaced.
    pub pool_recycle: Duration,
    /// Time a statement may take.
    pub statement_timeout: Duration,
    /// Signing of tokens.
    pub tokens: TokenConfig,
    /// Bearer token of the admin routes.
    pub admin_token: Option<Secret>,
    /// The refresh cookie.
    pub cookie: CookieConfig,
    /// Origins that may call the API from a browser, `scheme://host[:port]`.
    pub allowed_origins: Vec<String>,
    /// Where stored pictures are read from.
    pub pictures: PictureConfig,
    /// Folders that are served.
    pub folders: FolderConfig,
    /// The iOS app that opens links to here: its team and bundle.
    pub apple_app_id: Option<String>,
    /// Host names that are served; empty: all.
    pub trusted_hosts: Vec<String>,
    /// Machines of ours that say on whose behalf they ask.
    pub trusted_proxies: Vec<Network>,
    /// How many requests in how much time; `None`: as many as come.
    pub budgets: Option<Quotas>,
    /// Who may read the figures, beside this machine.
    pub metrics_allow: Vec<Network>,
    /// Who is told about traces and failures.
    pub telemetry: TelemetryConfig,
    /// Authorities that calls to others trust beside the platform's.
    pub outbound_root_cert: Option<PathBuf>,
    /// The curve of levels.
    pub levels: LevelConfig,
    /// Work in the background.
    pub outbox: OutboxConfig,
    /// Stripe and RevenueCat.
    pub payments: PaymentConfig,
    /// Filter of log events.
    pub log_level: tracing::Level,
    /// Form of log lines; `None`: decided by standard error.
    pub log_format: Option<LogFormat>,
}

/// The curve of levels: level L needs `base × (L − 1)²` experience points.
#[derive(Clone, Copy, Debug)]
pub struct LevelConfig {
    /// Points for level 2.
    pub base: i32,
    /// The highest level.
    pub max_level: i32,
}

impl LevelConfig {
    fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            base: i32::try_from(reader.integer("XP_CURVE_BASE", 1, 200_000)).unwrap_or(100),
            max_level: i32::try_from(reader.integer("XP_MAX_LEVEL", 1, 100)).unwrap_or(100),
        }
    }
}

/// Work in the background.
#[derive(Clone, Copy, Debug)]
pub struct OutboxConfig {
    /// Events that a worker handles at one time.
    pub concurrency: usize,
    /// Time between two looks for due events.
    pub poll: Duration,
    /// Time for which an event is in one worker's hands, unless prolonged.
    pub lease_s: i64,
    /// Longest pause after the first failed attempt.
    pub retry_backoff_s: u32,
    /// Attempts before an event is given up.
    pub attempts_max: u32,
}

impl OutboxConfig {
    fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            concurrency: usize::try_from(reader.integer("OUTBOX_CONCURRENCY", 1, 64)).unwrap_or(1),
            poll: reader.seconds("OUTBOX_POLL_SECONDS", 60),
            lease_s: reader.integer("OUTBOX_LEASE_SECONDS", 1, 3600),
            retry_backoff_s: u32::try_from(reader.integer("OUTBOX_RETRY_BACKOFF_SECONDS", 1, 3600)).unwrap_or(30),
            attempts_max: u32::try_from(reader.integer("OUTBOX_RETRY_MAX_ATTEMPTS", 1, 1000)).unwrap_or(12),
        }
    }
}

/// Everything that is wrong with the environment, a sentence each.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<String>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl Config {
    /// The configuration that these variables say, or everything that is wrong with them.
    ///
    /// # Errors
    /// One sentence for each variable that is missing or cannot be used, naming it without its value.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigErrors> {
        let mut reader = Reader::new(&lookup);
        let app_env = AppEnv::read(&mut reader);
        let listen = edge::listen(&mut reader);
        let base_url = reader.address("BASE_URL");
        let config = Self {
            app_env,
            listen,
            private_socket: reader.optional("REPDUEL_PRIVATE_SOCKET").map(PathBuf::from),
            hold_file: reader.optional("REPDUEL_HOLD_FILE").map(PathBuf::from),
            database_urls: database::urls(&mut reader),
            database_url_replica: reader.secret("DATABASE_URL_REPLICA"),
            pool_mode: PoolMode::read(&mut reader),
            database_url_direct: reader.secret("DATABASE_URL_DIRECT"),
            strict_bootstrap: reader.switch("REPDUEL_STRICT_DB_BOOTSTRAP"),
            bootstrap_timeout: reader.seconds("REPDUEL_DB_BOOTSTRAP_TIMEOUT", 600),
            pool_size: usize::try_from(reader.integer("DATABASE_POOL_SIZE", 1, 1000)).unwrap_or(1),
            pool_recycle: reader.seconds("DATABASE_POOL_RECYCLE_SECONDS", 86_400),
            statement_timeout: reader.seconds("DATABASE_TIMEOUT", 3600),
            tokens: TokenConfig::read(&mut reader, app_env),
            admin_token: tokens::admin_token(&mut reader, app_env),
            cookie: CookieConfig::read(&mut reader),
            allowed_origins: edge::origins(&mut reader),
            pictures: PictureConfig::read(&mut reader, &base_url),
            folders: FolderConfig::read(&mut reader),
            apple_app_id: files::apple_app_id(&mut reader),
            trusted_hosts: edge::trusted_hosts(&reader),
            trusted_proxies: edge::trusted_proxies(&mut reader),
            budgets: edge::budgets(&mut reader),
            telemetry: TelemetryConfig::read(&mut reader),
            outbound_root_cert: reader.optional("OUTBOUND_ROOT_CERT").map(PathBuf::from),
            metrics_allow: edge::metrics_allow(&mut reader),
            levels: LevelConfig::read(&mut reader),
            outbox: OutboxConfig::read(&mut reader),
            payments: PaymentConfig::read(&mut reader, app_env),
            log_level: telemetry::log_level(&mut reader),
            log_format: LogFormat::read(&mut reader),
            base_url,
        };
        if reader.errors.is_empty() { Ok(config) } else { Err(ConfigErrors(reader.errors)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn config(pairs: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
        let lookup = |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Config::from_lookup(lookup)
    }

    pub(super) const LEAST: [(&str, &str); 2] = [("DATABASE_URL", "postgres://h/d"), ("JWT_SECRET_KEY", "short")];

    /// What production wants beside it.
    pub(super) const PRODUCTION: [(&str, &str); 4] = [
        ("APP_ENV", "production"),
        ("STRIPE_SECRET_KEY", "sk_1"),
        ("STRIPE_WEBHOOK_SECRET", "whsec_1"),
        ("REVENUECAT_WEBHOOK_AUTH_TOKEN", "token"),
    ];

    #[test]
    fn the_least_that_is_needed_is_enough_in_development() {
        let config = config(&LEAST).unwrap();
        assert_eq!(config.listen, "127.0.0.1:9999".parse().unwrap());
        assert_eq!(config.tokens.refresh_secret, config.tokens.access_secret);
        assert!(config.strict_bootstrap);
        assert_eq!(config.allowed_origins, ["https://www.repduel.com", "http://localhost:3000"]);
    }

    #[test]
    fn all_mistakes_are_told_at_once_by_name_without_the_value() {
        let errors = config(&[
            ("PORT", "canary"),
            ("APP_ENV", "canary"),
            ("COOKIE_SAMESITE", "canary"),
            ("TRUSTED_PROXIES", "::1, canary"),
        ])
        .unwrap_err();
        let text = errors.to_string();
        for name in ["PORT", "APP_ENV", "COOKIE_SAMESITE", "TRUSTED_PROXIES", "DATABASE_URL", "JWT_SECRET_KEY"] {
            assert!(text.contains(name), "{name} is missing in {text}");
        }
        assert!(!text.contains("canary"));
    }

    #[test]
    fn aliases_and_lists_are_read() {
        let mut pairs = LEAST.to_vec();
        pairs.extend([
            ("DATABASE_URL_LOCAL", "postgres://l/d"),
            ("CORS_ALLOW_ORIGINS", r#"["https://A.example/","http://b:81"]"#),
        ]);
        let config = config(&pairs).unwrap();
        assert_eq!(config.database_urls[0].0, "DATABASE_URL_INTERNAL");
        assert!(config.allowed_origins.contains(&"https://a.example".to_owned()));
        assert!(config.allowed_origins.contains(&"http://b:81".to_owned()));
    }

    #[test]
    fn every_variable_is_read_under_each_of_its_names() {
        let asked = std::cell::RefCell::new(std::collections::BTreeSet::new());
        let lookup = |name: &str| {
            asked.borrow_mut().insert(name.to_owned());
            None
        };
        assert!(Config::from_lookup(lookup).is_err());
        let known = VARS.iter().flat_map(|var| std::iter::once(&var.name).chain(var.aliases));
        assert_eq!(asked.take(), known.map(|name| (*name).to_owned()).collect());
    }

    #[test]
    fn secrets_do_not_print() {
        let pairs = [
            "JWT_SECRET_KEY",
            "ADMIN_API_TOKEN",
            "STRIPE_SECRET_KEY",
            "STRIPE_WEBHOOK_SECRET",
            "REVENUECAT_WEBHOOK_AUTH_TOKEN",
        ];
        let pairs: Vec<_> =
            pairs.into_iter().map(|name| (name, "canary")).chain([("DATABASE_URL", "postgres://h/canary")]).collect();
        assert!(!format!("{:?}", config(&pairs).unwrap()).contains("canary"));
    }
}
