//! Opening connections before they are needed. A new one costs whoever comes first a login, the preparing of statements and what
//! PostgreSQL reads anew for each session.

use super::pool::{Db, SHARED_CLIENTS};
use super::statement::{Lane, Statement};
use crate::config::PoolMode;
use crate::error::{Error, Result};

/// Connections of the pool that are opened: what a machine of a few cores keeps busy at once.
const POOLED: usize = 4;

impl Db {
    /// Opens connections and prepares these statements on them, in the pool and on the shared lane. Behind a pooler of
    /// transactions nothing is prepared: its connections are others each time.
    ///
    /// # Errors
    /// `Unavailable` if the database is away; what is open then stays open.
    pub async fn warm_up(&self, statements: &[&[&Statement]]) -> Result<()> {
        let lasting = if self.mode() == PoolMode::Session { statements } else { &[] };
        let statements = || lasting.iter().copied().flatten();
        let mut opened = Vec::new();
        while opened.len() < POOLED.min(self.pool_status().max_size) {
            let connection = self.connection().await?;
            for statement in statements() {
                connection.prepare_cached(statement.text).await.map_err(Error::unavailable)?;
            }
            opened.push(connection); // kept until all are open: the pool would give out the same one again
        }
        for _ in 0..SHARED_CLIENTS {
            let client = self.shared().client().await?;
            for statement in statements().filter(|statement| statement.lane == Lane::Shared) {
                client.prepare_cached(statement.text).await.map_err(Error::unavailable)?;
            }
        }
        Ok(())
    }
}
