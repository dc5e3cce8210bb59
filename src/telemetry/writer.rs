//! The way of log lines to standard error: through memory and a thread of its own, so that nobody who logs waits for who
//! reads. Lines that come together are written together. What warns is written at once, all else within [`GATHERING`].
//!
//! Always holds: lines keep their order. When nobody reads, lines are dropped rather than kept without bound, and the next one
//! that is written says how many. [`flush`] comes before the end of the process; a kill costs what [`GATHERING`] holds.

use std::io::{self, Write};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// Time for more lines to come before they are written together.
const GATHERING: Duration = Duration::from_millis(2);
/// Bytes of lines that wait to be written.
const WAITING_MAX_BYTES: usize = 8 * 1024 * 1024;
/// Time for what is left at the end: who does not read by then does not read at all.
const FLUSH_WAIT: Duration = Duration::from_secs(1);

#[derive(Default)]
struct Waiting {
    lines: Vec<u8>,
    dropped: u64,
    is_urgent: bool,
    is_writing: bool,
}

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    came: Condvar,
    written: Condvar,
}

impl Waiting {
    /// Keeps the line, and says whether the thread has to know.
    fn push(&mut self, line: &[u8], is_urgent: bool) -> bool {
        if self.lines.len() + line.len() > WAITING_MAX_BYTES {
            self.dropped += 1;
            return false;
        }
        let matters = self.lines.is_empty() || (is_urgent && !self.is_urgent);
        self.lines.extend_from_slice(line);
        self.is_urgent |= is_urgent;
        matters
    }
}

static SHARED: OnceLock<Shared> = OnceLock::new();

/// Takes lines; the first one made starts the thread.
#[derive(Clone, Copy)]
pub struct Lines(());

/// Takes one line.
pub struct Line {
    is_urgent: bool,
}

impl Lines {
    /// The way to standard error. Without a thread the lines would stay where they are, so there is none without it.
    ///
    /// # Errors
    /// The system's, if it has no thread.
    pub fn start() -> io::Result<Self> {
        if SHARED.set(Shared::default()).is_ok() {
            thread::Builder::new().name("log".to_owned()).spawn(|| write_all(&mut io::stderr()))?;
        }
        Ok(Self(()))
    }

    /// Takes a line.
    pub fn take(line: &[u8], is_urgent: bool) {
        let Some(shared) = SHARED.get() else { return };
        if shared.lock().push(line, is_urgent) {
            shared.came.notify_all();
        }
    }
}

/// Whether such lines are written at once: those that warn.
pub fn is_urgent(meta: &Metadata<'_>) -> bool {
    *meta.level() <= Level::WARN
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line { is_urgent: false }
    }

    fn make_writer_for(&'a self, meta: &Metadata<'_>) -> Line {
        Line { is_urgent: is_urgent(meta) }
    }
}

impl Write for Line {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        Lines::take(line, self.is_urgent);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lines that have come, when there are some and more had time to come, and how many were dropped before them.
    fn next(&self, empty: Vec<u8>) -> (Vec<u8>, u64) {
        let waiting = self.lock();
        let some = self.came.wait_while(waiting, |waiting| waiting.lines.is_empty());
        let some = some.unwrap_or_else(PoisonError::into_inner);
        let gathered = self.came.wait_timeout_while(some, GATHERING, |waiting| !waiting.is_urgent);
        let mut gathered = gathered.unwrap_or_else(PoisonError::into_inner).0;
        gathered.is_urgent = false;
        gathered.is_writing = true;
        let dropped = std::mem::take(&mut gathered.dropped);
        (std::mem::replace(&mut gathered.lines, empty), dropped)
    }
}

fn write_all(out: &mut impl Write) {
    let Some(shared) = SHARED.get() else { return };
    let mut lines = Vec::new();
    loop {
        lines.clear();
        let dropped;
        (lines, dropped) = shared.next(lines);
        // Nobody is left to be told that standard error cannot be written.
        let _ = out.write_all(&lines);
        shared.lock().is_writing = false;
        shared.written.notify_all();
        if dropped > 0 {
            tracing::warn!(dropped, "nobody read the log in time: lines are missing");
        }
    }
}

/// Waits until every line is written, for a while.
pub fn flush() {
    let Some(shared) = SHARED.get() else { return };
    let mut waiting = shared.lock();
    waiting.is_urgent = true;
    shared.came.notify_all();
    let unwritten = |waiting: &mut Waiting| !waiting.lines.is_empty() || waiting.is_writing;
    let _ = shared.written.wait_timeout_while(waiting, FLUSH_WAIT, unwritten);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_nobody_reads_have_a_bound() {
        let mut waiting = Waiting::default();
        let line = vec![b'a'; 1000];
        assert!(waiting.push(&line, false) && !waiting.push(&line, false), "the thread is woken once");
        assert!(waiting.push(&line, true) && !waiting.push(&line, true), "and once more for what is urgent");
        for _ in 0..2 * WAITING_MAX_BYTES / line.len() {
            waiting.push(&line, false);
        }
        assert!(waiting.lines.len() <= WAITING_MAX_BYTES && waiting.lines.len() % line.len() == 0);
        assert_eq!(
            waiting.lines.len() / line.len() + usize::try_from(waiting.dropped).unwrap(),
            4 + 2 * WAITING_MAX_BYTES / 1000
        );
    }

    #[test]
    fn what_comes_together_is_written_together_and_in_order() {
        let shared = Shared::default();
        for line in ["a\n", "b\n", "c\n"] {
            shared.lock().push(line.as_bytes(), line == "c\n");
        }
        assert_eq!(shared.next(Vec::new()), (b"a\nb\nc\n".to_vec(), 0));
        assert!(shared.lock().is_writing && shared.lock().lines.is_empty());
    }
}
