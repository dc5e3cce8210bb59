//! Errors of PostgreSQL as errors of the service: a lost connection is a 503, everything unexpected a 500, and a constraint
//! that a caller can break gets its meaning at the call ([`OnConstraint`]).

use std::fmt;

use tokio_postgres::error::SqlState;

use crate::error::{Error, Problem, Result};

/// A failed statement: which file, and what PostgreSQL said.
#[derive(Debug)]
pub struct StatementError {
    file: &'static str,
    source: tokio_postgres::Error,
}

impl StatementError {
    /// The failure of the statement in this file.
    #[must_use]
    pub fn new(file: &'static str, source: tokio_postgres::Error) -> Self {
        Self { file, source }
    }

    /// The constraint that was broken, if one was.
    #[must_use]
    pub fn constraint(&self) -> Option<&str> {
        self.source.as_db_error()?.constraint()
    }

    /// Whether the transaction may succeed when it is run again: a deadlock or a serialisation failure.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        let code = self.source.code();
        code == Some(&SqlState::T_R_DEADLOCK_DETECTED) || code == Some(&SqlState::T_R_SERIALIZATION_FAILURE)
    }

    /// Whether others were in the way: a lock that did not come free, a deadlock, a machine too busy to end the statement in time.
    #[must_use]
    pub fn is_held(&self) -> bool {
        let held = [Some(&SqlState::LOCK_NOT_AVAILABLE), Some(&SqlState::QUERY_CANCELED)];
        held.contains(&self.source.code()) || self.is_transient()
    }
}

impl fmt::Display for StatementError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "statement {}", self.file)
    }
}

impl std::error::Error for StatementError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

impl From<StatementError> for Error {
    fn from(error: StatementError) -> Self {
        if is_away(&error.source) || error.is_transient() { Self::unavailable(error) } else { Self::internal(error) }
    }
}

/// Whether the database could not serve the statement at all: closed, shutting down, starting up, full, or out of time.
fn is_away(error: &tokio_postgres::Error) -> bool {
    const AWAY: [SqlState; 9] = [
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::TOO_MANY_CONNECTIONS,
        SqlState::QUERY_CANCELED,
        SqlState::LOCK_NOT_AVAILABLE,
        SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
        SqlState::READ_ONLY_SQL_TRANSACTION,
        SqlState::DISK_FULL,
    ];
    match error.code() {
        Some(code) => AWAY.contains(code) || code.code().starts_with("08"),
        None => error.is_closed() || std::error::Error::source(error).is_some_and(|cause| cause.is::<std::io::Error>()),
    }
}

/// The failed statement behind an error, if there is one.
#[must_use]
pub fn statement_error(error: &Error) -> Option<&StatementError> {
    std::error::Error::source(error)?.downcast_ref()
}

/// Gives a constraint its meaning for the caller.
pub trait OnConstraint<T> {
    /// The other error if this constraint was broken.
    ///
    /// # Errors
    /// The one given, or the one that was there.
    fn on_constraint(self, name: &str, problem: Problem) -> Result<T>;
}

impl<T> OnConstraint<T> for Result<T> {
    fn on_constraint(self, name: &str, problem: Problem) -> Self {
        self.map_err(|error| {
            let broken = statement_error(&error).and_then(StatementError::constraint) == Some(name);
            if broken { Error::new(problem) } else { error }
        })
    }
}
