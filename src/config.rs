//! Configuration: one table of variables, one pure function from the environment to [`Config`].
//!
//! [`VARS`] is the only list: the parser looks names up in it, the README's table is checked against it. All mistakes are
//! reported together, by name, never with the value. Nothing else in the service reads the environment.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::budget::{Budget, Quota, Quotas};
use crate::network::Network;

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

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// Text for people.
    Text,
}

/// The `SameSite` attribute of the refresh cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameSite {
    /// Sent across sites; needs `Secure`.
    None,
    /// Sent on top-level navigation only.
    Lax,
    /// Never sent across sites.
    Strict,
}

impl SameSite {
    /// As the cookie's attribute is written.
    #[must_use]
    pub const fn attribute(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Lax => "Lax",
            Self::Strict => "Strict",
        }
    }
}

/// One variable of the environment.
pub struct Var {
    /// Its name.
    pub name: &'static str,
    /// Older names that are still read, after `name`.
    pub aliases: &'static [&'static str],
    /// What holds when it is not set; empty: nothing.
    pub default: &'static str,
    /// Whether its value must never be shown.
    pub secret: bool,
    /// What it does.
    pub doc: &'static str,
}

const fn var(name: &'static str, default: &'static str, doc: &'static str) -> Var {
    Var { name, aliases: &[], default, secret: false, doc }
}

const fn secret(name: &'static str, doc: &'static str) -> Var {
    Var { name, aliases: &[], default: "", secret: true, doc }
}

impl Var {
    const fn or(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }
}

