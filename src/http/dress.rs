//! What a connection does beside hyper: it gives hyper's own answers what every answer of ours has, ends connections so that
//! the last answer is read, and gives up on clients that stopped reading.
//!
//! hyper answers malformed heads by itself, with a bare status line. It can be told apart because each response of ours carries
//! `x-request-id` in the piece of the stream that begins it, and hyper's own has no body and no such header. The bytes of a
//! file could be made to look like one, so a connection that has carried a file is not looked at any more.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::header::HeaderMap;
use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};
use tokio::time::{Sleep, sleep};

use super::{cors, headers};
use crate::error::{Error, Problem};

/// Time in which a client must take something of what it is sent.
const WRITE_WAIT: Duration = Duration::from_secs(30);
/// Time for which what a refused client still sends is thrown away: closing at once would take the answer away from it.
const LINGER_WAIT: Duration = Duration::from_secs(2);
/// Bytes that are thrown away: an upload that is a little too large.
const LINGER_MAX_BYTES: usize = 16 * 1024 * 1024;
/// Bytes that are thrown away at a time.
const LINGER_PIECE_BYTES: usize = 16 * 1024;

/// What the service tells about a connection.
#[derive(Default)]
pub struct Notes {
    /// A request's body was answered before it was read to its end.
    pub left_unread: AtomicBool,
    /// An answer held bytes that others chose.
    pub carried_file: AtomicBool,
}

/// A connection with these manners.
pub struct Dressed<IO> {
    io: IO,
    notes: Arc<Notes>,
    /// What is left to write of a dressed answer, and how many bytes of hyper's it stands for.
    pending: Option<(Vec<u8>, usize, usize)>,
    /// Runs while the client takes nothing.
    stalled: Option<Pin<Box<Sleep>>>,
    /// Runs while what comes is thrown away; and how much may still come.
    lingering: Option<(Pin<Box<Sleep>>, usize)>,
}

impl<IO> Dressed<IO> {
    /// Wraps a connection.
    pub fn new(io: IO, notes: Arc<Notes>) -> Self {
        Self { io, notes, pending: None, stalled: None, lingering: None }
    }

    /// What writing came to; a client that takes nothing for too long has gone.
    fn in_time<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(WRITE_WAIT)));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<IO: Read + Unpin> Dressed<IO> {
    /// Throws away what comes until the client closes, within limits.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let (over, left) = self.lingering.get_or_insert_with(|| (Box::pin(sleep(LINGER_WAIT)), LINGER_MAX_BYTES));
        while over.as_mut().poll(cx).is_pending() {
            let mut piece = [0; LINGER_PIECE_BYTES];
            let mut piece = ReadBuf::new(&mut piece);
            let read = ready!(Pin::new(&mut self.io).poll_read(cx, piece.unfilled()));
            let count = piece.filled().len();
            *left = left.saturating_sub(count);
            if read.is_err() || count == 0 || *left == 0 {
                break;
            }
        }
        Poll::Ready(())
    }
}

/// The status of a bare answer of hyper's, if these bytes are one whole.
fn bare_status(bytes: &[u8]) -> Option<u16> {
    let head = bytes.strip_prefix(b"HTTP/1.1 ").filter(|_| bytes.ends_with(b"\r\n\r\n"))?;
    let status = std::str::from_utf8(head.get(..3)?).ok()?.parse().ok()?;
    let text = std::str::from_utf8(bytes).ok()?.to_ascii_lowercase();
    (status >= 400 && !text.contains("\r\nx-request-id:")).then_some(status)
}

