//! Which database the service starts with, against real servers: present, absent, silent, refusing, with and without TLS.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use repduel_backend::db::Db;
use repduel_backend::start;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};

use crate::support::app::config;
use crate::support::cluster::{moved, port_of};
use crate::support::program::{self, Ended};
use crate::support::tls::TlsCluster;
use crate::support::{Cluster, Served, TestDatabase, eventually};

/// A port on which nobody listens. It was ours a moment ago, so that nobody else is likely to get it.
async fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

/// An address that is refused at once, with a user and a password that must never be shown.
async fn closed() -> String {
    format!("postgres://canary_user:canary_password@127.0.0.1:{}/app1db", closed_port().await)
}

/// The user and the password of this address.
fn credentials(url: &str) -> (&str, &str) {
    let (head, _) = url.rsplit_once('@').unwrap();
    head.split_once("://").unwrap().1.split_once(':').unwrap()
}

#[track_caller]
fn assert_keeps_secrets(said: &str, urls: &[&str]) {
    for url in urls {
        let (user, password) = credentials(url);
        for secret in [password, "canary", &format!("\"{user}\""), &format!("{user}:"), &format!("{user}@")] {
            assert!(!said.contains(secret), "{secret} is shown in {said}");
        }
    }
}

/// The program's last words: what it says itself, without its log.
fn sentences(ended: &Ended) -> Vec<&str> {
    ended.stderr.lines().filter(|line| !line.starts_with('{')).collect()
}

#[tokio::test]
async fn the_remote_database_serves_when_the_internal_one_is_down() {
    let database = TestDatabase::empty().await;
    let (internal, remote) = (closed().await, database.url());
    let served = Served::start(&[("DATABASE_URL_LOCAL", &internal), ("DATABASE_URL_REMOTE", &remote)]).await;
    served.request("GET", "/ready").send().await.expect(200);
    assert_eq!(
        served.request("GET", "/api/v1/scenarios").send().await.expect(200).json().as_array().unwrap().len(),
        254
    );
    let said = served.said();
    let failed = format!("DATABASE_URL_INTERNAL (127.0.0.1:{}/app1db) failed after", port_of(&internal));
    assert!(said.contains(&failed) && said.contains("refused"), "{said}");
    let (_, location) = remote.rsplit_once('@').unwrap();
    assert!(said.contains(&format!(r#""database":"{location}""#)), "{said}");
    assert_keeps_secrets(&said, &[&internal, &remote]);
}

#[tokio::test]
async fn the_internal_database_is_preferred() {
    let (internal, remote) = (TestDatabase::empty().await, closed().await);
    let config = config(&remote, &[("DATABASE_URL_INTERNAL", &internal.url())]);
    let chosen = start::choose(&config).await.unwrap();
    assert_eq!((chosen.name, chosen.reachable, chosen.failed.len()), ("DATABASE_URL_INTERNAL", true, 0));
}

#[tokio::test]
async fn a_strict_start_without_a_database_ends_with_a_sentence_per_attempt() {
    let (internal, remote) = (closed().await, closed().await);
    for word in ["serve", "migrate"] {
        let ended = program::run(word, &[("DATABASE_URL_INTERNAL", &internal), ("DATABASE_URL", &remote)]).await;
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        let said = sentences(&ended);
        assert_eq!(said.len(), 3, "{said:?}");
        assert_eq!(said[0], "no database can be reached");
        assert!(said[1].contains(&format!("DATABASE_URL_INTERNAL (127.0.0.1:{}/app1db)", port_of(&internal))));
        assert!(said[2].contains(&format!("DATABASE_URL (127.0.0.1:{}/app1db)", port_of(&remote))));
        assert_keeps_secrets(&ended.stderr, &[&internal]);
    }
}

#[tokio::test]
async fn a_lenient_start_answers_503_and_serves_when_the_database_appears() {
    let cluster = Cluster::start("fast");
    let (internal, remote) = (cluster.url(), closed().await);
    cluster.stop();
    let variables =
        [("DATABASE_URL_INTERNAL", internal.as_str()), ("DATABASE_URL", &remote), ("REPDUEL_STRICT_DB_BOOTSTRAP", "0")];
    let served = Served::start(&variables).await;
    served.request("GET", "/health").send().await.expect(200);
    let ready = served.request("GET", "/ready").send().await.expect(503).json();
    assert_eq!(ready["checks"]["migrations"]["ok"], json!(false));
    let data = served.request("GET", "/api/v1/scenarios");
    assert!(data.send().await.expect(503).header("retry-after").is_some());

    cluster.start_again();
    eventually("a reply", async || {
        // Until the schema is there, a reply is 503: never 500, never a part of the list.
        let answer = data.send().await;
        if answer.status == 503 {
            return false;
        }
        answer.expect(200).json().as_array().unwrap().len() == 254 || panic!("the exercises are not all there")
    })
    .await;
    eventually("readiness", async || served.request("GET", "/ready").send().await.status == 200).await;
    assert_keeps_secrets(&served.said(), &[&internal, &remote]);
}

/// A door to a database that takes connections in silence until it is opened.
struct Door {
    port: u16,
    open: Arc<AtomicBool>,
}

impl Door {
    async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, open) = (listener.local_addr().unwrap().port(), Arc::new(AtomicBool::new(false)));
        let is_open = Arc::clone(&open);
        tokio::spawn(async move {
            let mut waiting = Vec::new();
            while let Ok((mut near, _)) = listener.accept().await {
                if is_open.load(Ordering::SeqCst) {
                    let mut far = TcpStream::connect(target).await.unwrap();
                    tokio::spawn(async move { tokio::io::copy_bidirectional(&mut near, &mut far).await });
                } else {
                    waiting.push(near);
                }
            }
        });
        Self { port, open }
    }
}

#[tokio::test]
async fn a_silent_server_costs_the_time_limit_and_no_more() {
    let door = Door::to(SocketAddr::from(([127, 0, 0, 1], 1))).await;
    let silent = moved(&closed().await, "127.0.0.1", door.port);
    let began = Instant::now();
    let ended = program::run("serve", &[("DATABASE_URL", &silent), ("REPDUEL_DB_BOOTSTRAP_TIMEOUT", "1")]).await;
    let took = began.elapsed();
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("no answer within 1 s"), "{}", ended.stderr);
    assert!((Duration::from_secs(1)..Duration::from_secs(4)).contains(&took), "it took {took:?}");
    assert_keeps_secrets(&ended.stderr, &[&silent]);
}

