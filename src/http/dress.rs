//! hyper answers malformed heads by itself, with a bare status line. Here those answers get what every answer of ours has: a
//! problem document and its headers.
//!
//! It can tell them apart because each response of ours carries `x-request-id` in the piece of the stream that begins it, and
//! hyper's own has no body and no such header. The bytes of a file could be made to look like one, so a connection that has
//! carried a file is not looked at any more.

use hyper::header::{HeaderMap, HeaderValue};

use super::{cors, headers};
use crate::error::{Error, Problem};

/// The status of a bare answer of hyper's, if these bytes are one whole.
#[must_use]
pub fn bare_status(bytes: &[u8]) -> Option<u16> {
    let head = bytes.strip_prefix(b"HTTP/1.1 ").filter(|_| bytes.ends_with(b"\r\n\r\n"))?;
    let status = std::str::from_utf8(head.get(..3)?).ok()?.parse().ok().filter(|status| *status >= 400)?;
    let text = std::str::from_utf8(bytes).ok()?.to_ascii_lowercase();
    (!text.contains("\r\nx-request-id:")).then_some(status)
}

/// The dressed answer, which ends the connection.
#[must_use]
pub fn dress(problem: Problem, request_id: HeaderValue) -> Vec<u8> {
    let mut all = HeaderMap::new();
    let error = Error::new(problem);
    let body = error.document("/", request_id.to_str().unwrap_or("-")).to_string();
    headers::decorate(&mut all, request_id, true);
    cors::decorate(&mut all, None);
    let status = problem.status();
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
