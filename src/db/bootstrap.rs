//! Which database to use: the internal address before the remote one, decided once at the start.
//!
//! `connect` is passed in, so that every path can be tested. Each attempt is connection, TLS, authentication and one query,
//! inside one time limit. Nothing here shows more of an address than host, port and database.

use std::fmt;
use std::time::{Duration, Instant};

use super::dsn::{Dsn, DsnError};
use super::tls;
use crate::config::PoolMode;
use tokio_postgres::SimpleQueryMessage;

/// An address to try, under the name of the variable it came from.
pub struct Candidate {
    /// The variable.
    pub name: &'static str,
    /// Its address, or why it is none.
    pub dsn: Result<Dsn, DsnError>,
}

/// What became of one address.
#[derive(Debug)]
pub struct Attempt {
    name: &'static str,
    location: Option<String>,
    took: Duration,
    failure: String,
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.location {
            Some(location) => {
                write!(f, "{} ({location}) failed after {} ms: {}", self.name, self.took.as_millis(), self.failure)
            }
            None => write!(f, "{} {}", self.name, self.failure),
        }
    }
}

/// The database that was chosen, and what failed before.
#[derive(Debug)]
pub struct Chosen {
    /// The variable it came from.
    pub name: &'static str,
    /// Where it is.
    pub dsn: Dsn,
    /// Whether it answered; false only when no database did and the service starts all the same.
    pub reachable: bool,
    /// What failed before it.
    pub failed: Vec<Attempt>,
}

/// No database could be used.
#[derive(Debug)]
pub struct Refused(pub Vec<Attempt>);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no database can be reached")?;
        self.0.iter().try_for_each(|attempt| write!(f, "\n  {attempt}"))
    }
}

/// Tries the addresses in order; the first that answers wins. If none does: strict refuses, lenient takes the first that is
/// an address at all, in the hope that it comes back.
///
/// # Errors
/// [`Refused`] with one attempt per address.
pub async fn choose<C, F>(
    candidates: Vec<Candidate>,
    strict: bool,
    timeout: Duration,
    connect: C,
) -> Result<Chosen, Refused>
where
    C: Fn(Dsn) -> F,
    F: Future<Output = Result<(), String>>,
{
    let mut failed = Vec::new();
    let mut hope = None;
    for Candidate { name, dsn } in candidates {
        let began = Instant::now();
        let mut fail = |location, failure| failed.push(Attempt { name, location, took: began.elapsed(), failure });
        let dsn = match dsn {
            Ok(dsn) => dsn,
            Err(error) => {
                fail(None, error.0);
                continue;
            }
        };
        match tokio::time::timeout(timeout, connect(dsn.clone())).await {
            Ok(Ok(())) => return Ok(Chosen { name, dsn, reachable: true, failed }),
            Ok(Err(failure)) => {
                let is_hopeless = failure == SHARED; // it is there, and will not be another one
                fail(Some(dsn.location()), failure);
                if is_hopeless {
                    continue;
                }
            }
            Err(_) => fail(Some(dsn.location()), format!("no answer within {} s", timeout.as_secs_f32())),
        }
        hope = hope.or(Some((name, dsn)));
    }
    match hope {
        Some((name, dsn)) if !strict => Ok(Chosen { name, dsn, reachable: false, failed }),
        _ => Err(Refused(failed)),
    }
}

/// What is said where sessions are shared and nobody said so: what one request prepared or set, another one would meet.
pub const SHARED: &str = "connections share their sessions, as behind a PgBouncer in transaction mode: set \
    DATABASE_POOL_MODE=transaction and DATABASE_URL_DIRECT, or its pool_mode to session";

/// Connects for real, twice: asks each connection for its session, and closes them.
///
/// # Errors
/// What went wrong, in a sentence without secrets; [`SHARED`] if both have the same session and must not.
pub async fn probe(dsn: Dsn, session: tokio_postgres::Config, mode: PoolMode) -> Result<(), String> {
    let tls = tls::connector(&dsn).map_err(|error| error.0)?;
    let mut open = Vec::new();
    for _ in 0..2 {
        let (client, connection) = session.connect(tls.clone()).await.map_err(|error| sentence(&error, &dsn))?;
        let driver = tokio::spawn(connection);
        let answer = client.simple_query("select pg_backend_pid()").await.map_err(|error| sentence(&error, &dsn));
        let answered: Option<String> = answer?.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        });
        open.push((client, driver, answered));
    }
    let is_one = matches!(open.as_slice(), [(_, _, Some(one)), (_, _, Some(other))] if one == other);
    open.iter().for_each(|(_, driver, _)| driver.abort());
    if is_one && mode == PoolMode::Session { Err(SHARED.to_owned()) } else { Ok(()) }
}

/// The whole chain of an error on one line. PostgreSQL's messages never hold the password; the user, whom they quote, is
/// struck out.
#[must_use]
pub fn sentence(error: &tokio_postgres::Error, dsn: &Dsn) -> String {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    let user = dsn.config.get_user().unwrap_or_default();
    text.replace(&format!("\"{user}\""), "***")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(name: &'static str, url: &str) -> Candidate {
        Candidate { name, dsn: Dsn::parse(url) }
    }

    fn both() -> Vec<Candidate> {
        vec![
            candidate("INTERNAL", "postgres://u:secret@internal/d"),
            candidate("REMOTE", "postgres://u:secret@remote/d"),
        ]
    }

    async fn only(alive: &'static str, dsn: Dsn) -> Result<(), String> {
        if dsn.location().starts_with(alive) { Ok(()) } else { Err("connection refused".to_owned()) }
    }

    const SOON: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn internal_is_taken_when_it_answers() {
        let chosen = choose(both(), true, SOON, |dsn| only("internal", dsn)).await.unwrap();
        assert_eq!((chosen.name, chosen.failed.len()), ("INTERNAL", 0));
    }

    #[tokio::test]
    async fn remote_is_taken_when_internal_is_down() {
        let chosen = choose(both(), true, SOON, |dsn| only("remote", dsn)).await.unwrap();
        assert_eq!((chosen.name, chosen.reachable), ("REMOTE", true));
        assert!(chosen.failed[0].to_string().starts_with("INTERNAL (internal:5432/d) failed after"));
    }

    #[tokio::test]
    async fn silence_counts_as_failure_within_the_limit() {
        let refused = choose(both(), true, SOON, |_| std::future::pending()).await.unwrap_err();
        assert_eq!(refused.0.len(), 2);
        assert!(refused.to_string().contains("no answer within"));
        assert!(!refused.to_string().contains("secret"));
    }

    #[tokio::test]
    async fn lenient_starts_with_the_internal_one() {
        let chosen = choose(both(), false, SOON, |dsn| only("nowhere", dsn)).await.unwrap();
        assert_eq!((chosen.name, chosen.reachable, chosen.failed.len()), ("INTERNAL", false, 2));
    }

    #[tokio::test]
    async fn garbage_is_passed_over_and_alone_is_refused_even_when_lenient() {
        let mut candidates = vec![candidate("INTERNAL", "garbage")];
        assert!(choose(vec![candidate("INTERNAL", "garbage")], false, SOON, |dsn| only("x", dsn)).await.is_err());
        candidates.push(candidate("REMOTE", "postgres://u@remote/d"));
        let chosen = choose(candidates, true, SOON, |dsn| only("remote", dsn)).await.unwrap();
        assert_eq!(chosen.failed[0].to_string(), "INTERNAL is not a PostgreSQL URL");
    }
}
