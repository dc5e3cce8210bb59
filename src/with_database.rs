//! The `with-database` command: another program, such as `pg_dump`, with the database's address in its environment. PostgreSQL's
//! programs would show an address with a password on their command line to everybody, and do not know all of ours.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use repduel_backend::config::Config;
use repduel_backend::db::dsn::{Dsn, Verify};
use repduel_backend::{start, telemetry};
use tokio_postgres::config::{Host, SslMode};

/// Puts this program in the place of ours, with the address of the database that a server would use.
///
/// # Errors
/// A sentence if no database can be reached, or the program cannot be run.
pub async fn run(config: Config, words: Vec<OsString>) -> Result<(), String> {
    let (program, arguments) = words.split_first().ok_or("with-database needs a program to run")?;
    let chosen = start::choose(&config).await.map_err(|refused| refused.to_string())?;
    let direct = start::direct(&config, &chosen.dsn).map_err(|error| format!("the database's address {error}"))?;
    telemetry::flush();
    let error = Command::new(program).args(arguments).envs(environment(&direct)).exec();
    Err(format!("{} cannot be run: {error}", program.display()))
}

/// The address as libpq reads it.
fn environment(dsn: &Dsn) -> Vec<(&'static str, OsString)> {
    let config = &dsn.config;
    let hosts: Vec<String> = config.get_hosts().iter().map(host).collect();
    let ports: Vec<String> = config.get_ports().iter().map(ToString::to_string).collect();
    let mode = match (config.get_ssl_mode(), dsn.verify) {
        (SslMode::Disable, _) => "disable",
        (_, Verify::AuthorityAndName) => "verify-full",
        (_, Verify::Authority) => "verify-ca",
        (SslMode::Require, Verify::Nothing) => "require",
        _ => "prefer",
    };
    let user = config.get_user().unwrap_or_default();
    let mut all = vec![
        ("PGHOST", hosts.join(",").into()),
        ("PGUSER", user.into()),
        ("PGDATABASE", config.get_dbname().unwrap_or(user).into()),
        ("PGSSLMODE", mode.into()),
        ("PGAPPNAME", "repduel-backend with-database".into()),
    ];
    if !ports.is_empty() {
        all.push(("PGPORT", ports.join(",").into()));
    }
    all.extend(config.get_password().map(|password| ("PGPASSWORD", OsStr::from_bytes(password).to_owned())));
    all.extend(dsn.root_cert.as_ref().map(|path| ("PGSSLROOTCERT", path.clone().into_os_string())));
    all
}

fn host(host: &Host) -> String {
    match host {
        Host::Tcp(name) => name.clone(),
        Host::Unix(path) => path.display().to_string(),
    }
}
