//! Request bodies: read whole or piece by piece, within a number of bytes and a time, or not at all.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use tokio::time::{Instant, timeout, timeout_at};

use crate::error::{Error, Problem, Result};

/// Time between two pieces of a body.
pub const PIECE_WAIT: Duration = Duration::from_secs(10);
/// Bytes of an unread body that are taken off the wire before the answer, so that a client still writing can read it.
const LEFTOVER_MAX_BYTES: usize = 1024 * 1024;
/// Time for taking them.
const LEFTOVER_WAIT: Duration = Duration::from_secs(1);

/// The body of one request, shared between the handler, which may read it, and the service, which clears away what is left.
#[derive(Clone)]
pub struct BodySlot {
    slot: Arc<Mutex<Slot>>,
    is_awaited: bool,
}

struct Slot {
    body: Option<Incoming>,
    reading: Reading,
}

/// Whether somebody waits for the body.
#[derive(Clone, Copy)]
enum Reading {
    NotYet,
    Now,
    Ended(Instant),
}

impl BodySlot {
    /// Holds this body. `is_awaited`: the client sends it only when it is asked to, which the first reading does.
    #[must_use]
    pub fn new(body: Incoming, is_awaited: bool) -> Self {
        let body = (!body.is_end_stream()).then_some(body);
        Self { slot: Arc::new(Mutex::new(Slot { body, reading: Reading::NotYet })), is_awaited }
    }

    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until when the handler last waited for the body, which has clocks of its own; `None` if it never did.
    #[must_use]
    pub fn awaited_until(&self) -> Option<Instant> {
        match self.slot().reading {
            Reading::NotYet => None,
            Reading::Now => Some(Instant::now()),
            Reading::Ended(at) => Some(at),
        }
    }

    fn take(&self) -> Option<Incoming> {
        self.slot().body.take()
    }

    /// The whole body; empty if there is none or it was read before.
    ///
    /// # Errors
    /// 413 if it is longer than `max_bytes`, 408 if it does not arrive in time, 400 if it is broken off.
    pub async fn read(&self, max_bytes: usize, wait: Duration) -> Result<Bytes> {
        let mut pieces = self.pieces(max_bytes, wait)?;
        let mut whole = BytesMut::with_capacity(pieces.declared_bytes());
        while let Some(piece) = pieces.next().await? {
            whole.extend_from_slice(&piece);
        }
        Ok(whole.freeze())
    }

    /// The body piece by piece, which has `wait` to arrive as a whole.
    ///
    /// # Errors
    /// 413 if it says that it is longer than `max_bytes`.
    pub fn pieces(&self, max_bytes: usize, wait: Duration) -> Result<Pieces> {
        let deadline = Instant::now() + wait;
        let pieces = Pieces { slot: self.clone(), body: self.take(), max_bytes, left_bytes: max_bytes, deadline };
        if pieces.declared_bytes() > max_bytes { Err(too_large(max_bytes)) } else { Ok(pieces) }
    }

    /// Takes what nobody read off the wire, within limits. A client that waits to be asked for its body is not.
    pub async fn clear(&self) {
        let Some(mut body) = self.take().filter(|_| !self.is_awaited) else { return };
        let _ = timeout(LEFTOVER_WAIT, async {
            let mut taken = 0;
            while let Some(Ok(frame)) = body.frame().await {
                taken += frame.data_ref().map_or(0, Bytes::len);
                if taken > LEFTOVER_MAX_BYTES {
                    return;
                }
            }
        })
        .await;
    }
}

fn too_large(max_bytes: usize) -> Error {
    Error::new(Problem::PayloadTooLarge).with_detail(format!("The body may have at most {max_bytes} bytes"))
}

/// A body that is being read. Dropped before its end, it leaves the rest for the service to clear away.
pub struct Pieces {
    slot: BodySlot,
    body: Option<Incoming>,
    max_bytes: usize,
    left_bytes: usize,
    deadline: Instant,
}

impl Pieces {
    /// Bytes that the body says it has; 0 if it does not say.
    fn declared_bytes(&self) -> usize {
        let declared = self.body.as_ref().map_or(0, |body| body.size_hint().lower());
        usize::try_from(declared).unwrap_or(usize::MAX)
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// 413 if the body is too long, 408 if it does not arrive in time, 400 if it is broken off.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        while let Some(body) = &mut self.body {
            let wait = self.deadline.min(Instant::now() + PIECE_WAIT);
            self.slot.slot().reading = Reading::Now;
            let read = timeout_at(wait, body.frame()).await;
            self.slot.slot().reading = Reading::Ended(Instant::now());
            let frame = match read {
                Ok(Some(Ok(frame))) => frame,
                ended => {
                    self.body = None;
                    return match ended {
                        Ok(Some(Err(error))) => Err(broken_off().with_cause(error)),
                        Ok(_) => Ok(None),
                        Err(_) => Err(Error::new(Problem::RequestTimeout)),
                    };
                }
            };
            if let Ok(data) = frame.into_data() {
                self.left_bytes = self.left_bytes.checked_sub(data.len()).ok_or_else(|| too_large(self.max_bytes))?;
                return Ok(Some(data));
            }
        }
        Ok(None)
    }
}

/// The body ended before it was complete.
#[must_use]
pub fn broken_off() -> Error {
    Error::new(Problem::BadRequest).with_detail("The body ended before it was complete")
}

impl Drop for Pieces {
    fn drop(&mut self) {
        let mut slot = self.slot.slot();
        if matches!(slot.reading, Reading::Now) {
            slot.reading = Reading::Ended(Instant::now());
        }
        if let Some(body) = self.body.take() {
            slot.body = Some(body); // for `clear`
        }
    }
}