/// Every variable the service reads.
pub const VARS: &[Var] = &[
    var("APP_ENV", "development", "`development`, `staging` or `production`"),
    var("HOST", "127.0.0.1", "address to listen on"),
    var("PORT", "9999", "port to listen on; 0 picks a free one"),
    var("REPDUEL_PRIVATE_SOCKET", "", "unix socket on which this process answers as well, for itself; absent: none"),
    var("REPDUEL_HOLD_FILE", "", "while this file is there, connections to the port wait; absent: they never do"),
    var(
        "BASE_URL",
        "http://127.0.0.1:9999",
        "address under which clients reach this server; stored pictures hang below it",
    ),
    var(
        "APP_URL",
        "http://localhost:3000",
        "address of the web app; its origin may call the API, and `/profile` below it is where Stripe's portal leads back",
    ),
    secret("DATABASE_URL_INTERNAL", "the database on the private network, tried first").or(&["DATABASE_URL_LOCAL"]),
    secret("DATABASE_URL", "the database from outside, tried second").or(&["DATABASE_URL_REMOTE"]),
    secret("DATABASE_URL_REPLICA", "a copy that follows the database; serves boards while it is at most 5 s behind"),
    var(
        "DATABASE_POOL_MODE",
        "session",
        "`session`, or `transaction` behind a PgBouncer that gives each transaction another session",
    ),
    secret(
        "DATABASE_URL_DIRECT",
        "the database past PgBouncer, for migrations, notices and `with-database`; must be there with DATABASE_POOL_MODE=transaction",
    ),
    var("REPDUEL_STRICT_DB_BOOTSTRAP", "1", "1: no database, no start; 0: start and answer 503 until it is there"),
    var("REPDUEL_DB_BOOTSTRAP_TIMEOUT", "10", "seconds for each attempt at the start, as a whole"),
    var("DATABASE_POOL_SIZE", "20", "pooled connections at most"),
    var("DATABASE_POOL_RECYCLE_SECONDS", "3600", "age at which a connection is replaced"),
    var("DATABASE_TIMEOUT", "30", "seconds a statement may take; requests never wait longer than 5"),
    secret("JWT_SECRET_KEY", "signs access tokens; at least 32 bytes in production"),
    secret("JWT_SECRET_KEY_PREVIOUS", "verifies access tokens that were signed before the last change of the secret"),
    secret("REFRESH_JWT_SECRET_KEY", "signs refresh tokens; JWT_SECRET_KEY if absent").or(&["JWT_REFRESH_SECRET_KEY"]),
    secret(
        "REFRESH_JWT_SECRET_KEY_PREVIOUS",
        "verifies older refresh tokens; JWT_SECRET_KEY_PREVIOUS while REFRESH_JWT_SECRET_KEY is absent",
    )
    .or(&["JWT_REFRESH_SECRET_KEY_PREVIOUS"]),
    var("ACCESS_TOKEN_EXPIRE_MINUTES", "60", "life of an access token"),
    var(
        "REFRESH_TOKEN_EXPIRE_DAYS",
        "30",
        "days that a session lasts without a refresh, and life of its token and cookie; 90 days at most",
    ),
    var(
        "REFRESH_STRICT",
        "false",
        "whether the refresh token before the current one ends its session, too, once 10 s have passed",
    ),
    var("ACCEPT_LEGACY_TOKENS", "true", "whether tokens that name no session, as the earlier server's, are valid"),
    var("TOKEN_ISSUER", "repduel", "the `iss` of tokens; another one is refused"),
    var("TOKEN_AUDIENCE", "repduel-api", "the `aud` of tokens; another one is refused"),
    secret("ADMIN_API_TOKEN", "bearer token of the admin routes; absent: they answer 403"),
    var("COOKIE_DOMAIN", "", "`Domain` of the refresh cookie; absent: this host only"),
    var("COOKIE_SECURE", "true", "whether the refresh cookie is `Secure`"),
    var("COOKIE_SAMESITE", "none", "`SameSite` of the refresh cookie: `none`, `lax` or `strict`"),
    var("FRONTEND_ORIGINS", "", "origins that may call the API: a JSON array or a comma list")
        .or(&["CORS_ALLOW_ORIGINS"]),
    var("STATIC_PUBLIC_BASE", "", "address of the CDN in front of stored pictures; its origin may call the API"),
    var("STATIC_PREFER_CDN", "false", "whether picture addresses point to STATIC_PUBLIC_BASE"),
    var("STATIC_STORAGE_DIR", "/var/lib/repduel/static", "folder of stored pictures, served below `/static`"),
    var("FRONTEND_WEB_DIR", "", "folder of the web app's build, served at `/`; absent: no web app"),
    var("KEEP_SW", "false", "whether the web app's `/flutter_service_worker.js` is served, rather than gone (410)"),
    var("APPLE_TEAM_ID", "", "team of the iOS app that opens links to here; absent: no app does"),
    var("IOS_BUNDLE_ID", "io.repduel.app", "bundle of that app"),
    var("TRUSTED_HOSTS", "", "comma list of Host names that are served; empty: all"),
    var(
        "TRUSTED_PROXIES",
        "127.0.0.0/8, ::1",
        "comma list of addresses and networks whose `X-Forwarded-For` and `-Proto` are believed; `none`: nobody's",
    ),
    var("RATE_LIMIT_ENABLED", "true", "whether requests are counted against the budgets below"),
    var("RATE_LIMIT_LOGIN_LIMIT", "10", "logins to one account"),
    var("RATE_LIMIT_LOGIN_WINDOW_SECONDS", "60", "within these seconds"),
    var("RATE_LIMIT_LOGIN_ADDRESS_LIMIT", "60", "logins from one address"),
    var("RATE_LIMIT_LOGIN_ADDRESS_WINDOW_SECONDS", "60", "within these seconds"),
    var("RATE_LIMIT_REGISTER_LIMIT", "5", "registrations from one address"),
    var("RATE_LIMIT_REGISTER_WINDOW_SECONDS", "60", "within these seconds"),
    var("RATE_LIMIT_REGISTER_DAY_LIMIT", "100", "registrations from one address, in the long run"),
    var("RATE_LIMIT_REGISTER_DAY_WINDOW_SECONDS", "86400", "within these seconds"),
    var("RATE_LIMIT_REFRESH_LIMIT", "60", "refreshes of one session"),
    var("RATE_LIMIT_REFRESH_WINDOW_SECONDS", "60", "within these seconds"),
    var("RATE_LIMIT_FOLLOW_LIMIT", "60", "new follows of one lifter"),
    var("RATE_LIMIT_FOLLOW_WINDOW_SECONDS", "3600", "within these seconds"),
    var("RATE_LIMIT_READ_LIMIT", "1200", "reads of one lifter, or whatever comes from one address without a token"),
    var("RATE_LIMIT_READ_WINDOW_SECONDS", "60", "within these seconds"),
    var("RATE_LIMIT_WRITE_LIMIT", "240", "writes of one lifter"),
    var("RATE_LIMIT_WRITE_WINDOW_SECONDS", "60", "within these seconds"),
    var("METRICS_ALLOW", "", "comma list of addresses and networks that may read `/metrics`, beside this machine"),
    var(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "",
        "address of the OpenTelemetry collector that gets traces, without `/v1/traces`; absent: nobody gets any",
    ),
    var("OTEL_SERVICE_NAME", "repduel-backend", "the service's name in traces"),
    var(
        "OTEL_TRACES_SAMPLER_ARG",
        "1",
        "share of the requests that are traced, 0 to 1; one that comes with a trace is asked for or not by who sent it",
    ),
    secret("SENTRY_DSN", "where our failures are reported; absent: nowhere"),
    var("SENTRY_ENVIRONMENT", "", "the environment in these reports; APP_ENV if absent"),
    var("OUTBOUND_ROOT_CERT", "", "PEM file of authorities that calls to others trust beside the platform's"),
    var("XP_CURVE_BASE", "100", "experience for level 2; level L needs base × (L − 1)²"),
    var("XP_MAX_LEVEL", "100", "the highest level"),
    var("OUTBOX_CONCURRENCY", "4", "events that a worker handles at one time, and as many more that call others"),
    var("OUTBOX_POLL_SECONDS", "1", "time between two looks for due events, where no notice comes"),
    var("OUTBOX_LEASE_SECONDS", "60", "time after which the event of a worker that died is handled again"),
    var("OUTBOX_RETRY_BACKOFF_SECONDS", "30", "longest pause after the first failed attempt; doubles up to an hour"),
    var("OUTBOX_RETRY_MAX_ATTEMPTS", "12", "attempts before an event is given up"),
    secret(
        "STRIPE_SECRET_KEY",
        "Stripe's API key; must be there in production; elsewhere without it the payment routes answer 503",
    ),
    secret(
        "STRIPE_WEBHOOK_SECRET",
        "what Stripe signs its webhooks with; must be there in production; elsewhere without it they are answered 503",
    ),
    var("STRIPE_API_BASE", "https://api.stripe.com", "address of Stripe; plain http is taken outside production only"),
    var(
        "STRIPE_PRICE_TIERS",
        "",
        "JSON object from price ids to `gold` or `platinum`; a price that is not in it is gold",
    ),
    secret(
        "REVENUECAT_WEBHOOK_AUTH_TOKEN",
        "the `Authorization` of RevenueCat's webhooks; must be there in production; elsewhere without it they are answered 503",
    ),
    var(
        "REVENUECAT_SANDBOX",
        "false",
        "whether purchases in the stores' sandboxes count in production; elsewhere they do",
    ),
    var("LOG_LEVEL", "info", "`error`, `warn`, `info`, `debug` or `trace`"),
    var("LOG_FORMAT", "", "`json` or `text`; json unless standard error is a terminal"),
];

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

