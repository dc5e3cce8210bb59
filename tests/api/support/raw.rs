//! Bytes on a socket, for requests that no HTTP client would send.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::client::Answer;

/// The first answer in these bytes, and what follows it.
#[track_caller]
pub fn parse(bytes: &[u8]) -> (Answer, &[u8]) {
    let split = bytes.windows(4).position(|window| window == b"\r\n\r\n");
    let split = split.unwrap_or_else(|| panic!("no answer: {:?}", String::from_utf8_lossy(bytes)));
    let head = std::str::from_utf8(&bytes[..split]).unwrap();
    let (line, lines) = head.split_once("\r\n").unwrap();
    let status = line.strip_prefix("HTTP/1.1 ").unwrap()[..3].parse().unwrap();
    let headers = lines.split("\r\n").map(|line| {
        let (name, value) = line.split_once(": ").unwrap();
        (name.parse::<hyper::header::HeaderName>().unwrap(), value.parse().unwrap())
    });
    let mut answer = Answer { status, headers: headers.collect(), body: Default::default() };
    let length = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
    let body = &bytes[split + 4..];
    answer.body = body[..length].to_vec().into();
    (answer, &body[length..])
}

/// Sends these bytes and answers the one answer that comes before the other end closes. What cannot be sent any more, because
/// the other end has answered and closed, is left unsent.
pub async fn exchange(address: SocketAddr, bytes: &[u8]) -> Answer {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut from, mut to) = stream.into_split();
    let bytes = bytes.to_vec();
    let sending = tokio::spawn(async move {
        let sent = to.write_all(&bytes).await;
        (sent, to)
    });
    let mut answer = Vec::new();
    from.read_to_end(&mut answer).await.unwrap();
    let _ = sending.await.unwrap();
    let (answer, rest) = parse(&answer);
    assert!(rest.is_empty(), "one answer only: {:?}", String::from_utf8_lossy(rest));
    answer
}

/// GETs this path, whatever is in it.
pub async fn get(address: SocketAddr, path: &[u8]) -> Answer {
    let head = [b"GET ".as_slice(), path, b" HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"].concat();
    exchange(address, &head).await
}
