//! What a process keeps in memory of a table that everybody reads and hardly anybody changes. Whoever changes such a table rings
//! by a trigger of its own; because notices can be lost, everything is read anew every [`LOOK_EVERY`] as well.

use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::{Mutex, Notify};

use crate::db::Db;
use crate::db::listen::listen;
use crate::error::Result;

/// Time between two looks without a notice.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// A value that is read from the database, as far as this process knows it.
pub struct Kept<T> {
    known: RwLock<Option<Arc<T>>>,
    reading: Mutex<()>,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self { known: RwLock::new(None), reading: Mutex::new(()) }
    }
}

impl<T> Kept<T> {
    /// The value; `None` before it was read.
    #[must_use]
    pub fn known(&self) -> Option<Arc<T>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads it anew. Of two who do, the one who begins first is also the first to set.
    ///
    /// # Errors
    /// Those of reading; then it stays as it was.
    pub async fn refresh(&self, read: impl Future<Output = Result<T>>) -> Result<Arc<T>> {
        let _turn = self.reading.lock().await;
        let read = Arc::new(read.await?);
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&read));
        Ok(read)
    }
}

/// Reads a table anew.
type Refresh = Box<dyn Fn() -> Pin<Box<dyn Future<Output = Result<()>> + Send>> + Send + Sync>;

/// A table that is kept.
pub struct Followed {
    channel: &'static str,
    refresh: Refresh,
}

impl Followed {
    /// One whose trigger rings on this channel and which is read anew so, with what this process shares.
    pub fn new<S: Send + Sync + 'static, F: Future<Output = Result<()>> + Send + 'static>(
        channel: &'static str,
        shared: &Arc<S>,
        refresh: impl Fn(Arc<S>) -> F + Send + Sync + 'static,
    ) -> Self {
        let shared = Arc::clone(shared);
        Self { channel, refresh: Box::new(move || Box::pin(refresh(Arc::clone(&shared)))) }
    }
}

/// Keeps what this process knows of these tables as it is in the database. Never ends.
pub async fn follow(db: &Db, tables: Vec<Followed>) {
    let channels: Vec<&str> = tables.iter().map(|table| table.channel).collect();
    let rung: Vec<(Followed, Notify)> = tables.into_iter().map(|table| (table, Notify::new())).collect();
    let hear = |channel: Option<&str>| {
        for (table, ring) in &rung {
            if channel.is_none_or(|channel| channel == table.channel) {
                ring.notify_one();
            }
        }
    };
    tokio::join!(listen(db, &channels, hear), join_all(rung.iter().map(|(table, ring)| look(table, ring))));
}

async fn look(table: &Followed, ring: &Notify) {
    loop {
        if let Err(error) = (table.refresh)().await {
            tracing::debug!(table.channel, error = error.chain(), "what is kept of a table stays as it was");
        }
        let _ = tokio::time::timeout(LOOK_EVERY, ring.notified()).await;
    }
}
