//! A database for each test, copied from a template that has every migration and the catalogue. Dropped when the test passes,
//! kept and named when it fails. A database, not a schema: advisory locks and notifications are then its own, too.

use std::sync::atomic::{AtomicU32, Ordering};

use repduel_backend::db::dsn::Dsn;
use repduel_backend::start;
use tokio::sync::OnceCell;
use tokio_postgres::{Client, NoTls};

static TEMPLATE: OnceCell<String> = OnceCell::const_new();
static NEXT: AtomicU32 = AtomicU32::new(0);

/// A database that only one test uses.
pub struct TestDatabase {
    name: String,
}

/// The address of the cluster that the tests may do anything with.
pub fn cluster_url() -> String {
    std::env::var("TEST_DATABASE_URL").expect("TEST_DATABASE_URL is not set: run the tests by `make test`")
}

/// The address of a database of the cluster.
fn url_of(name: &str) -> String {
    let url = cluster_url();
    let (server, _) = url.rsplit_once('/').expect("TEST_DATABASE_URL names a database");
    format!("{server}/{name}")
}

/// A plain connection to this address.
pub async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("the tests' PostgreSQL answers");
    tokio::spawn(connection);
    client
}

/// Databases of earlier runs that failed, but for runs that are still going on.
async fn sweep(admin: &Client) {
    let rows = admin.query("select datname from pg_database where datname ~ '^t_[0-9]+_'", &[]).await.unwrap();
    for row in rows {
        let name: String = row.get(0);
        let pid = name.split('_').nth(1).unwrap_or_default().to_owned();
        if !std::path::Path::new("/proc").join(&pid).exists() {
            let _ = admin.batch_execute(&format!("drop database if exists {name} with (force)")).await;
        }
    }
}

async fn template() -> &'static str {
    TEMPLATE
        .get_or_init(|| async {
            let admin = connect(&cluster_url()).await;
            sweep(&admin).await;
            let name = format!("t_{}_template", std::process::id());
            admin.batch_execute(&format!("create database {name}")).await.unwrap();
            start::migrate(&Dsn::parse(&url_of(&name)).unwrap()).await.expect("the migrations apply");
            name
        })
        .await
}

impl TestDatabase {
    /// A database with the schema and the catalogue.
    pub async fn migrated() -> Self {
        Self::create(&format!("template {}", template().await)).await
    }

    /// A database with nothing in it.
    pub async fn empty() -> Self {
        Self::create("template template0").await
    }

    async fn create(options: &str) -> Self {
        let name = format!("t_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let admin = connect(&cluster_url()).await;
        admin.batch_execute(&format!("create database {name} {options}")).await.unwrap();
        Self { name }
    }

    /// Its address.
    pub fn url(&self) -> String {
        url_of(&self.name)
    }

    /// A connection to it.
    pub async fn client(&self) -> Client {
        connect(&self.url()).await
    }
}

/// Waits until a server on this client's database has opened the connections that it opens by itself, and planned on them.
pub async fn until_warm(client: &Client) {
    let warm = "select count(*) from pg_stat_activity where datname = current_database() and lower(query) = 'rollback'
        and application_name = 'repduel-backend'";
    super::eventually("warm connections", async || client.query_one(warm, &[]).await.unwrap().get::<_, i64>(0) == 4)
        .await;
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the database of this test is kept: {}", self.name);
            return;
        }
        let statement = format!("drop database if exists {} with (force)", self.name);
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async { connect(&cluster_url()).await.batch_execute(&statement).await })
        });
        let _ = dropped.join();
    }
}
