//! The table of variables: all that the service reads, as the README tells it.

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