/// Secrets and terms of tokens.
#[derive(Clone, Debug)]
pub struct TokenConfig {
    /// Signs access tokens.
    pub access_secret: Secret,
    /// Verifies access tokens of before the last rotation.
    pub access_secret_previous: Option<Secret>,
    /// Signs refresh tokens.
    pub refresh_secret: Secret,
    /// Verifies refresh tokens of before the last rotation.
    pub refresh_secret_previous: Option<Secret>,
    /// Life of an access token.
    pub access_life_s: i64,
    /// Time that a session lasts without a refresh.
    pub refresh_life_s: i64,
    /// Whether the last refresh token but one ends its session outside of the grace.
    pub refresh_strict: bool,
    /// Whether tokens without a session are valid.
    pub accept_legacy: bool,
    /// The `iss` claim.
    pub issuer: String,
    /// The `aud` claim.
    pub audience: String,
}

/// Attributes of the refresh cookie.
#[derive(Clone, Debug)]
pub struct CookieConfig {
    /// `Domain`.
    pub domain: Option<String>,
    /// `Secure`.
    pub secure: bool,
    /// `SameSite`.
    pub same_site: SameSite,
}

/// Addresses of stored pictures.
#[derive(Clone, Debug)]
pub struct PictureConfig {
    /// What a stored key is put behind, without a slash at the end.
    pub public_base: String,
    /// Origins whose addresses are our own.
    pub own_origins: Vec<String>,
}

/// Folders that are served.
#[derive(Clone, Debug)]
pub struct FolderConfig {
    /// Stored pictures.
    pub storage: PathBuf,
    /// The web app's build.
    pub web_app: Option<PathBuf>,
    /// Whether its service worker is served.
    pub keeps_service_worker: bool,
}

/// Who is told about traces and failures.
#[derive(Clone, Debug)]
pub struct TelemetryConfig {
    /// Where spans go: the collector's address, without a slash at the end.
    pub collector: Option<String>,
    /// The service's name in traces.
    pub service: String,
    /// The share of requests without a trace of their own that are traced.
    pub traced_share: f64,
    /// Where failures are reported.
    pub sentry: Option<SentryDsn>,
    /// The environment's name.
    pub environment: String,
}

/// Where failures are reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentryDsn {
    /// The address that takes envelopes.
    pub envelopes: String,
    /// Who may report.
    pub key: Secret,
}

impl SentryDsn {
    /// `https://<key>@<host>[/<path>]/<project>`.
    fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let (key, rest) = rest.split_once('@')?;
        let (host, project) = rest.rsplit_once('/')?;
        let key = key
            .split(':')
            .next()
            .filter(|key| !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric()))?;
        let (host, path) =
            host.split_once('/').map_or((host, String::new()), |(host, path)| (host, format!("/{path}")));
        let origin = origin_of(&format!("{scheme}://{host}"))?;
        let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte));
        let fits = !project.is_empty() && is_plain(project) && is_plain(&path);
        fits.then(|| Self { envelopes: format!("{origin}{path}/api/{project}/envelope/"), key: key.into() })
    }
}

/// What a connection to the database is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolMode {
    /// A session, for as long as it is open.
    Session,
    /// A session of its own for each transaction and no longer: a PgBouncer in transaction mode stands between.
    Transaction,
}

