//! The server in the test's own process, on a port of its own, and lifters to call it with.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use repduel_backend::app::App;
use repduel_backend::config::Config;
use repduel_backend::db::Db;
use repduel_backend::db::dsn::Dsn;
use repduel_backend::http::route::Table;
use repduel_backend::http::server;
use repduel_backend::http::service::Service;
use repduel_backend::ids::{SessionId, UserId};
use repduel_backend::threads::Threads;
use repduel_backend::time::Clock;
use repduel_backend::{routes, worker};
use tokio::net::TcpListener;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio_postgres::Client;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use super::client::{Answer, Request};
use super::database::TestDatabase;
use super::eventually;
use super::folder::TestFolder;
use super::{logs, stripe};

/// The password of every lifter that [`TestApp::lifter`] makes.
pub const PASSWORD: &str = "correct horse";
/// Its hash: hashing takes a quarter of a second, so it was done once.
pub const PASSWORD_HASH: &str = "$2b$12$rNFz11ko6tYFg8g2/AZsaug7ls0pbejJWkzuhHfaFTD/.s0yXSqGy";
/// The token of the admin routes in tests.
pub const ADMIN_TOKEN: &str = "admin-token-of-the-tests";
/// Signs access tokens in tests.
pub const SECRET: &str = "access-secret-of-the-tests-0123456789";

/// A running service with a database of its own.
pub struct TestApp {
    /// The service's parts.
    pub app: Arc<App>,
    /// Where it listens.
    pub address: SocketAddr,
    /// A connection to its database.
    pub pg: Client,
    /// The hands of its clock, in microseconds, if it has one that is set.
    pub micros: Option<Arc<AtomicI64>>,
    /// The folder of its stored pictures.
    pub storage: TestFolder,
    database: TestDatabase,
}

/// A worker that stops when this is dropped.
pub struct Working(#[expect(dead_code, reason = "it acts when it is dropped")] DropGuard);

/// A lifter with an access token.
#[derive(Clone)]
pub struct Lifter {
    /// The account.
    pub id: Uuid,
    /// An access token.
    pub token: String,
}

/// Budgets that no test uses up but by setting others: all of them come from one address.
const PLENTY: [(&str, &str); 7] = [
    ("RATE_LIMIT_LOGIN_LIMIT", "100000"),
    ("RATE_LIMIT_LOGIN_ADDRESS_LIMIT", "100000"),
    ("RATE_LIMIT_REGISTER_LIMIT", "100000"),
    ("RATE_LIMIT_REGISTER_DAY_LIMIT", "100000"),
    ("RATE_LIMIT_REFRESH_LIMIT", "100000"),
    ("RATE_LIMIT_READ_LIMIT", "100000"),
    ("RATE_LIMIT_WRITE_LIMIT", "100000"),
];

/// The configuration of tests, with these variables on top.
pub fn config(database_url: &str, variables: &[(&str, &str)]) -> Config {
    let base = [
        ("DATABASE_URL", database_url),
        ("JWT_SECRET_KEY", SECRET),
        ("REFRESH_JWT_SECRET_KEY", "refresh-secret-of-the-tests-987654321"),
        ("ADMIN_API_TOKEN", ADMIN_TOKEN),
        ("STRIPE_SECRET_KEY", stripe::KEY),
        ("STRIPE_WEBHOOK_SECRET", stripe::WEBHOOK_SECRET),
        ("STRIPE_API_BASE", "https://localhost:1"), // nobody is there
        ("STRIPE_PRICE_TIERS", stripe::PRICE_TIERS),
        ("REVENUECAT_WEBHOOK_AUTH_TOKEN", stripe::STORE_TOKEN),
        ("PORT", "0"),
    ];
    let all: Vec<(String, String)> = variables
        .iter()
        .chain(&base)
        .chain(&PLENTY)
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    Config::from_lookup(|name| all.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())).unwrap()
}

/// Serves the app on a port of its own: on threads for connections where the test has several threads as well, else on that of
/// the test.
async fn serve(app: Arc<App>, table: Table) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = Arc::new(Service::new(app, table, routes::WEB_APP));
    let threads = match Handle::current().runtime_flavor() {
        RuntimeFlavor::CurrentThread => Threads::default(),
        _ => Threads::start().unwrap(),
    };
    tokio::spawn(server::serve(listener, service, Arc::new(threads), std::future::pending()));
    address
}

impl TestApp {
    /// The service as it is.
    pub async fn start() -> Self {
        Self::start_with(&[], Clock::System, routes::TABLE, None).await
    }

    /// The service with these variables in its environment.
    pub async fn with_variables(variables: &[(&str, &str)]) -> Self {
        Self::start_with(variables, Clock::System, routes::TABLE, None).await
    }

    /// The service with a clock that stands at this many seconds since the epoch until the test moves it.
    pub async fn with_clock(unix_s: i64) -> Self {
        Self::with_clock_and_variables(unix_s, &[]).await
    }

    /// The same with these variables in its environment.
    pub async fn with_clock_and_variables(unix_s: i64, variables: &[(&str, &str)]) -> Self {
        let micros = Arc::new(AtomicI64::new(unix_s * 1_000_000));
        let mut app = Self::start_with(variables, Clock::Set(Arc::clone(&micros)), routes::TABLE, None).await;
        app.micros = Some(micros);
        app
    }

    /// The service with another route table.
    pub async fn with_table(table: Table) -> Self {
        Self::with_table_and_variables(table, &[]).await
    }

    /// The service with another route table and these variables in its environment.
    pub async fn with_table_and_variables(table: Table, variables: &[(&str, &str)]) -> Self {
        Self::start_with(variables, Clock::System, table, None).await
    }

