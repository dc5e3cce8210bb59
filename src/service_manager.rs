//! What the service manager (systemd) hands to the server and wants to hear from it: the listening socket, that it is ready,
//! that it stops, that it lives. Without one, nothing here does anything.
//!
//! A program that stands in front and forks, as `doppler run` does, is no hindrance: notices come from whichever process knows,
//! and a socket that was meant for the parent is taken by the child.

use std::ffi::OsString;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::os::unix::process::{CommandExt, parent_id};
use std::process::Command;
use std::time::Duration;

use listenfd::ListenFd;
use repduel_backend::threads::Threads;
use tokio::net::TcpListener;

/// The service manager, if one started this process.
pub struct ServiceManager {
    notices: Option<(UnixDatagram, SocketAddr)>,
    watchdog: Option<Duration>,
}

impl ServiceManager {
    /// The one that this environment tells of.
    ///
    /// # Errors
    /// A sentence if it wants notices where none can be sent.
    pub fn new(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, String> {
        let address = variable("NOTIFY_SOCKET").filter(|name| !name.is_empty());
        let notices = address.map(|name| door(&name).map_err(|error| format!("NOTIFY_SOCKET cannot be used: {error}")));
        let micros = variable("WATCHDOG_USEC").and_then(|text| text.to_str()?.parse().ok());
        Ok(Self {
            notices: notices.transpose()?,
            watchdog: micros.filter(|micros| *micros > 0).map(Duration::from_micros),
        })
    }

    /// Says that requests can come.
    pub fn ready(&self, status: &str) {
        self.send(&format!("READY=1\nSTATUS={status}"));
    }

    /// Says what the process is at.
    pub fn status(&self, status: &str) {
        self.send(&format!("STATUS={status}"));
    }

    /// Says that the process is about to end.
    pub fn stopping(&self) {
        self.send("STOPPING=1\nSTATUS=finishing what is in hand");
    }

    /// Says again and again that the process lives, twice in the time after which the manager takes it for dead. Whoever says
    /// so is a task that the runtime had to start and to wake, after one on each of these threads: where something does not move
    /// any more, nothing is said.
    pub async fn keep_alive(&self, threads: &Threads) {
        let Some(limit) = self.watchdog else { return std::future::pending().await };
        loop {
            if tokio::spawn(tokio::time::sleep(limit / 2)).await.is_ok() && threads.all_move().await {
                self.send("WATCHDOG=1");
            }
        }
    }

    fn send(&self, notice: &str) {
        let Some((socket, address)) = &self.notices else { return };
        if let Err(error) = socket.send_to_addr(notice.as_bytes(), address) {
            tracing::warn!(%error, "the service manager cannot be told");
        }
    }
}

/// A socket that never blocks, and the address that notices go to: a path, or an abstract name behind an `@`.
fn door(name: &OsString) -> std::io::Result<(UnixDatagram, SocketAddr)> {
    let address = match name.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(name)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    Ok((socket, address))
}

/// Begins anew, as the same process, without the name of the one that the socket was passed to, if that is the parent: only
/// the named process may take the socket, and the parent has left that to its child. To be called before anything else.
///
/// # Errors
/// A sentence if the program cannot be started again.
pub fn take_over_from_wrapper(variable: impl Fn(&str) -> Option<OsString>) -> Result<(), String> {
    let meant_for = variable("LISTEN_PID").and_then(|text| text.to_str()?.parse::<u32>().ok());
    if variable("LISTEN_FDS").is_none() || meant_for != Some(parent_id()) {
        return Ok(());
    }
    let program = std::env::current_exe().map_err(|error| format!("this program cannot be found: {error}"))?;
    let error = Command::new(program).args(std::env::args_os().skip(1)).env_remove("LISTEN_PID").exec();
    Err(format!("this program cannot be started again: {error}"))
}

/// The listening socket that the manager holds, if it handed one over. It is shared with whoever else got it, and stays open
/// when this process ends: connections that come in between wait.
///
/// # Errors
/// A sentence if what was handed over is no such socket.
pub fn listener() -> Result<Option<TcpListener>, String> {
    let taken = ListenFd::from_env().take_tcp_listener(0).and_then(|listener| {
        let Some(listener) = listener else { return Ok(None) };
        listener.set_nonblocking(true)?;
        TcpListener::from_std(listener).map(Some)
    });
    taken.map_err(|error| format!("the socket that was handed over cannot be used: {error}"))
}