/// The curve of levels: level L needs `base × (L − 1)²` experience points.
#[derive(Clone, Copy, Debug)]
pub struct LevelConfig {
    /// Points for level 2.
    pub base: i32,
    /// The highest level.
    pub max_level: i32,
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

/// Stripe and RevenueCat.
#[derive(Clone, Debug)]
pub struct PaymentConfig {
    /// Stripe's API key.
    pub stripe_key: Option<Secret>,
    /// Signs Stripe's webhooks.
    pub stripe_webhook_secret: Option<Secret>,
    /// Stripe's address, without a slash at the end.
    pub stripe_base: String,
    /// Price ids, and `gold` or `platinum`.
    pub price_tiers: BTreeMap<String, String>,
    /// The `Authorization` of RevenueCat's webhooks.
    pub revenuecat_token: Option<Secret>,
    /// Whether purchases in the stores' sandboxes count.
    pub sandbox_counts: bool,
    /// Address of the web app, without a slash at the end.
    pub app_url: String,
}

/// An address of others that the service calls.
#[derive(Debug, PartialEq, Eq)]
pub struct Outbound {
    /// The variable that says so.
    pub name: &'static str,
    /// The host.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// Variables with addresses of others, and the variable without which nobody is called there.
const OUTBOUND: [(&str, &str); 3] = [
    ("STRIPE_API_BASE", "STRIPE_SECRET_KEY"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"),
    ("SENTRY_DSN", "SENTRY_DSN"),
];

/// The addresses of others that the service calls with this environment.
pub fn outbound(lookup: impl Fn(&str) -> Option<String>) -> Vec<Outbound> {
    let given = |name: &str| lookup(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let usual = |name| VARS.iter().find(|var| var.name == name).map(|var| var.default.to_owned());
    let called = OUTBOUND.into_iter().filter(|(_, needed)| given(needed).is_some());
    called
        .filter_map(|(name, _)| {
            let address = given(name).or_else(|| usual(name))?;
            let (scheme, rest) = address.split_once("://")?;
            let place = rest.split(['/', '?', '#']).next()?;
            let place = place.rsplit_once('@').map_or(place, |(_, place)| place); // what stands before it may be a key
            let usual = if scheme == "http" { 80 } else { 443 };
            let (host, port) =
                place.rsplit_once(':').map_or((place, Some(usual)), |(host, port)| (host, port.parse().ok()));
            Some(Outbound { name, host: host.to_owned(), port: port? })
        })
        .collect()
}

/// Everything that is wrong with the environment, a sentence each.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<String>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

/// Reads values by the names in [`VARS`] and gathers mistakes.
struct Reader<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    errors: Vec<String>,
}

impl Reader<'_> {
    /// The value that is set, under the name or an alias. Empty counts as not set.
    fn set(&self, name: &str) -> Option<String> {
        let var = VARS.iter().find(|var| var.name == name)?;
        let mut names = std::iter::once(&var.name).chain(var.aliases);
        names
            .find_map(|name| (self.lookup)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty()))
    }

    /// The value, or the default; empty where there is neither.
    fn text(&self, name: &str) -> String {
        let default = || VARS.iter().find(|var| var.name == name).map_or("", |var| var.default).to_owned();
        self.set(name).unwrap_or_else(default)
    }

    fn optional(&self, name: &str) -> Option<String> {
        Some(self.text(name)).filter(|text| !text.is_empty())
    }

    fn secret(&self, name: &str) -> Option<Secret> {
        self.set(name).map(Secret)
    }

    fn fail(&mut self, name: &str, must: &str) {
        self.errors.push(format!("{name} must {must}"));
    }

    /// A value read by `parse`, or a mistake noted and the fallback taken.
    fn parsed<T>(&mut self, name: &str, must: &str, fallback: T, parse: impl Fn(&str) -> Option<T>) -> T {
        if let Some(value) = parse(&self.text(name)) {
            return value;
        }
        self.fail(name, must);
        fallback
    }

    fn integer(&mut self, name: &str, min: i64, max: i64) -> i64 {
        let within = |text: &str| text.parse().ok().filter(|number| (min..=max).contains(number));
        self.parsed(name, &format!("be a whole number from {min} to {max}"), min, within)
    }

    fn switch(&mut self, name: &str) -> bool {
        self.parsed(name, "be true or false", false, |text| match text.to_ascii_lowercase().as_str() {
            "1" | "true" | "yes" | "on" => Some(true),
            "0" | "false" | "no" | "off" => Some(false),
            _ => None,
        })
    }

    fn seconds(&mut self, name: &str, max: i64) -> Duration {
        Duration::from_secs(self.integer(name, 1, max).unsigned_abs())
    }

    /// An `http(s)` address without a slash at the end; empty where it is not set.
    fn address(&mut self, name: &str) -> String {
        self.parsed(name, "be an http or https address", String::new(), |text| {
            let good = text.is_empty() || origin_of(text).is_some();
            good.then(|| text.trim_end_matches('/').to_owned())
        })
    }
}

impl Config {
    /// The configuration that these variables say, or everything that is wrong with them.
    ///
    /// # Errors
    /// One sentence for each variable that is missing or cannot be used, naming it without its value.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigErrors> {
        let mut reader = Reader { lookup: &lookup, errors: Vec::new() };
        let app_env = read_app_env(&mut reader);
        let (host, port) = (reader.text("HOST"), reader.integer("PORT", 0, 65_535));
        let listen = read_listen(&mut reader, &host, port);
        let base_url = reader.address("BASE_URL");
        let config = Self {
            app_env,
            listen,
            private_socket: reader.optional("REPDUEL_PRIVATE_SOCKET").map(PathBuf::from),
            hold_file: reader.optional("REPDUEL_HOLD_FILE").map(PathBuf::from),
            database_urls: read_database_urls(&mut reader),
            database_url_replica: reader.secret("DATABASE_URL_REPLICA"),
            pool_mode: read_pool_mode(&mut reader),
            database_url_direct: reader.secret("DATABASE_URL_DIRECT"),
            strict_bootstrap: reader.switch("REPDUEL_STRICT_DB_BOOTSTRAP"),
            bootstrap_timeout: reader.seconds("REPDUEL_DB_BOOTSTRAP_TIMEOUT", 600),
            pool_size: usize::try_from(reader.integer("DATABASE_POOL_SIZE", 1, 1000)).unwrap_or(1),
            pool_recycle: reader.seconds("DATABASE_POOL_RECYCLE_SECONDS", 86_400),
            statement_timeout: reader.seconds("DATABASE_TIMEOUT", 3600),
            tokens: read_tokens(&mut reader, app_env),
            admin_token: read_admin_token(&mut reader, app_env),
            cookie: read_cookie(&mut reader),
            allowed_origins: read_origins(&mut reader),
            pictures: read_pictures(&mut reader, &base_url),
            folders: FolderConfig {
                storage: reader.text("STATIC_STORAGE_DIR").into(),
                web_app: reader.optional("FRONTEND_WEB_DIR").map(PathBuf::from),
                keeps_service_worker: reader.switch("KEEP_SW"),
            },
            apple_app_id: read_apple_app_id(&mut reader),
            trusted_hosts: list(&reader.text("TRUSTED_HOSTS")).map(|host| host.to_ascii_lowercase()).collect(),
            trusted_proxies: read_trusted_proxies(&mut reader),
            budgets: read_budgets(&mut reader),
            telemetry: read_telemetry(&mut reader),
            outbound_root_cert: reader.optional("OUTBOUND_ROOT_CERT").map(PathBuf::from),
            metrics_allow: read_networks(&mut reader, "METRICS_ALLOW"),
            levels: LevelConfig {
                base: i32::try_from(reader.integer("XP_CURVE_BASE", 1, 200_000)).unwrap_or(100),
                max_level: i32::try_from(reader.integer("XP_MAX_LEVEL", 1, 100)).unwrap_or(100),
            },
            outbox: read_outbox(&mut reader),
            payments: read_payments(&mut reader, app_env),
            log_level: read_log_level(&mut reader),
            log_format: read_log_format(&mut reader),
            base_url,
        };
        if reader.errors.is_empty() { Ok(config) } else { Err(ConfigErrors(reader.errors)) }
    }
}

