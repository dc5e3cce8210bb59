//! Threads that connections live on, one for each core, each with a runtime of its own. A GET is answered on its connection's
//! thread, with the client of the database that belongs to this thread: nothing is handed from one thread to another, which costs
//! more than most of them do. All other requests, and what goes on beside the requests, run on the program's own runtime, where
//! any thread takes what is to be done.

use std::cell::Cell;
use std::io;
use std::sync::Arc;

use aws_lc_rs::rand;
use tokio::runtime::{Builder, Handle};
use tokio_util::sync::{CancellationToken, DropGuard};

thread_local! {
    static PLACE: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Which of its threads this is, counted from 0; nothing on a thread that is none of them.
#[must_use]
pub fn place() -> Option<usize> {
    PLACE.get()
}

/// How many there are: one for each core.
#[must_use]
pub fn count() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The threads. They end, and what runs on them with them, when this is dropped. Without any, what they are given runs where it
/// is given to them.
#[derive(Default)]
pub struct Threads(Vec<Thread>);

struct Thread {
    runtime: Handle,
    /// As many holders as connections, and this one.
    connections: Arc<()>,
    _end: DropGuard,
}

impl Threads {
    /// Starts [`count`] threads.
    ///
    /// # Errors
    /// The system's, if it has none to give.
    pub fn start() -> io::Result<Self> {
        (0..count()).map(Thread::start).collect::<io::Result<_>>().map(Self)
    }

    /// Gives a connection to the thread that has the fewest.
    pub fn spawn(&self, connection: impl Future<Output = ()> + Send + 'static) {
        match self.0.iter().min_by_key(|thread| Arc::strong_count(&thread.connections)) {
            Some(thread) => {
                let counted = Arc::clone(&thread.connections);
                thread.runtime.spawn(async move {
                    connection.await;
                    drop(counted);
                });
            }
            None => drop(tokio::spawn(connection)),
        }
    }

    /// Does the same on every thread, one after another; what panics has no outcome.
    pub async fn on_each<T: Send + 'static, F>(&self, work: impl Fn() -> F) -> Vec<T>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let mut done = Vec::new();
        for thread in &self.0 {
            done.extend(thread.runtime.spawn(work()).await.ok());
        }
        done
    }

    /// Whether all of them do what they are given; waits for one that is held up.
    pub async fn all_move(&self) -> bool {
        self.on_each(|| async {}).await.len() == self.0.len()
    }
}

impl Thread {
    fn start(place: usize) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (handle, end) = (runtime.handle().clone(), CancellationToken::new());
        let ended = end.clone();
        std::thread::Builder::new().name(format!("connections-{place}")).spawn(move || {
            PLACE.set(Some(place));
            let _ = rand::fill(&mut [0]); // the first random number takes 30 ms, which would be those of a request
            runtime.block_on(ended.cancelled());
            runtime.shutdown_background(); // files that are read just now are nobody's any more
        })?;
        Ok(Self { runtime: handle, connections: Arc::default(), _end: end.drop_guard() })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Where a connection is that lasts for as long as the answer is kept.
    async fn lasting(threads: &Threads) -> (Option<usize>, DropGuard) {
        let end = CancellationToken::new();
        let (ended, (told, place_told)) = (end.clone(), tokio::sync::oneshot::channel());
        threads.spawn(async move {
            let _ = told.send(place());
            ended.cancelled().await;
        });
        (place_told.await.unwrap(), end.drop_guard())
    }

    fn never() -> DropGuard {
        CancellationToken::new().drop_guard()
    }

    /// Waits until the thread has no connections.
    async fn free(thread: &Thread) {
        let left = async {
            while Arc::strong_count(&thread.connections) > 1 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), left).await.expect("who has left counts no more");
    }

    #[tokio::test]
    async fn a_connection_goes_where_the_fewest_are() {
        let threads = Threads((0..3).map(|place| Thread::start(place).unwrap()).collect());
        let mut places = Vec::new();
        for _ in 0..3 {
            places.push(lasting(&threads).await);
        }
        assert_eq!(places.iter().map(|(place, _)| *place).collect::<Vec<_>>(), [Some(0), Some(1), Some(2)]);
        drop(places.remove(1));
        free(&threads.0[1]).await;
        assert_eq!(lasting(&threads).await.0, Some(1));
        assert_eq!(threads.on_each(|| async { place() }).await, [Some(0), Some(1), Some(2)]);
        assert!(threads.all_move().await);
    }

    #[tokio::test]
    async fn a_panic_takes_nothing_else_with_it() {
        let threads = Threads(vec![Thread::start(0).unwrap()]);
        threads.spawn(async { panic!("of one connection") });
        assert_eq!(lasting(&threads).await.0, Some(0));
        free(&threads.0[0]).await;
    }

    #[tokio::test]
    async fn they_end_with_their_owner() {
        let threads = Threads::start().unwrap();
        assert_eq!(threads.0.len(), count());
        let runtime = threads.0[0].runtime.clone();
        let lasts = runtime.spawn(std::future::pending::<()>());
        let with_one_that_ended = Threads(vec![Thread { runtime, connections: Arc::default(), _end: never() }]);
        drop(threads);
        assert!(lasts.await.unwrap_err().is_cancelled());
        assert!(!with_one_that_ended.all_move().await);
    }

    #[tokio::test]
    async fn without_any_the_caller_is_the_thread() {
        assert_eq!(lasting(&Threads::default()).await.0, None);
        assert!(Threads::default().on_each(|| async {}).await.is_empty());
    }
}
