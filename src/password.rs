//! Passwords: bcrypt, in a lane of its own.
//!
//! One hash is about 0.2 s of a core, so hashing runs off the async threads, on half of the cores at most, and where cores are
//! short it gives way ([`NICENESS`]); who has waited [`QUEUE_WAIT`] or finds [`QUEUE_MAX`] others waiting is told to come back. The hashes are those of the earlier server
//! (`$2b$`, cost 12), in both directions.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustix::process::nice;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::error::{Error, Problem, Result};

/// The work factor of new hashes, as the earlier server's.
const COST: u32 = 12;
/// Callers that may wait for the lane.
const QUEUE_MAX: usize = 256;
/// Time a caller may wait for the lane; below the handler's deadline (8 s) by a hash and the statements around it.
const QUEUE_WAIT: Duration = Duration::from_secs(6);
/// How far hashing threads step back: they get a third of what an ordinary thread gets of a core that both want. Further back,
/// nobody could log in while the server is busy.
const NICENESS: i32 = 5;
/// bcrypt reads this many bytes and ignores the rest.
pub const BYTES_MAX: usize = 72;
/// A hash that no password has: what a login of nobody is compared with, so that it takes as long as any other.
const NOBODY: &str = "$2b$12$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy";

/// The lane.
pub struct Passwords {
    turns: Arc<Semaphore>,
    waiting: AtomicUsize,
}

/// A turn on the lane: held while hashing.
pub struct Turn(OwnedSemaphorePermit);

impl Passwords {
    /// A lane of half of the cores, at least one.
    #[must_use]
    pub fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { turns: Arc::new(Semaphore::new((cores / 2).max(1))), waiting: AtomicUsize::new(0) }
    }

    /// Waits for a turn.
    ///
    /// # Errors
    /// 429 if too many wait already, or this one has waited too long.
    pub async fn turn(&self) -> Result<Turn> {
        let _place = Place::take(&self.waiting)?;
        let turn = tokio::time::timeout(QUEUE_WAIT, Arc::clone(&self.turns).acquire_owned()).await;
        match turn {
            Ok(permit) => permit.map(Turn).map_err(Error::internal),
            Err(_) => Err(busy()),
        }
    }
}

impl Default for Passwords {
    fn default() -> Self {
        Self::new()
    }
}

impl Turn {
    /// The hash of a new password.
    ///
    /// # Errors
    /// `Internal` if the password is longer than [`BYTES_MAX`] or hashing fails.
    pub async fn hash(self, password: String) -> Result<String> {
        // The library's own check counts the NUL that ends the text, and so refuses a password of exactly this length.
        if password.len() > BYTES_MAX {
            return Err(Error::internal("the password is longer than bcrypt reads"));
        }
        off_thread(self, move || bcrypt::hash(password, COST)).await?.map_err(Error::internal)
    }

    /// Whether this is the password behind the hash; of nobody's it never is, and takes as long to find out. Old passwords
    /// longer than [`BYTES_MAX`] are cut, as they were when they were set.
    ///
    /// # Errors
    /// `Internal` if the thread is lost.
    pub async fn verify(self, password: String, hash: Option<String>) -> Result<bool> {
        off_thread(self, move || {
            let matches = bcrypt::verify(&password, hash.as_deref().unwrap_or(NOBODY));
            // What is no bcrypt hash takes as long, too.
            let matches = matches.or_else(|_| bcrypt::verify(&password, NOBODY).map(|_| false));
            matches.unwrap_or(false) && hash.is_some()
        })
        .await
    }
}

async fn off_thread<T: Send + 'static>(turn: Turn, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let (done, hashed) = oneshot::channel();
    // A thread of its own, because one that has stepped back cannot step forward again. Making it takes a 5,000th of the hash.
    let hashing = std::thread::Builder::new().name("password".to_owned()).spawn(move || {
        // Of this thread alone, on Linux. One that may not step back hashes all the same.
        let _ = nice(NICENESS);
        let _ = done.send(work());
        drop(turn.0);
    });
    hashing.map_err(Error::internal)?;
    hashed.await.map_err(Error::internal)
}

fn busy() -> Error {
    Error::new(Problem::TooManyRequests).with_retry_after_s(2)
}

/// A place in the queue, given back when dropped.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize) -> Result<Self> {
        let place = Self(waiting);
        if waiting.fetch_add(1, Ordering::Relaxed) >= QUEUE_MAX { Err(busy()) } else { Ok(place) }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_thread_that_hashes_steps_back() {
        let own = || nice(0).unwrap();
        let before = own();
        let there = off_thread(Passwords::new().turn().await.unwrap(), own).await.unwrap();
        assert_eq!((there, own()), (before + NICENESS, before));
    }

    #[tokio::test]
    async fn hashes_verify_and_nobody_does_not() {
        let lane = Passwords::new();
        let hash = lane.turn().await.unwrap().hash("correct horse".to_owned()).await.unwrap();
        assert!(hash.starts_with("$2b$12$"));
        let verify = async |password: &str, hash: Option<&str>| {
            let turn = lane.turn().await.unwrap();
            turn.verify(password.to_owned(), hash.map(str::to_owned)).await.unwrap()
        };
        assert!(verify("correct horse", Some(&hash)).await);
        assert!(!verify("wrong horse", Some(&hash)).await);
        assert!(!verify("correct horse", None).await);
        assert!(!verify("correct horse", Some("not a hash")).await);
    }

    #[tokio::test]
    async fn passwords_are_hashed_whole_or_not_at_all() {
        let lane = Passwords::new();
        assert!(lane.turn().await.unwrap().hash("p".repeat(BYTES_MAX)).await.is_ok());
        assert!(lane.turn().await.unwrap().hash("p".repeat(BYTES_MAX + 1)).await.is_err());
    }

    #[tokio::test]
    async fn the_queue_is_bounded() {
        let waiting = AtomicUsize::new(0);
        let places: Vec<_> = (0..QUEUE_MAX).map(|_| Place::take(&waiting).unwrap()).collect();
        assert!(Place::take(&waiting).is_err());
        drop(places);
        assert_eq!(waiting.load(Ordering::Relaxed), 0);
    }
}