    /// The service on a database that is reached through another address.
    pub async fn through(database: TestDatabase, database_url: &str) -> Self {
        Self::start_with(&[], Clock::System, routes::TABLE, Some((database, database_url.to_owned()))).await
    }

    async fn start_with(
        variables: &[(&str, &str)],
        clock: Clock,
        table: Table,
        database: Option<(TestDatabase, String)>,
    ) -> Self {
        let (database, url) = match database {
            Some(given) => given,
            None => {
                let database = TestDatabase::migrated().await;
                let url = database.url();
                (database, url)
            }
        };
        logs::watch();
        let storage = TestFolder::new();
        let variables: Vec<(&str, &str)> =
            variables.iter().copied().chain([("STATIC_STORAGE_DIR", storage.name())]).collect();
        let config = config(&url, &variables);
        let db = Db::new(&Dsn::parse(&url).unwrap(), &config).unwrap();
        let app = Arc::new(App::new(config, db, clock, true));
        let address = serve(Arc::clone(&app), table).await;
        Self { app, address, pg: database.client().await, micros: None, storage, database }
    }

    /// A worker in this process, until the answer is dropped.
    pub fn work(&self) -> Working {
        let stop = CancellationToken::new();
        tokio::spawn(worker::run(Arc::clone(&self.app), worker::name("test"), stop.clone()));
        Working(stop.drop_guard())
    }

    /// Waits until no event is open.
    pub async fn settled(&self) {
        let open = "select count(*) from outbox_events where status in ('pending', 'leased')";
        eventually("the end of the work", async || self.count(open).await == 0).await;
    }

    /// Another connection to its database.
    pub async fn client(&self) -> Client {
        self.database.client().await
    }

    /// The address of its database.
    pub fn database_url(&self) -> String {
        self.database.url()
    }

    /// Sets the clock to this many seconds since the epoch.
    pub fn set_s(&self, unix_s: i64) {
        self.micros.as_ref().expect("this app has a set clock").store(unix_s * 1_000_000, Ordering::SeqCst);
    }

    /// Moves the clock on.
    pub fn advance_s(&self, seconds: i64) {
        self.micros.as_ref().expect("this app has a set clock").fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }

    /// A lifter with this name, the address `<name>@example.com` and [`PASSWORD`].
    pub async fn lifter(&self, name: &str) -> Lifter {
        let id = Uuid::new_v4();
        let email = format!("{name}@example.com");
        let insert = "insert into users (id, username, email, hashed_password, is_active, energy, weight_multiplier, created_at, updated_at)
            values ($1, $2, $3, $4, true, 0, 1, now(), now())";
        self.pg.execute(insert, &[&id, &name, &email, &PASSWORD_HASH]).await.unwrap();
        Lifter { id, token: self.token(id).await }
    }

    /// An access token for this account, of a session of its own.
    pub async fn token(&self, id: Uuid) -> String {
        let (session, now) = (Uuid::new_v4(), self.app.clock.now());
        let (idle_ends_at, absolute_ends_at) = (now.plus_s(30 * 86_400), now.plus_s(90 * 86_400));
        let insert =
            "insert into sessions (id, user_id, counter, created_at, last_refreshed_at, idle_ends_at, absolute_ends_at)
            values ($1, $2, 0, $3, $3, $4, $5)";
        self.pg.execute(insert, &[&session, &id, &now, &idle_ends_at, &absolute_ends_at]).await.unwrap();
        let iat = now.unix_s();
        self.app.tokens.access(UserId(id), SessionId(session), iat, iat + 3600).unwrap()
    }

    /// Another instance of the service on the same database, with the same configuration and clock; answers where it listens.
    pub async fn another(&self) -> SocketAddr {
        let db = Db::new(&Dsn::parse(&self.database.url()).unwrap(), &self.app.config).unwrap();
        let app = App::new(self.app.config.clone(), db, self.app.clock.clone(), true);
        serve(Arc::new(app), routes::TABLE).await
    }

    /// The same lifter with a token that is valid now.
    pub async fn renewed(&self, lifter: &Lifter) -> Lifter {
        Lifter { id: lifter.id, token: self.token(lifter.id).await }
    }

    /// A request to this service.
    pub fn request(&self, method: &str, path: &str) -> Request {
        Request::new(self.address, method, path)
    }

    /// GETs without a token.
    pub async fn get(&self, path: &str) -> Answer {
        self.request("GET", path).send().await
    }

    /// GETs as this lifter.
    pub async fn get_as(&self, lifter: &Lifter, path: &str) -> Answer {
        self.request("GET", path).bearer(&lifter.token).send().await
    }

    /// POSTs JSON as this lifter.
    pub async fn post_as(&self, lifter: &Lifter, path: &str, body: serde_json::Value) -> Answer {
        self.request("POST", path).bearer(&lifter.token).json(&body).send().await
    }

    /// PATCHes with JSON as this lifter.
    pub async fn patch_as(&self, lifter: &Lifter, path: &str, body: serde_json::Value) -> Answer {
        self.request("PATCH", path).bearer(&lifter.token).json(&body).send().await
    }

    /// Records a lift of this many kilograms; answers the reply's body.
    pub async fn lift(&self, lifter: &Lifter, scenario: &str, weight: f64) -> serde_json::Value {
        let path = format!("/api/v1/scores/scenario/{scenario}");
        let answer = self.post_as(lifter, &path, serde_json::json!({ "weight_lifted": weight })).await;
        answer.expect(200).json()
    }

    /// One number out of the database.
    pub async fn count(&self, query: &str) -> i64 {
        self.pg.query_one(query, &[]).await.unwrap().get(0)
    }
}