/// The dressed answer.
fn dress(status: u16) -> Vec<u8> {
    let mut all = HeaderMap::new();
    let request_id = headers::request_id(&all);
    let error = Error::new(Problem::of_status(status));
    let body = error.document("/", request_id.to_str().unwrap_or("-")).to_string();
    headers::decorate(&mut all, request_id, true);
    cors::decorate(&mut all, None);
    let status = error.problem().status();
    let reason =
        hyper::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("Error");
    let mut answer = format!(
        "HTTP/1.1 {status} {reason}\r\ncontent-type: application/problem+json\r\ncontent-length: {}\r\nconnection: close\r\n",
        body.len()
    )
    .into_bytes();
    for (name, value) in &all {
        answer.extend_from_slice(name.as_str().as_bytes());
        answer.extend_from_slice(b": ");
        answer.extend_from_slice(value.as_bytes());
        answer.extend_from_slice(b"\r\n");
    }
    answer.extend_from_slice(b"\r\n");
    answer.extend_from_slice(body.as_bytes());
    answer
}

impl<IO: Read + Unpin> Read for Dressed<IO> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl<IO: Write + Unpin> Dressed<IO> {
    fn poll_write_dressed(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.pending.is_none() {
            match bare_status(bytes).filter(|_| !self.notes.carried_file.load(Ordering::Relaxed)) {
                Some(status) => self.pending = Some((dress(status), 0, bytes.len())),
                None => return Pin::new(&mut self.io).poll_write(cx, bytes),
            }
        }
        while let Some((answer, written, stands_for)) = &mut self.pending {
            let rest = answer.get(*written..).unwrap_or_default();
            if rest.is_empty() {
                let done = *stands_for;
                self.pending = None;
                return Poll::Ready(Ok(done));
            }
            match ready!(Pin::new(&mut self.io).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => *written += count,
            }
        }
        Poll::Ready(Ok(0))
    }
}

impl<IO: Read + Write + Unpin> Write for Dressed<IO> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = self.poll_write_dressed(cx, bytes);
        self.in_time(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.io).poll_flush(cx);
        self.in_time(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.lingering.is_none() {
            ready!(Pin::new(&mut self.io).poll_shutdown(cx))?;
        }
        if self.notes.left_unread.load(Ordering::Relaxed) {
            ready!(self.poll_linger(cx));
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A connection whose other end takes so many bytes and no more.
    struct Takes(usize);

    impl Read for Takes {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    impl Write for Takes {
        fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            let taken = bytes.len().min(self.0);
            self.0 -= taken;
            if taken == 0 { Poll::Pending } else { Poll::Ready(Ok(taken)) }
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    fn dressed(takes: usize) -> Dressed<Takes> {
        Dressed::new(Takes(takes), Arc::default())
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_is_given_up_on() {
        let mut dressed = dressed(3);
        let mut write = async || std::future::poll_fn(|cx| Pin::new(&mut dressed).poll_write(cx, b"hello")).await;
        assert_eq!(write().await.unwrap(), 3);
        let began = tokio::time::Instant::now();
        assert_eq!(write().await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(began.elapsed() >= WRITE_WAIT && began.elapsed() < 2 * WRITE_WAIT);
    }

    #[tokio::test(start_paused = true)]
    async fn only_connections_with_something_unread_linger() {
        let shut = async |dressed: &mut Dressed<Takes>| {
            let began = tokio::time::Instant::now();
            std::future::poll_fn(|cx| Pin::new(&mut *dressed).poll_shutdown(cx)).await.unwrap();
            began.elapsed()
        };
        let mut dressed = dressed(0);
        assert_eq!(shut(&mut dressed).await, Duration::ZERO);
        dressed.notes.left_unread.store(true, Ordering::Relaxed);
        let lingered = shut(&mut dressed).await;
        assert!(lingered >= LINGER_WAIT && lingered < 2 * LINGER_WAIT);
    }

    #[test]
    fn only_bare_errors_are_dressed() {
        let bare = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(bare_status(bare), Some(431));
        assert_eq!(bare_status(b"HTTP/1.1 404 Not Found\r\nx-request-id: 1\r\n\r\n"), None);
        assert_eq!(bare_status(b"HTTP/1.1 204 No Content\r\n\r\n"), None);
        assert_eq!(bare_status(b"HTTP/1.1 "), None);
        assert_eq!(bare_status(b"{\"text\":\"\\r\\n\\r\\n\"}"), None);
    }
}