fn read_app_env(reader: &mut Reader<'_>) -> AppEnv {
    let must = "be development, staging or production";
    reader.parsed("APP_ENV", must, AppEnv::Production, |text| match text {
        "development" => Some(AppEnv::Development),
        "staging" => Some(AppEnv::Staging),
        "production" => Some(AppEnv::Production),
        _ => None,
    })
}

fn read_listen(reader: &mut Reader<'_>, host: &str, port: i64) -> SocketAddr {
    let address = host.parse().ok().zip(u16::try_from(port).ok());
    if address.is_none() {
        reader.fail("HOST", "be an IP address");
    }
    address.map_or(SocketAddr::from(([127, 0, 0, 1], 9999)), |(ip, port)| SocketAddr::new(ip, port))
}

fn read_database_urls(reader: &mut Reader<'_>) -> Vec<(&'static str, Secret)> {
    let names = ["DATABASE_URL_INTERNAL", "DATABASE_URL"];
    let urls: Vec<_> = names.into_iter().filter_map(|name| Some((name, reader.secret(name)?))).collect();
    if urls.is_empty() {
        reader.errors.push("DATABASE_URL or DATABASE_URL_INTERNAL must be set".to_owned());
    }
    urls
}

fn read_pool_mode(reader: &mut Reader<'_>) -> PoolMode {
    let mode = reader.parsed("DATABASE_POOL_MODE", "be session or transaction", PoolMode::Session, |text| match text {
        "session" => Some(PoolMode::Session),
        "transaction" => Some(PoolMode::Transaction),
        _ => None,
    });
    if mode == PoolMode::Transaction && reader.secret("DATABASE_URL_DIRECT").is_none() {
        reader.fail("DATABASE_URL_DIRECT", "be set with DATABASE_POOL_MODE=transaction");
    }
    mode
}

/// Bytes a signing secret must have in production: as many as the digest that it keys (RFC 7518, 3.2).
const SECRET_BYTES_MIN: usize = 32;

fn read_secret(reader: &mut Reader<'_>, name: &'static str, app_env: AppEnv) -> Option<Secret> {
    let secret = reader.secret(name)?;
    if app_env == AppEnv::Production && secret.0.len() < SECRET_BYTES_MIN {
        reader.fail(name, &format!("have at least {SECRET_BYTES_MIN} bytes in production"));
    }
    Some(secret)
}

fn read_admin_token(reader: &mut Reader<'_>, app_env: AppEnv) -> Option<Secret> {
    read_secret(reader, "ADMIN_API_TOKEN", app_env)
}

fn read_tokens(reader: &mut Reader<'_>, app_env: AppEnv) -> TokenConfig {
    let access_secret = read_secret(reader, "JWT_SECRET_KEY", app_env).unwrap_or_else(|| {
        reader.fail("JWT_SECRET_KEY", "be set");
        Secret(String::new())
    });
    let access_secret_previous = read_secret(reader, "JWT_SECRET_KEY_PREVIOUS", app_env);
    let refresh_secret = read_secret(reader, "REFRESH_JWT_SECRET_KEY", app_env);
    let refresh_secret_previous = read_secret(reader, "REFRESH_JWT_SECRET_KEY_PREVIOUS", app_env);
    // One secret for both kinds is rotated as one.
    let shared_previous = access_secret_previous.clone().filter(|_| refresh_secret.is_none());
    TokenConfig {
        refresh_secret: refresh_secret.unwrap_or_else(|| access_secret.clone()),
        refresh_secret_previous: refresh_secret_previous.or(shared_previous),
        access_secret,
        access_secret_previous,
        access_life_s: 60 * reader.integer("ACCESS_TOKEN_EXPIRE_MINUTES", 1, 60 * 24),
        refresh_life_s: 86_400 * reader.integer("REFRESH_TOKEN_EXPIRE_DAYS", 1, 365),
        refresh_strict: reader.switch("REFRESH_STRICT"),
        accept_legacy: reader.switch("ACCEPT_LEGACY_TOKENS"),
        issuer: reader.text("TOKEN_ISSUER"),
        audience: reader.text("TOKEN_AUDIENCE"),
    }
}