#[tokio::test]
async fn a_lenient_start_recovers_from_a_server_that_was_silent() {
    let database = TestDatabase::empty().await;
    let door = Door::to(SocketAddr::from(([127, 0, 0, 1], port_of(&database.url())))).await;
    let url = moved(&database.url(), "127.0.0.1", door.port);
    let variables =
        [("DATABASE_URL", url.as_str()), ("REPDUEL_STRICT_DB_BOOTSTRAP", "0"), ("REPDUEL_DB_BOOTSTRAP_TIMEOUT", "1")];
    let served = Served::start(&variables).await;
    served.request("GET", "/ready").send().await.expect(503);
    door.open.store(true, Ordering::SeqCst);
    let ready = async || served.request("GET", "/ready").send().await.status == 200;
    eventually("readiness", ready).await;
    served.request("GET", "/api/v1/scenarios").send().await.expect(200);
}

#[tokio::test]
async fn a_wrong_password_is_told_without_user_and_password() {
    let database = TestDatabase::empty().await;
    let url = database.url().replacen(credentials(&database.url()).1, "canary_password", 1);
    for strict in ["1", "0"] {
        let variables = [("DATABASE_URL", url.as_str()), ("REPDUEL_STRICT_DB_BOOTSTRAP", strict)];
        let ended = program::run("migrate", &variables).await;
        assert_eq!(ended.code, Some(1));
        assert!(ended.stderr.contains("password authentication failed"), "{}", ended.stderr);
        assert_keeps_secrets(&ended.stderr, &[&url]);
    }
}

#[tokio::test]
async fn an_address_that_is_none_is_named_and_never_shown() {
    let garbage = "canary://canary_user:canary_password@nowhere";
    for strict in ["1", "0"] {
        let variables = [("DATABASE_URL", garbage), ("REPDUEL_STRICT_DB_BOOTSTRAP", strict)];
        let ended = program::run("serve", &variables).await;
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        assert_eq!(sentences(&ended)[1].trim(), "DATABASE_URL is not a PostgreSQL URL");
        assert!(!ended.stderr.contains("canary") && !ended.stderr.contains("nowhere"));
    }
    let database = TestDatabase::empty().await;
    let served = Served::start(&[("DATABASE_URL_INTERNAL", garbage), ("DATABASE_URL", &database.url())]).await;
    served.request("GET", "/ready").send().await.expect(200);
    assert!(served.said().contains("DATABASE_URL_INTERNAL is not a PostgreSQL URL"));
}

