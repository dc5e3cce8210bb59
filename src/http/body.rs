//! Request bodies: read whole, within a number of bytes and a time, or not at all.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::error::{Error, Problem, Result};

/// Time between two pieces of a body.
const PIECE_WAIT: Duration = Duration::from_secs(10);
/// Time for a whole body that is read into memory.
const WHOLE_WAIT: Duration = Duration::from_secs(20);
/// Bytes of an unread body that are taken off the wire before the answer, so that a client still writing can read it.
const LEFTOVER_MAX_BYTES: usize = 1024 * 1024;
/// Time for taking them.
const LEFTOVER_WAIT: Duration = Duration::from_secs(1);

/// The body of one request, shared between the handler, which may read it, and the service, which clears away what is left.
#[derive(Clone)]
pub struct BodySlot {
    body: Arc<Mutex<Option<Incoming>>>,
    settled: CancellationToken,
}

impl BodySlot {
    /// Holds this body.
    #[must_use]
    pub fn new(body: Incoming) -> Self {
        let settled = CancellationToken::new();
        let body = (!body.is_end_stream()).then_some(body);
        if body.is_none() {
            settled.cancel();
        }
        Self { body: Arc::new(Mutex::new(body)), settled }
    }

    /// Ends when the body has arrived or will not: from then on the handler's time counts. A body that nobody reads is waited
    /// for as long as one that is read slowly.
    pub async fn settled(&self) {
        let _ = timeout(WHOLE_WAIT, self.settled.cancelled()).await;
    }

    fn take(&self) -> Option<Incoming> {
        self.body.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn put_back(&self, body: Incoming) {
        *self.body.lock().unwrap_or_else(PoisonError::into_inner) = Some(body);
    }

    /// The whole body; empty if there is none or it was read before.
    ///
    /// # Errors
    /// 413 if it is longer than `max_bytes`, 408 if it does not arrive in time, 400 if it is broken off.
    pub async fn read(&self, max_bytes: usize) -> Result<Bytes> {
        let Some(mut body) = self.take() else { return Ok(Bytes::new()) };
        let whole = timeout(WHOLE_WAIT, collect(&mut body, max_bytes)).await;
        let read = whole.unwrap_or_else(|_| Err(Error::new(Problem::RequestTimeout)));
        self.settled.cancel();
        if read.as_ref().is_err_and(|error| error.problem() == Problem::PayloadTooLarge) {
            self.put_back(body);
        }
        read
    }

    /// Takes what nobody read off the wire, within limits.
    pub async fn clear(&self) {
        let Some(mut body) = self.take() else { return };
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

async fn collect(body: &mut Incoming, max_bytes: usize) -> Result<Bytes> {
    let too_large =
        || Error::new(Problem::PayloadTooLarge).with_detail(format!("The body may have at most {max_bytes} bytes"));
    let declared = body.size_hint();
    if declared.lower() > u64::try_from(max_bytes).unwrap_or(u64::MAX) {
        return Err(too_large());
    }
    let mut whole = BytesMut::with_capacity(usize::try_from(declared.lower()).unwrap_or(0));
    loop {
        let piece = timeout(PIECE_WAIT, body.frame()).await.map_err(|_| Error::new(Problem::RequestTimeout))?;
        let Some(frame) = piece else { return Ok(whole.freeze()) };
        let frame = frame.map_err(|error| {
            Error::new(Problem::BadRequest).with_detail("The body ended before it was complete").with_cause(error)
        })?;
        if let Some(data) = frame.data_ref() {
            if whole.len() + data.len() > max_bytes {
                return Err(too_large());
            }
            whole.extend_from_slice(data);
        }
    }
}