fn read_cookie(reader: &mut Reader<'_>) -> CookieConfig {
    let domain = reader.optional("COOKIE_DOMAIN");
    let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || ".-".contains(c));
    if !domain.as_deref().is_none_or(plain) {
        reader.fail("COOKIE_DOMAIN", "be a host name");
    }
    let cookie = CookieConfig {
        domain,
        secure: reader.switch("COOKIE_SECURE"),
        same_site: reader.parsed("COOKIE_SAMESITE", "be none, lax or strict", SameSite::Strict, |text| {
            match text.to_ascii_lowercase().as_str() {
                "none" => Some(SameSite::None),
                "lax" => Some(SameSite::Lax),
                "strict" => Some(SameSite::Strict),
                _ => None,
            }
        }),
    };
    if cookie.same_site == SameSite::None && !cookie.secure {
        reader.fail("COOKIE_SECURE", "be true while COOKIE_SAMESITE is none: browsers drop such a cookie");
    }
    cookie
}

/// The web app's own address, which may call the API whatever else is configured.
const WEB_APP_ORIGIN: &str = "https://www.repduel.com";

fn read_origins(reader: &mut Reader<'_>) -> Vec<String> {
    let given = reader.text("FRONTEND_ORIGINS");
    let from_json = serde_json::from_str::<Vec<String>>(&given);
    let listed = from_json.unwrap_or_else(|_| list(&given).map(str::to_owned).collect());
    let mut origins = vec![WEB_APP_ORIGIN.to_owned()];
    for (name, address) in listed
        .iter()
        .map(|address| ("FRONTEND_ORIGINS", address.clone()))
        .chain(["APP_URL", "STATIC_PUBLIC_BASE"].map(|name| (name, reader.text(name))))
        .filter(|(_, address)| !address.is_empty())
        .collect::<Vec<_>>()
    {
        match origin_of(&address) {
            Some(origin) => origins.push(origin),
            None => reader.fail(name, "hold http or https addresses only"),
        }
    }
    origins
}

fn read_pictures(reader: &mut Reader<'_>, base_url: &str) -> PictureConfig {
    let cdn = reader.address("STATIC_PUBLIC_BASE");
    let prefer_cdn = reader.switch("STATIC_PREFER_CDN");
    if prefer_cdn && cdn.is_empty() {
        reader.fail("STATIC_PUBLIC_BASE", "be set while STATIC_PREFER_CDN is true");
    }
    let own = format!("{base_url}/static");
    let own_origins = [base_url, &cdn].into_iter().filter_map(origin_of).collect();
    PictureConfig { public_base: if prefer_cdn { cdn } else { own }, own_origins }
}

fn read_outbox(reader: &mut Reader<'_>) -> OutboxConfig {
    OutboxConfig {
        concurrency: usize::try_from(reader.integer("OUTBOX_CONCURRENCY", 1, 64)).unwrap_or(1),
        poll: reader.seconds("OUTBOX_POLL_SECONDS", 60),
        lease_s: reader.integer("OUTBOX_LEASE_SECONDS", 1, 3600),
        retry_backoff_s: u32::try_from(reader.integer("OUTBOX_RETRY_BACKOFF_SECONDS", 1, 3600)).unwrap_or(30),
        attempts_max: u32::try_from(reader.integer("OUTBOX_RETRY_MAX_ATTEMPTS", 1, 1000)).unwrap_or(12),
    }
}

fn read_apple_app_id(reader: &mut Reader<'_>) -> Option<String> {
    let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || ".-".contains(c));
    let must = "have letters, digits, dots and hyphens only";
    let mut read = |name| reader.parsed(name, must, String::new(), |text| plain(text).then(|| text.to_owned()));
    let (team, bundle) = (read("APPLE_TEAM_ID"), read("IOS_BUNDLE_ID"));
    (!team.is_empty()).then(|| format!("{team}.{bundle}"))
}

fn read_trusted_proxies(reader: &mut Reader<'_>) -> Vec<Network> {
    let must = "be `none`, or hold addresses and networks only";
    reader.parsed("TRUSTED_PROXIES", must, Vec::new(), |text| match text {
        "none" => Some(Vec::new()),
        _ => list(text).map(Network::parse).collect(),
    })
}

/// The largest budget: as good as none.
const LIMIT_MAX: i64 = 1_000_000;
/// The longest window: a week.
const WINDOW_S_MAX: i64 = 7 * 24 * 3600;

fn read_budgets(reader: &mut Reader<'_>) -> Option<Quotas> {
    let is_enabled = reader.switch("RATE_LIMIT_ENABLED");
    let quotas = Quotas::read(|budget: Budget| {
        let name = budget.name().to_ascii_uppercase();
        let mut number = |what: &str, max| {
            let number = reader.integer(&format!("RATE_LIMIT_{name}_{what}"), 1, max);
            u32::try_from(number).unwrap_or(u32::MAX)
        };
        Quota { limit: number("LIMIT", LIMIT_MAX), window_s: number("WINDOW_SECONDS", WINDOW_S_MAX) }
    });
    is_enabled.then_some(quotas)
}

