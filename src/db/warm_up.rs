//! Opening connections before they are needed. A new one costs whoever comes first a login, the preparing and planning of
//! statements and what PostgreSQL reads anew for each session.

use std::pin::pin;

use bytes::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use super::pg_error::StatementError;
use super::pool::{Db, SHARED_CLIENTS};
use super::statement::{Lane, Statement};
use crate::config::PoolMode;
use crate::error::Result;
use crate::threads::Threads;

/// Connections of the pool that are opened: what a machine of a few cores keeps busy at once. Half of the pool is left to callers.
const POOLED: usize = 4;

/// The statements of some domains.
type Statements = &'static [&'static [&'static Statement]];

impl Db {
    /// Opens connections and has these statements planned on them, in the pool and on the shared lane, each thread's client of
    /// it as well. Nothing is written.
    ///
    /// # Errors
    /// `Unavailable` if the database is away; what is open then stays open.
    pub async fn warm_up(&self, statements: Statements, threads: &Threads) -> Result<()> {
        let all = async {
            for _ in 0..SHARED_CLIENTS {
                self.warm_up_client(statements).await?;
            }
            let opened = threads.on_each(|| {
                let db = self.clone();
                async move { db.warm_up_client(statements).await }
            });
            opened.await.into_iter().collect::<Result<()>>()?;
            self.warm_up_pool(statements).await
        };
        self.while_there(pin!(all)).await
    }

    async fn warm_up_pool(&self, statements: Statements) -> Result<()> {
        let mut opened = Vec::new();
        while opened.len() < POOLED.min(self.pool_status().max_size / 2) {
            let mut connection = self.connection().await?;
            for statement in self.lasting(statements) {
                let wrap = |error| StatementError::new(statement.file, error);
                // A transaction for each, so that it keeps no locks.
                let transaction = connection.transaction().await.map_err(wrap)?;
                let prepared = transaction.prepare_cached(statement.text).await.map_err(wrap)?;
                // Binding values to it plans it, and is all that is done.
                transaction.bind(&prepared, &nulls(statement)).await.map_err(wrap)?;
                transaction.rollback().await.map_err(wrap)?;
            }
            opened.push(connection); // kept until all are open: the pool would give out the same one again
        }
        Ok(())
    }

    /// The client of the shared lane whose turn it is, or which belongs to this thread. What it runs finds nothing for nobody.
    async fn warm_up_client(&self, statements: Statements) -> Result<()> {
        let client = self.shared().client().await?;
        let its_own = |statement: &&Statement| matches!(statement.lane, Lane::Shared | Lane::Gathered);
        for statement in self.lasting(statements).filter(its_own) {
            let wrap = |error| StatementError::new(statement.file, error);
            let prepared = client.prepare_cached(statement.text).await.map_err(wrap)?;
            client.query(&prepared, &nulls(statement)).await.map_err(wrap)?;
        }
        Ok(())
    }

    /// What a connection remembers of these: nothing behind a pooler of transactions, whose connections are others each time.
    fn lasting(&self, statements: Statements) -> impl Iterator<Item = &'static Statement> {
        let lasting = if self.mode() == PoolMode::Session { statements } else { &[] };
        lasting.iter().copied().flatten().copied()
    }
}

/// A null of any type.
#[derive(Debug)]
struct Null;

impl ToSql for Null {
    fn to_sql(&self, _: &Type, _: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        Ok(IsNull::Yes)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// A null for each parameter.
fn nulls(statement: &Statement) -> Vec<&'static (dyn ToSql + Sync)> {
    statement.params.iter().map(|_| &Null as _).collect()
}
