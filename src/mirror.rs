//! Mirrors, in the memory of a process, of tables that everybody reads and hardly anybody changes. Whoever changes such a table
//! rings by a trigger of its own; because notices can be lost, everything is read anew every [`LOOK_EVERY`] as well.

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

/// What was last read of a table.
pub struct Mirror<T> {
    shown: RwLock<Option<Arc<T>>>,
    reading: Mutex<()>,
}

impl<T> Default for Mirror<T> {
    fn default() -> Self {
        Self { shown: RwLock::new(None), reading: Mutex::new(()) }
    }
}

impl<T> Mirror<T> {
    /// What it shows; `None` before anything was read.
    #[must_use]
    pub fn shown(&self) -> Option<Arc<T>> {
        self.shown.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Shows what this reads. Of two who do so, the one who begins first is also the first to be shown.
    ///
    /// # Errors
    /// Those of reading; then it shows what it did.
    pub async fn refresh(&self, read: impl Future<Output = Result<T>>) -> Result<Arc<T>> {
        let _turn = self.reading.lock().await;
        let read = Arc::new(read.await?);
        *self.shown.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&read));
        Ok(read)
    }
}

/// Reads a table anew.
type Refresh = Box<dyn Fn() -> Pin<Box<dyn Future<Output = Result<()>> + Send>> + Send + Sync>;

/// A table that has a mirror.
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

/// Keeps the mirrors of these tables true. Never ends.
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
            tracing::debug!(table.channel, error = error.chain(), "the mirror of a table stays as it was");
        }
        let _ = tokio::time::timeout(LOOK_EVERY, ring.notified()).await;
    }
}