fn read_telemetry(reader: &mut Reader<'_>) -> TelemetryConfig {
    let share = |text: &str| text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    TelemetryConfig {
        collector: Some(reader.address("OTEL_EXPORTER_OTLP_ENDPOINT")).filter(|address| !address.is_empty()),
        service: reader.text("OTEL_SERVICE_NAME"),
        traced_share: reader.parsed("OTEL_TRACES_SAMPLER_ARG", "be a number from 0 to 1", 0.0, share),
        sentry: reader.parsed("SENTRY_DSN", "be an address as Sentry shows it", None, |text| match text {
            "" => Some(None),
            text => SentryDsn::parse(text).map(Some),
        }),
        environment: reader.optional("SENTRY_ENVIRONMENT").unwrap_or_else(|| reader.text("APP_ENV")),
    }
}

fn read_networks(reader: &mut Reader<'_>, name: &str) -> Vec<Network> {
    reader.parsed(name, "hold addresses and networks only", Vec::new(), |text| list(text).map(Network::parse).collect())
}

fn read_payments(reader: &mut Reader<'_>, app_env: AppEnv) -> PaymentConfig {
    let stripe_base = reader.address("STRIPE_API_BASE");
    if app_env == AppEnv::Production && !stripe_base.starts_with("https://") {
        reader.fail("STRIPE_API_BASE", "be an https address in production");
    }
    let stripe_key = read_header_secret(reader, "STRIPE_SECRET_KEY");
    let stripe_webhook_secret = reader.secret("STRIPE_WEBHOOK_SECRET");
    let revenuecat_token = read_header_secret(reader, "REVENUECAT_WEBHOOK_AUTH_TOKEN");
    // Without them nobody could pay, or what was paid for would not count, and no start would tell.
    let needed = [
        ("STRIPE_SECRET_KEY", stripe_key.is_some()),
        ("STRIPE_WEBHOOK_SECRET", stripe_webhook_secret.is_some()),
        ("REVENUECAT_WEBHOOK_AUTH_TOKEN", revenuecat_token.is_some()),
    ];
    for (name, _) in needed.iter().filter(|(_, is_there)| app_env == AppEnv::Production && !is_there) {
        reader.fail(name, "be set in production");
    }
    PaymentConfig {
        stripe_key,
        stripe_webhook_secret,
        stripe_base,
        price_tiers: reader.parsed("STRIPE_PRICE_TIERS", PRICE_TIERS_MUST, BTreeMap::new(), read_price_tiers),
        revenuecat_token,
        sandbox_counts: reader.switch("REVENUECAT_SANDBOX") || app_env != AppEnv::Production,
        app_url: reader.address("APP_URL"),
    }
}

/// A secret that travels in a header.
fn read_header_secret(reader: &mut Reader<'_>, name: &'static str) -> Option<Secret> {
    let secret = reader.secret(name)?;
    if secret.0.chars().any(|c| !c.is_ascii_graphic() && c != ' ') {
        reader.fail(name, "be visible ASCII characters, for it travels in a header");
    }
    Some(secret)
}

const PRICE_TIERS_MUST: &str = "be a JSON object whose values are gold or platinum";

fn read_price_tiers(text: &str) -> Option<BTreeMap<String, String>> {
    if text.is_empty() {
        return Some(BTreeMap::new());
    }
    let tiers: BTreeMap<String, String> = serde_json::from_str(text).ok()?;
    tiers.values().all(|tier| ["gold", "platinum"].contains(&tier.as_str())).then_some(tiers)
}

fn read_log_level(reader: &mut Reader<'_>) -> tracing::Level {
    let must = "be error, warn, info, debug or trace";
    reader.parsed("LOG_LEVEL", must, tracing::Level::INFO, |text| match text.to_ascii_lowercase().as_str() {
        "warning" => Some(tracing::Level::WARN),
        other => other.parse().ok(),
    })
}

fn read_log_format(reader: &mut Reader<'_>) -> Option<LogFormat> {
    reader.parsed("LOG_FORMAT", "be json or text", None, |text| match text.to_ascii_lowercase().as_str() {
        "" => Some(None),
        "json" => Some(Some(LogFormat::Json)),
        "text" => Some(Some(LogFormat::Text)),
        _ => None,
    })
}

fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

