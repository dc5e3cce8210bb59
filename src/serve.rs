//! The `serve` command: from a configuration to a server that answers, until it is asked to stop.

use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use repduel_backend::app::App;
use repduel_backend::config::Config;
use repduel_backend::http::server;
use repduel_backend::http::service::Service;
use repduel_backend::threads::Threads;
use repduel_backend::time::Clock;
use repduel_backend::{domain, routes, start, worker};
use tokio::net::{TcpListener, UnixListener};
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;

use crate::service_manager::{self, ServiceManager};

/// Time between two looks whether connections still have to wait. Whoever lets them in is a script that waits for minutes.
const HOLD_POLL: Duration = Duration::from_millis(20);

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// A sentence why it cannot.
pub async fn run(config: Config, environment: impl Fn(&str) -> Option<OsString>) -> Result<(), String> {
    let manager = Arc::new(ServiceManager::new(environment)?);
    let handed_over = service_manager::listener()?;
    let (listen, hold_file) = (config.listen, config.hold_file.clone());
    let private = config.private_socket.as_deref().map(bind_private).transpose()?;
    let threads = Threads::start().map_err(|error| format!("cannot start the threads of connections: {error}"))?;
    let threads = Arc::new(threads);
    let app = start::start(config, Clock::System).await.map_err(|error| error.to_string())?;
    let listener = match handed_over {
        Some(listener) => listener,
        None => TcpListener::bind(listen).await.map_err(|error| format!("cannot listen on {listen}: {error}"))?,
    };
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let shutdown = crate::shutdown().map_err(|error| format!("cannot wait for signals: {error}"))?;
    let service = Arc::new(Service::new(Arc::clone(&app), routes::TABLE, routes::WEB_APP));
    let beside = stand_by(&manager, private, &service, &threads);
    let stop = CancellationToken::new();
    let (stopping, asked) = (Arc::clone(&manager), stop.clone());
    let shutdown = async move {
        shutdown.await;
        stopping.stopping();
        asked.cancel(); // what is in hand is among the writes that the drain waits for
    };
    tokio::pin!(shutdown);

    manager.ready("ready");
    let let_in = tokio::select! {
        () = hold(hold_file.as_deref(), &manager) => true,
        () = shutdown.as_mut() => false,
    };
    if let_in {
        tracing::info!(%address, "listening");
        manager.status(concat!("serving build ", env!("REPDUEL_COMMIT")));
        let working = tokio::spawn(worker::run(Arc::clone(&app), worker::name("serve"), stop));
        server::serve(listener, service, threads, shutdown).await;
        if let Err(error) = working.await {
            tracing::error!(%error, "the worker panicked");
        }
    }
    app.telemetry.end_sending().await;
    drop(beside);
    app.db.close();
    tracing::info!("stopped");
    Ok(())
}

/// What goes on beside the server until this is dropped.
struct Beside(Vec<AbortHandle>);

impl Drop for Beside {
    fn drop(&mut self) {
        self.0.iter().for_each(AbortHandle::abort);
    }
}

/// Answers on the private socket, tells the service manager again and again that the process lives, and opens connections to the
/// database before callers need them.
fn stand_by(
    manager: &Arc<ServiceManager>,
    private: Option<UnixListener>,
    service: &Arc<Service>,
    threads: &Arc<Threads>,
) -> Beside {
    let (manager, alive) = (Arc::clone(manager), Arc::clone(threads));
    let mut tasks = vec![
        tokio::spawn(async move { manager.keep_alive(&alive).await }).abort_handle(),
        tokio::spawn(warm_up(Arc::clone(&service.app), Arc::clone(threads))).abort_handle(),
    ];
    if let Some(listener) = private {
        tasks.push(tokio::spawn(server::serve_private(listener, Arc::clone(service))).abort_handle());
    }
    Beside(tasks)
}

/// The private socket, in the place of one that a killed process left.
fn bind_private(path: &Path) -> Result<UnixListener, String> {
    let sentence = |error| format!("cannot listen on {}: {error}", path.display());
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(sentence(error)),
        _ => UnixListener::bind(path).map_err(sentence),
    }
}

/// Opens connections to the database as soon as it is there.
async fn warm_up(app: Arc<App>, threads: Arc<Threads>) {
    app.migrated().await;
    if let Err(error) = app.db.warm_up(domain::FREQUENT, &threads).await {
        tracing::warn!(cause = error.chain(), "connections to the database are opened when they are needed");
    }
}

/// Waits for as long as the file is there.
async fn hold(file: Option<&Path>, manager: &ServiceManager) {
    let Some(file) = file.filter(|file| file.exists()) else { return };
    manager.status("ready; connections wait for the hold file to go");
    tracing::info!("connections wait");
    while file.exists() {
        tokio::time::sleep(HOLD_POLL).await;
    }
}
