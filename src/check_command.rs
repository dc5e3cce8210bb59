//! The `check` command: whether this machine, with this configuration, can serve. A plain sentence for each thing; nothing is
//! changed but a file that is written to the folder of pictures and removed again. No secret is ever shown.

use std::net::IpAddr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use repduel_backend::config::{AppEnv, Config, Outbound, PoolMode, Secret};
use repduel_backend::db::dsn::{Dsn, Verify};
use repduel_backend::db::pool::session;
use repduel_backend::db::{bootstrap, migrate, tls};
use tokio::net::TcpStream;
use tokio_postgres::Client;
use tokio_postgres::config::Host;

use crate::findings::Findings;

/// Time for an address of others to be reached.
const OUTBOUND_WAIT: Duration = Duration::from_secs(5);
/// Free space that there must be for pictures, and for whatever else shares the disk.
const DISK_FREE_MIN_BYTES: u64 = 1 << 30;
/// How far the clock may be off the database's: codes and signatures of others are good for minutes, tokens are compared by the
/// second.
const CLOCK_OFF_MAX: Duration = Duration::from_secs(2);

/// Looks at everything and prints what it found.
///
/// # Errors
/// If anything is bad.
pub async fn run(config: Config, outbound: Vec<Outbound>) -> Result<(), String> {
    let mut findings = Findings::default();
    findings.good("configuration", "complete and consistent");
    match config.app_env {
        AppEnv::Production => findings.good("environment", "production"),
        _ => findings.note("environment", "not production: secrets may be short, and those of payments missing"),
    }
    databases(&config, &mut findings).await;
    let storage = &config.folders.storage;
    match folder(storage) {
        Ok(sentence) => {
            findings.good("pictures", &sentence);
            findings.judge("disk", free_bytes(storage).and_then(enough));
        }
        Err(sentence) => findings.bad("pictures", &sentence),
    }
    if let Some(web_app) = &config.folders.web_app {
        let there = web_app.join("index.html").is_file();
        let sentence = format!("{} {} an index.html", web_app.display(), if there { "has" } else { "has not" });
        findings.judge("web app", if there { Ok(sentence) } else { Err(sentence) });
    }
    for address in outbound {
        findings.judge(address.name, reach(&address).await);
    }
    findings.told("this machine is not fit to serve")
}

/// The databases, in the order in which a start tries them; one that answers is enough.
async fn databases(config: &Config, findings: &mut Findings) {
    let mut answered = false;
    for (name, url) in &config.database_urls {
        match tokio::time::timeout(config.bootstrap_timeout, database(name, url, config, findings)).await {
            Ok(Ok(())) => answered = true,
            Ok(Err(sentence)) => findings.note(name, &sentence),
            Err(_) => findings.note(name, &format!("no answer within {} s", config.bootstrap_timeout.as_secs())),
        }
    }
    if !answered {
        findings.bad("database", "none can be used");
    }
}

async fn database(name: &str, url: &Secret, config: &Config, findings: &mut Findings) -> Result<(), String> {
    let dsn = Dsn::parse(url.expose()).map_err(|error| error.0)?;
    let began = Instant::now();
    let tls = tls::connector(&dsn).map_err(|error| error.0)?;
    let sentence = |error| format!("{}: {}", dsn.location(), bootstrap::sentence(&error, &dsn));
    let probed = bootstrap::probe(dsn.clone(), session(&dsn, config), config.pool_mode).await;
    probed.map_err(|failure| format!("{}: {failure}", dsn.location()))?;
    let (client, connection) = session(&dsn, config).connect(tls).await.map_err(sentence)?;
    let driver = tokio::spawn(connection);
    let facts = Facts::ask(&client).await.map_err(sentence)?;
    let took_ms = began.elapsed().as_millis();
    findings.good(name, &format!("{} answers after {took_ms} ms, PostgreSQL {}", dsn.location(), facts.version));
    match encryption(&dsn, facts.encrypted) {
        Ok(sentence) => findings.good("encryption", &sentence),
        Err(sentence) if config.app_env == AppEnv::Production => findings.bad("encryption", &sentence),
        Err(sentence) => findings.note("encryption", &sentence),
    }
    findings.judge("settings", settings(&facts.unset, config));
    findings.judge("schema", facts.schema());
    findings.judge("clock", clock(facts.now));
    driver.abort();
    Ok(())
}

/// What a database says of itself.
struct Facts {
    version: String,
    encrypted: bool,
    /// Whether it follows another one, and takes no writes.
    follows: bool,
    may_create: bool,
    now: SystemTime,
    /// Settings of a session that are not as they should be.
    unset: Vec<String>,
    /// The newest migration that was applied, if any was.
    migrated_to: Option<i32>,
}