/// The origin (`scheme://host[:port]`, lower case) of an `http` or `https` address.
#[must_use]
pub fn origin_of(address: &str) -> Option<String> {
    let (scheme, rest) = address.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    let plain = !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || ".-:[]_".contains(c));
    (plain && (scheme == "http" || scheme == "https")).then(|| format!("{scheme}://{host}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(pairs: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
        let lookup = |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Config::from_lookup(lookup)
    }

    const LEAST: [(&str, &str); 2] = [("DATABASE_URL", "postgres://h/d"), ("JWT_SECRET_KEY", "short")];

    /// What production wants beside it.
    const PRODUCTION: [(&str, &str); 4] = [
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
    fn production_wants_long_secrets() {
        let pairs = [PRODUCTION.as_slice(), &[LEAST[0], LEAST[1]]].concat();
        assert_eq!(config(&pairs).unwrap_err().0, ["JWT_SECRET_KEY must have at least 32 bytes in production"]);
    }

    #[test]
    fn production_wants_every_secret_of_those_who_take_the_money() {
        let long = ("JWT_SECRET_KEY", "0123456789012345678901234567890123456789");
        let whole = [PRODUCTION.as_slice(), &[LEAST[0], long]].concat();
        assert!(config(&whole).is_ok());
        for (missing, _) in &PRODUCTION[1..] {
            let but_one: Vec<_> = whole.iter().copied().filter(|(name, _)| name != missing).collect();
            assert_eq!(config(&but_one).unwrap_err().0, [format!("{missing} must be set in production")]);
            let empty: Vec<_> = but_one.into_iter().chain([(*missing, "")]).collect();
            assert_eq!(config(&empty).unwrap_err().0, [format!("{missing} must be set in production")]);
        }
        let errors = config(&[("APP_ENV", "production"), LEAST[0], long]).unwrap_err().0;
        assert_eq!(errors.len(), 3, "{errors:?}");
        assert!(config(&[("APP_ENV", "staging"), LEAST[0], long]).is_ok());
    }

    #[test]
    fn stripe_is_called_in_the_clear_outside_of_production_only() {
        let long = ("JWT_SECRET_KEY", "0123456789012345678901234567890123456789");
        let plain = ("STRIPE_API_BASE", "http://127.0.0.1:1/");
        assert_eq!(config(&[LEAST[0], long, plain]).unwrap().payments.stripe_base, "http://127.0.0.1:1");
        let refused = config(&[PRODUCTION.as_slice(), &[LEAST[0], long, plain]].concat()).unwrap_err();
        assert_eq!(refused.0, ["STRIPE_API_BASE must be an https address in production"]);
        let payments = config(&[PRODUCTION.as_slice(), &[LEAST[0], long]].concat()).unwrap().payments;
        assert_eq!((payments.stripe_base.as_str(), payments.sandbox_counts), ("https://api.stripe.com", false));
    }

    #[test]
    fn a_pooler_of_transactions_has_a_way_past_it() {
        let mode = ("DATABASE_POOL_MODE", "transaction");
        let missing = config(&[LEAST[0], LEAST[1], mode]).unwrap_err().0;
        assert_eq!(missing, ["DATABASE_URL_DIRECT must be set with DATABASE_POOL_MODE=transaction"]);
        let direct = ("DATABASE_URL_DIRECT", "postgres://h/d");
        assert_eq!(config(&[LEAST[0], LEAST[1], mode, direct]).unwrap().pool_mode, PoolMode::Transaction);
        assert_eq!(config(&LEAST).unwrap().pool_mode, PoolMode::Session);
        let odd = config(&[LEAST[0], LEAST[1], ("DATABASE_POOL_MODE", "statement")]).unwrap_err().0;
        assert_eq!(odd, ["DATABASE_POOL_MODE must be session or transaction"]);
    }

    #[test]
    fn prices_have_tiers_that_there_are() {
        let tiers = |text: &str| config(&[LEAST[0], LEAST[1], ("STRIPE_PRICE_TIERS", text)]);
        let read = tiers(r#"{"price_1": "platinum"}"#).unwrap().payments.price_tiers;
        assert_eq!(read.get("price_1").map(String::as_str), Some("platinum"));
        for text in [r#"{"price_1": "silver"}"#, r#"["price_1"]"#, "price_1", r#"{"price_1": 1}"#] {
            assert_eq!(tiers(text).unwrap_err().0, [format!("STRIPE_PRICE_TIERS must {PRICE_TIERS_MUST}")]);
        }
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
    fn addresses_of_others_are_known_without_their_keys() {
        let pairs = [
            ("STRIPE_SECRET_KEY", "canary"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318/"),
            ("SENTRY_DSN", "https://canary@o1.ingest.example/7"),
        ];
        let lookup = |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        let places: Vec<_> =
            outbound(lookup).into_iter().map(|to| (to.name, format!("{}:{}", to.host, to.port))).collect();
        let wanted = [
            ("STRIPE_API_BASE", "api.stripe.com:443"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
            ("SENTRY_DSN", "o1.ingest.example:443"),
        ];
        assert_eq!(places, wanted.map(|(name, place)| (name, place.to_owned())));
        assert_eq!(outbound(|_| None), []);
    }

    #[test]
    fn the_address_for_failures_is_taken_apart() {
        let parse = |text: &str| SentryDsn::parse(text).map(|dsn| (dsn.envelopes, dsn.key.0));
        let good = [
            ("https://abc@o1.ingest.sentry.io/42", "https://o1.ingest.sentry.io/api/42/envelope/"),
            ("http://abc:secret@127.0.0.1:9000/7", "http://127.0.0.1:9000/api/7/envelope/"),
            ("https://abc@sentry.example/below/7", "https://sentry.example/below/api/7/envelope/"),
        ];
        for (dsn, envelopes) in good {
            assert_eq!(parse(dsn), Some((envelopes.to_owned(), "abc".to_owned())), "{dsn}");
        }
        for dsn in [
            "abc",
            "https://o1.ingest.sentry.io/42",
            "https://abc@host",
            "https://abc@host/",
            "ftp://abc@host/1",
            "https://a b@host/1",
            "https://abc@host/1?x",
        ] {
            assert_eq!(parse(dsn), None, "{dsn}");
        }
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
