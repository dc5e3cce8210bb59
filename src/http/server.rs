//! The server loop: accept, serve, drain.
//!
//! Always holds: a permit is taken before a connection is accepted, so that there are never more than [`CONNECTIONS_MAX`]; an
//! accept that fails for want of resources is tried again after a pause; whoever was let in is answered, also while the server
//! drains; no connection and no write outlives the drain.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::guard::{Guard, Notes, Refused};
use super::headers::{HEAD_MAX_BYTES, HEADERS_READ_MAX};
use super::service::Service;
use crate::telemetry::RequestLine;
use crate::threads::Threads;

/// Connections at one time.
pub const CONNECTIONS_MAX: u32 = 4096;
/// Pause after an accept that failed for want of file descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Time in which a draining server goes on taking requests, each answered with `Connection: close`. Longer than Caddy keeps
/// idle connections (2 s), so that each of them is either used once more or closed by Caddy.
const LINGER: Duration = Duration::from_secs(3);
/// Time for the first request of a connection that was accepted at the last moment. It is on its way, and a client that is cut
/// off there cannot know whether it was served.
const FIRST_REQUEST_WAIT: Duration = Duration::from_secs(2);
/// Time for requests and writes that are still running after that.
const DRAIN: Duration = Duration::from_secs(20);

/// Serves on these threads until `shutdown` resolves, then drains.
pub async fn serve(
    listener: TcpListener,
    service: Arc<Service>,
    threads: Arc<Threads>,
    shutdown: impl Future<Output = ()>,
) {
    let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX as usize));
    let (close, closing) = watch::channel(());
    let over = CancellationToken::new();
    let accepting = accept_all(
        listener,
        Arc::clone(&service),
        Arc::clone(&threads), // which last as long as this drains
        (Arc::clone(&permits), closing),
        over.clone(),
    );
    let accepting = tokio::spawn(accepting);
    shutdown.await;

    service.app.start_draining();
    // All but the one that waits for the next connection: nobody is left who could come back.
    let _ = timeout(LINGER, permits.acquire_many(CONNECTIONS_MAX - 1)).await;
    over.cancel();
    let _ = accepting.await;
    let _ = close.send(());
    service.app.writes.close();
    let all_ended = async {
        let _ = permits.acquire_many(CONNECTIONS_MAX).await;
        service.app.writes.wait().await; // only now: a connection of the last moment may have left one behind
    };
    if timeout(DRAIN, all_ended).await.is_err() {
        tracing::warn!("requests were still running when the time for draining was over");
    }
}

/// Accepts until it is over; then whoever stands in the queue by now is still let in, and the listener closed.
async fn accept_all(
    listener: TcpListener,
    service: Arc<Service>,
    threads: Arc<Threads>,
    (permits, closing): (Arc<Semaphore>, watch::Receiver<()>),
    over: CancellationToken,
) {
    let next = async || (Arc::clone(&permits).acquire_owned().await, listener.accept().await);
    loop {
        let (permit, accepted) = tokio::select! {
            biased;
            next = next() => next,
            () = over.cancelled() => return,
        };
        let Ok(permit) = permit else { return };
        match accepted {
            Ok((stream, peer)) => {
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "no TCP_NODELAY");
                }
                let (service, closing) = (Arc::clone(&service), closing.clone());
                threads.spawn(async move {
                    match at_home(stream) {
                        Ok(stream) => connection(stream, peer, service, closing, permit).await,
                        Err(error) => tracing::error!(%error, "cannot keep a connection"),
                    }
                });
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::error!(%error, "cannot accept connections");
                if timeout(ACCEPT_PAUSE, over.cancelled()).await.is_ok() {
                    return;
                }
            }
        }
    }
}

/// Connections to the private socket at one time: whoever watches or replaces this process.
const PRIVATE_CONNECTIONS_MAX: usize = 64;
/// Whom requests by the private socket come from, as far as anybody asks.
const OURSELVES: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Serves on a socket that leads to this process and no other, for as long as it is polled: whoever shares the port with
/// another process can be asked for itself, before it accepts connections and while it drains.
pub async fn serve_private(listener: UnixListener, service: Arc<Service>) {
    let permits = Arc::new(Semaphore::new(PRIVATE_CONNECTIONS_MAX));
    let (_open, closing) = watch::channel(());
    loop {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(connection(stream, OURSELVES, Arc::clone(&service), closing.clone(), permit));
            }
            Err(error) => {
                tracing::error!(%error, "cannot accept connections to the private socket");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Whether the connection failed, rather than the listener.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// The stream, known to the runtime that asks for it, which need not be the one that accepted it.
fn at_home(stream: TcpStream) -> io::Result<TcpStream> {
    TcpStream::from_std(stream.into_std()?)
}

async fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: SocketAddr,
    service: Arc<Service>,
    mut closing: watch::Receiver<()>,
    permit: OwnedSemaphorePermit,
) {
    let notes = Arc::new(Notes::default());
    let guard = Guard::new(stream, Arc::clone(&notes));
    let asked = AtomicBool::new(false);
    let respond = service_fn(|request| {
        asked.store(true, Ordering::Relaxed);
        let (service, notes) = (Arc::clone(&service), Arc::clone(&notes));
        async move { Ok::<_, std::convert::Infallible>(service.respond(request, peer.ip(), &notes).await) }
    });
    let serving = http1::Builder::new()
        .header_read_timeout(None) // the guard has the clocks
        .max_buf_size(HEAD_MAX_BYTES)
        .max_headers(HEADERS_READ_MAX)
        .serve_connection(TokioIo::new(guard), respond);
    tokio::pin!(serving);
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        _ = closing.changed() => {
            // A draining server closes each connection behind its answer, so one that has not been used yet ends by itself.
            let wait = if asked.load(Ordering::Relaxed) { Duration::ZERO } else { FIRST_REQUEST_WAIT };
            match timeout(wait, serving.as_mut()).await {
                Ok(ended) => ended,
                Err(_) => {
                    serving.as_mut().graceful_shutdown();
                    timeout(DRAIN, serving).await.unwrap_or(Ok(()))
                }
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended");
    }
    if let Some(Refused { request_id, status, since }) = notes.refused.get() {
        RequestLine::refused(&service.app.telemetry, request_id.clone(), since.into_std(), *status);
    }
    drop(permit);
}
