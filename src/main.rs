//! The program: one word says what to do. Exit codes: 0 done, 1 it could not be done, 64 the words or the configuration are
//! wrong.

mod backup_check_command;
mod check_command;
mod findings;
mod outbox_command;
mod serve;
mod service_manager;
mod with_database;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use repduel_backend::config::{Config, VARS, outbound};
use repduel_backend::time::Clock;
use repduel_backend::{openapi, routes, start, telemetry, worker};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// It could not be done.
const FAILED: u8 = 1;
/// The command line or the configuration is wrong (`EX_USAGE` of sysexits).
const USAGE: u8 = 64;

const HELP: &str = "\
usage: repduel-backend COMMAND
  serve       bring the schema up to date, serve, and do the work in the background
  worker      do the work in the background and nothing else
  migrate     bring the schema up to date and stop
  check       say whether this machine, with this configuration, can serve
  backup-check [FOLDER]
              say whether there is a good backup in FOLDER, /var/lib/repduel/backups by default
  outbox      list [pending|leased|completed|failed]: the newest events, by default those that were given up
              replay ID... | --all: try events again that were given up
  with-database PROGRAM...
              run PROGRAM with the database's address in its environment, as PostgreSQL's own programs read it
  openapi     print the API as an OpenAPI document
  variables   print the environment variables that are read, as a table
  --version   print the version and the commit
";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["serve"] => match service_manager::take_over_from_wrapper(|name| std::env::var_os(name)) {
            Ok(()) => with_config(|config| serve::run(config, |name| std::env::var_os(name))),
            Err(sentence) => failed(&sentence),
        },
        ["worker"] => with_config(worker),
        ["migrate"] => with_config(migrate),
        ["check"] => with_config(|config| check_command::run(config, outbound(variable))),
        ["backup-check"] => judged(backup_check_command::run(Path::new(backup_check_command::FOLDER))),
        ["backup-check", folder] if !folder.starts_with('-') => judged(backup_check_command::run(Path::new(folder))),
        ["outbox", words @ ..] => match outbox_command::parse(words) {
            Some(order) => with_config(|config| outbox_command::run(config, order)),
            None => usage(),
        },
        ["with-database", ..] => {
            let words = std::env::args_os().skip(2).collect();
            with_config(|config| with_database::run(config, words))
        }
        ["openapi"] => print(&format!("{:#}\n", openapi::document(routes::TABLE))),
        ["variables"] => print(&variables()),
        ["--version"] => {
            print(&format!("repduel-backend {} ({})\n", env!("CARGO_PKG_VERSION"), env!("REPDUEL_COMMIT")))
        }
        ["--help" | "help"] => print(HELP),
        _ => usage(),
    }
}

fn failed(sentence: &str) -> ExitCode {
    eprintln!("{sentence}");
    ExitCode::from(FAILED)
}

fn judged(verdict: Result<(), String>) -> ExitCode {
    verdict.map_or_else(|sentence| failed(&sentence), |()| ExitCode::SUCCESS)
}

fn usage() -> ExitCode {
    eprint!("{HELP}");
    ExitCode::from(USAGE)
}

fn print(text: &str) -> ExitCode {
    use std::io::Write;
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(FAILED), // the reader has gone
    }
}

/// The README's table.
fn variables() -> String {
    let rows = VARS.iter().map(|var| {
        let names: Vec<String> =
            std::iter::once(&var.name).chain(var.aliases).map(|name| format!("`{name}`")).collect();
        let default = if var.default.is_empty() { String::new() } else { format!("`{}`", var.default) };
        let secret = if var.secret { "yes" } else { "" };
        format!("| {} | {default} | {secret} | {} |\n", names.join(", "), var.doc)
    });
    format!("| variable | default | secret | what it does |\n| --- | --- | --- | --- |\n{}", rows.collect::<String>())
}

/// Reads the configuration, starts logging and the runtime, and runs the command.
fn with_config<F: Future<Output = Result<(), String>>>(command: impl FnOnce(Config) -> F) -> ExitCode {
    let config = match Config::from_lookup(variable) {
        Ok(config) => config,
        Err(errors) => {
            eprintln!("{errors}");
            return ExitCode::from(USAGE);
        }
    };
    if let Err(error) = telemetry::init(&config) {
        return failed(&format!("no log: {error}"));
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&format!("no runtime: {error}")),
    };
    let done = runtime.block_on(command(config));
    telemetry::flush();
    judged(done)
}

/// A variable of the environment, or else the credential of that name, which systemd hands over as a file.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().or_else(|| {
        let folder = std::env::var_os("CREDENTIALS_DIRECTORY")?;
        std::fs::read_to_string(std::path::Path::new(&folder).join(name)).ok()
    })
}

/// Time for events that are in hand when the worker is asked to stop.
const WORKER_DRAIN: Duration = Duration::from_secs(20);

async fn worker(config: Config) -> Result<(), String> {
    let app = start::start(config, Clock::System).await.map_err(|error| error.to_string())?;
    let shutdown = shutdown().map_err(|error| format!("cannot wait for signals: {error}"))?;
    let stop = CancellationToken::new();
    tracing::info!("working");
    let working = worker::run(Arc::clone(&app), worker::name("worker"), stop.clone());
    let asked = async {
        shutdown.await;
        stop.cancel();
    };
    tokio::join!(working, asked);
    app.writes.close();
    if tokio::time::timeout(WORKER_DRAIN, app.writes.wait()).await.is_err() {
        tracing::warn!("events were still in hand when the time for draining was over");
    }
    app.telemetry.end_sending().await;
    app.db.close();
    tracing::info!("stopped");
    Ok(())
}

async fn migrate(config: Config) -> Result<(), String> {
    let chosen = start::choose(&config).await.map_err(|refused| refused.to_string())?;
    let direct = start::direct(&config, &chosen.dsn).map_err(|error| format!("the database's address {error}"))?;
    start::migrate(&direct).await.map_err(|error| error.chain().unwrap_or_default())
}

/// Resolves at SIGTERM or SIGINT.
fn shutdown() -> std::io::Result<impl Future<Output = ()>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
    })
}
