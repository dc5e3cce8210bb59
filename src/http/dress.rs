//! hyper answers malformed heads by itself, with a bare status line. This wrapper of the connection gives those answers what
//! every answer of ours has: a problem document and its headers.
//!
//! It can tell them apart because each response of ours carries `x-request-id` in the piece of the stream that begins it,
//! and hyper's own has no body and no such header.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::header::HeaderMap;
use hyper::rt::{Read, ReadBufCursor, Write};

use super::{cors, headers};
use crate::error::{Error, Problem};

/// A connection whose bare answers are dressed.
pub struct Dressed<IO> {
    io: IO,
    /// What is left to write of a dressed answer, and how many bytes of hyper's it stands for.
    pending: Option<(Vec<u8>, usize, usize)>,
}

impl<IO> Dressed<IO> {
    /// Wraps a connection.
    pub fn new(io: IO) -> Self {
        Self { io, pending: None }
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

impl<IO: Write + Unpin> Write for Dressed<IO> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.pending.is_none() {
            match bare_status(bytes) {
                Some(status) => this.pending = Some((dress(status), 0, bytes.len())),
                None => return Pin::new(&mut this.io).poll_write(cx, bytes),
            }
        }
        while let Some((answer, written, stands_for)) = &mut this.pending {
            let rest = answer.get(*written..).unwrap_or_default();
            if rest.is_empty() {
                let done = *stands_for;
                this.pending = None;
                return Poll::Ready(Ok(done));
            }
            match Pin::new(&mut this.io).poll_write(cx, rest) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(count)) => *written += count,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Ok(0))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
