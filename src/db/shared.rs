//! The shared lane: a few clients on which all requests pipeline their short reads. Each thread of connections has one of its
//! own and drives it itself; all other threads share the rest, which the program's own runtime drives.
//!
//! A statement here costs no wait for a free connection, and many of them share one trip. A client that is lost is replaced
//! by the next request that needs it; meanwhile requests fail at once or after [`CONNECT_WAIT`], never later.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use deadpool_postgres::ClientWrapper;
use tokio::runtime::Handle;
use tokio_postgres::Config;
use tokio_postgres_rustls::MakeRustlsConnect;
use tokio_util::context::TokioContext;

use crate::error::{Error, Result};
use crate::threads;

/// Time a request waits for a lost client to be replaced. Callers are promised a 503 within two seconds.
const CONNECT_WAIT: Duration = Duration::from_millis(1_500);

/// The clients of the lane.
pub struct SharedLane {
    config: Config,
    tls: MakeRustlsConnect,
    of_threads: Vec<Slot>,
    of_all: Vec<Slot>,
    next: AtomicUsize,
}

struct Slot {
    client: RwLock<Option<Arc<ClientWrapper>>>,
    connecting: tokio::sync::Mutex<()>,
    /// What drives its client, if it is not the thread that opens it.
    runtime: Option<Handle>,
}

impl Slot {
    fn new(runtime: Option<Handle>) -> Self {
        Self { client: RwLock::default(), connecting: tokio::sync::Mutex::default(), runtime }
    }

    fn open(&self) -> Option<Arc<ClientWrapper>> {
        let client = self.client.read().unwrap_or_else(PoisonError::into_inner);
        client.as_ref().filter(|client| !client.is_closed()).map(Arc::clone)
    }
}

impl SharedLane {
    /// A lane of this many clients, driven by this runtime, beside those of so many threads; none is opened before it is needed.
    pub fn new((config, tls): (Config, MakeRustlsConnect), runtime: &Handle, threads: usize, clients: usize) -> Self {
        let of_threads = (0..threads).map(|_| Slot::new(None)).collect();
        let of_all = (0..clients.max(1)).map(|_| Slot::new(Some(runtime.clone()))).collect();
        Self { config, tls, of_threads, of_all, next: AtomicUsize::new(0) }
    }

    /// The slot of this thread, or one of those that all share, taking turns.
    fn slot(&self) -> Option<&Slot> {
        threads::place().and_then(|place| self.of_threads.get(place)).or_else(|| {
            let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.of_all.len().max(1);
            self.of_all.get(turn)
        })
    }

    /// A client that is open.
    ///
    /// # Errors
    /// `Unavailable` if none can be opened in time.
    pub async fn client(&self) -> Result<Arc<ClientWrapper>> {
        let slot = self.slot().ok_or_else(|| Error::internal("the shared lane has no clients"))?;
        if let Some(client) = slot.open() {
            return Ok(client);
        }
        // Apart from the caller's future, which would have the size of this one each time.
        let opened = Box::pin(async {
            match &slot.runtime {
                Some(runtime) => TokioContext::new(self.reopen(slot), runtime.clone()).await,
                None => self.reopen(slot).await,
            }
        });
        match tokio::time::timeout(CONNECT_WAIT, opened).await {
            Ok(client) => client,
            Err(elapsed) => Err(Error::unavailable(elapsed)),
        }
    }

    /// Drops the clients, so that the next requests open new ones: for a lane whose server does not answer.
    pub fn forget(&self) {
        for slot in self.of_threads.iter().chain(&self.of_all) {
            slot.client.write().unwrap_or_else(PoisonError::into_inner).take();
        }
    }

    /// Opens the slot's client anew, once for all who wait for it.
    async fn reopen(&self, slot: &Slot) -> Result<Arc<ClientWrapper>> {
        let _turn = slot.connecting.lock().await;
        if let Some(client) = slot.open() {
            return Ok(client);
        }
        let (client, connection) = self.config.connect(self.tls.clone()).await.map_err(Error::unavailable)?;
        let driver = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::warn!(%error, "a shared database connection was lost");
            }
        });
        let client = Arc::new(ClientWrapper::new(client, driver));
        *slot.client.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&client));
        Ok(client)
    }
}