#[tokio::test]
async fn an_address_of_sqlalchemy_with_an_encoded_password_is_understood() {
    let database = TestDatabase::empty().await;
    let role = format!("odd_{}", std::process::id());
    let admin = database.client().await;
    let owner = format!(
        "create role {role} login password 'p@ss/w:rd%41?#&=';
         do $$ begin execute format('alter database %I owner to {role}', current_database()); end $$;
         alter schema public owner to {role}"
    );
    admin.batch_execute(&owner).await.unwrap();
    let (_, location) = database.url().rsplit_once('@').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let encoded = "p%40ss%2Fw%3Ard%2541%3F%23%26%3D";
    let url = format!("postgresql+asyncpg://{role}:{encoded}@{location}?prepared_statement_cache_size=0");
    let ended = program::run("migrate", &[("DATABASE_URL", &url)]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let owned = "select count(*) from pg_tables where schemaname = 'public' and tableowner = $1";
    assert!(admin.query_one(owned, &[&role]).await.unwrap().get::<_, i64>(0) > 20);
    admin
        .batch_execute(&format!("reassign owned by {role} to current_user; drop owned by {role}; drop role {role}"))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_configuration_that_cannot_be_used_is_told_whole() {
    let variables = [("PORT", "canary"), ("APP_ENV", "canary"), ("DATABASE_POOL_SIZE", "0")];
    for word in ["serve", "migrate"] {
        let ended = program::run_bare(word, &variables).await;
        assert_eq!(ended.code, Some(64));
        for name in ["PORT", "APP_ENV", "DATABASE_POOL_SIZE", "JWT_SECRET_KEY", "DATABASE_URL or DATABASE_URL_INTERNAL"]
        {
            assert!(sentences(&ended).iter().any(|line| line.starts_with(name)), "{name} in {}", ended.stderr);
        }
        assert!(!ended.stderr.contains("canary"));
    }
}

/// What becomes of a start with this address: nothing, or what was said about the attempt.
async fn attempt(url: &str) -> Result<(), String> {
    let config = config(url, &[("REPDUEL_DB_BOOTSTRAP_TIMEOUT", "5")]);
    let chosen = start::choose(&config).await.map_err(|refused| refused.to_string())?;
    // What the probe accepts, the migrations and the pool must accept as well.
    start::migrate(&chosen.dsn).await.map_err(|error| error.chain().unwrap_or_default())?;
    let db = Db::new(&chosen.dsn, &config).map_err(|error| error.0)?;
    let encrypted = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";
    let row = db.connection().await.unwrap().query_one(encrypted, &[]).await.unwrap();
    let wanted = !url.contains("sslmode=prefer");
    assert_eq!(row.get::<_, bool>(0), wanted, "encryption of the connection");
    Ok(())
}

#[tokio::test]
async fn tls_is_checked_as_far_as_the_address_asks() {
    let server = TlsCluster::start();
    let url = server.cluster.url();
    let port = port_of(&url);
    let (ours, theirs) = (server.authority.display(), server.stranger.display());
    let (name, address) = (moved(&url, "localhost", port), moved(&url, "127.0.0.1", port));
    let good = [
        format!("{address}?sslmode=require"),
        format!("{address}?ssl=require"),
        format!("{address}?sslmode=require&sslrootcert={ours}"),
        format!("{address}?sslmode=verify-ca&sslrootcert={ours}"),
        format!("{name}?sslmode=verify-full&sslrootcert={ours}"),
        address.clone(),
    ];
    for url in &good {
        assert_eq!(attempt(url).await, Ok(()), "{url}");
    }
    let bad = [
        (format!("{address}?sslmode=disable"), "no encryption"),
        (format!("{address}?sslmode=require&sslrootcert={theirs}"), "UnknownIssuer"),
        (format!("{address}?sslmode=verify-ca&sslrootcert={theirs}"), "UnknownIssuer"),
        (format!("{name}?sslmode=verify-full&sslrootcert={theirs}"), "UnknownIssuer"),
        (format!("{name}?sslmode=verify-full"), "UnknownIssuer"),
        (format!("{address}?sslmode=verify-full&sslrootcert={ours}"), "not valid for name"),
        (format!("{address}?sslmode=verify-ca&sslrootcert=/nowhere/ca.pem"), "has an sslrootcert that cannot be read"),
        (format!("{address}?sslmode=verify-ca&sslrootcert=/dev/null"), "has an sslrootcert that cannot be read"),
    ];
    for (url, expected) in &bad {
        let said = attempt(url).await.unwrap_err();
        assert!(said.contains(expected), "{url}: {said}");
        assert_eq!(said.lines().count(), 2, "{said}");
        assert_keeps_secrets(&said, &[url]);
    }
}

#[tokio::test]
async fn a_server_without_tls_is_taken_where_the_address_does_not_insist() {
    let database = TestDatabase::empty().await;
    assert_eq!(attempt(&format!("{}?sslmode=prefer", database.url())).await, Ok(()));
    let said = attempt(&format!("{}?sslmode=require", database.url())).await.unwrap_err();
    assert!(said.contains("server does not support TLS"), "{said}");
}