impl Facts {
    async fn ask(client: &Client) -> Result<Self, tokio_postgres::Error> {
        let query = "select current_setting('server_version'), pg_is_in_recovery(), clock_timestamp(),
            coalesce((select ssl from pg_stat_ssl where pid = pg_backend_pid()), false),
            has_schema_privilege(current_schema(), 'create'), to_regclass('refinery_schema_history') is not null,
            array(select name::text from pg_settings where (name = 'jit' and setting = 'on')
              or (name in ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout') and setting = '0')
              order by name)";
        let row = client.query_typed_one(query, &[]).await?;
        let newest = "select max(version) from refinery_schema_history";
        let migrated_to = match row.try_get(5)? {
            true => client.query_typed_one(newest, &[]).await?.try_get(0)?,
            false => None,
        };
        Ok(Self {
            version: row.try_get(0)?,
            follows: row.try_get(1)?,
            now: row.try_get(2)?,
            encrypted: row.try_get(3)?,
            may_create: row.try_get::<_, Option<bool>>(4)?.unwrap_or(false),
            unset: row.try_get(6)?,
            migrated_to,
        })
    }

    fn schema(&self) -> Result<String, String> {
        let newest = migrate::newest_version();
        if self.follows {
            return Err("this database follows another one and takes no writes".to_owned());
        }
        if !self.may_create {
            return Err("the role may not create tables, which migrations do".to_owned());
        }
        Ok(match self.migrated_to {
            None => format!("not there yet, or the earlier server's: the next start brings it to version {newest}"),
            Some(there) if there < newest => format!("version {there}; the next start brings it to {newest}"),
            Some(there) if there > newest => format!("version {there}, of a newer build; this one needs {newest}"),
            Some(there) => format!("version {there}, as this build needs it"),
        })
    }
}

/// Whether no statement and no lock can take for ever. We ask for it with each session; behind a PgBouncer the role has to.
fn settings(unset: &[String], config: &Config) -> Result<String, String> {
    let names = unset.join(", ");
    match (unset.is_empty(), config.pool_mode) {
        (true, _) => Ok("no statement and no lock takes for ever".to_owned()),
        (false, PoolMode::Session) => {
            Err(format!("{names} are not as the server asks for: does a PgBouncer ignore `options`?"))
        }
        (false, PoolMode::Transaction) => Err(format!("{names} must be set for the role (alter role ... set ...)")),
    }
}

/// Whether what passes between us and the database can be read or changed on the way.
fn encryption(dsn: &Dsn, encrypted: bool) -> Result<String, String> {
    let near = dsn.config.get_hosts().iter().all(|host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => name == "localhost" || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback()),
    });
    match (encrypted, dsn.verify) {
        (true, Verify::AuthorityAndName | Verify::Authority) => Ok("encrypted, the certificate is checked".to_owned()),
        _ if near => Ok("the database is on this machine".to_owned()),
        (true, Verify::Nothing) => Ok("encrypted; sslmode=verify-full would check the certificate, too".to_owned()),
        (false, _) => Err("not encrypted, on another machine: sslmode=verify-full is what it should be".to_owned()),
    }
}

fn clock(database: SystemTime) -> Result<String, String> {
    let now = SystemTime::now();
    let off = now.duration_since(database).unwrap_or_else(|error| error.duration());
    let sentence = format!("{} ms off the database's", off.as_millis());
    if off <= CLOCK_OFF_MAX { Ok(sentence) } else { Err(sentence) }
}

/// Whether files can be put into the folder.
fn folder(path: &Path) -> Result<String, String> {
    if !path.is_dir() {
        return Err(format!("{} is no folder", path.display()));
    }
    let file = path.join(format!(".check-{}", std::process::id()));
    let written = std::fs::write(&file, "written by repduel-backend check").and_then(|()| std::fs::remove_file(&file));
    match written {
        Ok(()) => Ok(format!("{} can be written to", path.display())),
        Err(error) => Err(format!("{} cannot be written to: {error}", path.display())),
    }
}

/// What is free below this path, as `df` says: the standard library does not.
fn free_bytes(path: &Path) -> Result<u64, String> {
    let output = Command::new("df").args(["--output=avail", "-B1"]).arg(path).output();
    let output = output.map_err(|error| format!("df cannot be run: {error}"))?;
    let said = String::from_utf8_lossy(&output.stdout);
    said.lines().nth(1).and_then(|line| line.trim().parse().ok()).ok_or_else(|| "df says nothing of it".to_owned())
}

fn enough(free_bytes: u64) -> Result<String, String> {
    let sentence = format!("{} MiB are free", free_bytes >> 20);
    if free_bytes >= DISK_FREE_MIN_BYTES { Ok(sentence) } else { Err(sentence) }
}

/// Whether a connection to this address can be opened.
async fn reach(address: &Outbound) -> Result<String, String> {
    let place = format!("{}:{}", address.host, address.port);
    match tokio::time::timeout(OUTBOUND_WAIT, TcpStream::connect((address.host.as_str(), address.port))).await {
        Ok(Ok(_)) => Ok(format!("{place} can be reached")),
        Ok(Err(error)) => Err(format!("{place} cannot be reached: {error}")),
        Err(_) => Err(format!("{place} does not answer within {} s", OUTBOUND_WAIT.as_secs())),
    }
}
