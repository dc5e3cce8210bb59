//! The socket as hyper sees it: what hyper is too lax or too patient for stops here.
//!
//! Reading, it follows the requests' framing and spoils what must not pass ([`Framing`]), lets a request be heard whose client has
//! gone by then, and keeps the time: a connection may be idle for [`IDLE_WAIT`], a head that has begun has [`HEAD_WAIT`]. Bodies
//! have clocks of their own (`body.rs`). Writing, it gives hyper's own answers, which are bare, what every answer of ours has
//! ([`dress`]), and gives up on a client that takes nothing for [`STALL_WAIT`]. Closing, it lets a client that is still sending
//! read why.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::header::{HeaderMap, HeaderValue};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::dress::{bare_status, dress};
use super::framing::{Framing, Phase};
use super::headers;
use crate::error::Problem;

/// Time a connection may be without a request. Caddy keeps idle connections for 2 s, so that it is always Caddy who closes
/// them, never we while a request is on its way.
pub const IDLE_WAIT: Duration = Duration::from_secs(60);
/// Time for a head, from its first byte.
pub const HEAD_WAIT: Duration = Duration::from_secs(10);
/// Time in which a client must take some of what it is sent. Longer than a phone is without a net in a lift.
pub const STALL_WAIT: Duration = Duration::from_secs(30);
/// Time for which a client that was refused in the middle of its request is listened to, so that it comes to read the answer:
/// closing on bytes that were not read would take the answer away from it.
const LINGER_WAIT: Duration = Duration::from_secs(2);
/// Bytes that are taken from it: an upload that is a little too large.
const LINGER_MAX_BYTES: usize = 16 * 1024 * 1024;
/// Bytes that are taken at a time.
const LINGER_PIECE_BYTES: usize = 16 * 1024;

/// What the service tells the guard about a connection, and the guard the service.
#[derive(Default)]
pub struct Notes {
    /// An answer held bytes that others chose.
    pub carried_file: AtomicBool,
    /// What was refused before it was a request, which ends the connection.
    pub refused: OnceLock<Refused>,
}

/// A refusal that the service did not see.
pub struct Refused {
    /// The request id that its answer has.
    pub request_id: HeaderValue,
    /// The status that its answer has.
    pub status: u16,
    /// When the wait for it began.
    pub since: Instant,
}

/// A connection that is guarded.
pub struct Guard<IO> {
    io: IO,
    notes: Arc<Notes>,
    framing: Framing,
    /// When the present wait for bytes began: the end of the last answer, or the first byte of a head.
    since: Instant,
    waiting: Timer,
    stalled: Timer,
    /// What is wrong with the request that hyper will refuse.
    refusal: Option<Problem>,
    /// What hyper reads next instead of the socket: it looks at a head in pieces only when its end is there.
    instead: Option<&'static [u8]>,
    /// A dressed answer that is being written.
    answer: Option<Answer>,
    /// What is still taken from a client before the connection is closed.
    linger: Option<usize>,
    /// How many heads had come when the end of the stream was last put off.
    put_off: u64,
}

/// What is put together before it is written: for so little two pieces cost more than a copy.
const SMALL_BYTES: usize = 2048;

/// What stands for a bare answer of hyper's: its bytes, how many are written, how many of hyper's they stand for.
struct Answer {
    bytes: Vec<u8>,
    written: usize,
    stands_for: usize,
}

/// A clock that is made when it is first needed.
#[derive(Default)]
struct Timer(Option<Pin<Box<Sleep>>>);

impl Timer {
    /// Ready at this time. One that is set to an earlier time is left to run: moving it costs more than being woken once.
    fn poll(&mut self, deadline: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let sleep = self.0.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if sleep.deadline() > deadline {
            sleep.as_mut().reset(deadline);
        }
        while sleep.as_mut().poll(cx).is_ready() {
            if sleep.deadline() >= deadline {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> Guard<IO> {
    /// Guards a connection on which nothing has come yet.
    pub fn new(io: IO, notes: Arc<Notes>) -> Self {
        Self {
            io,
            notes,
            framing: Framing::default(),
            since: Instant::now(),
            waiting: Timer::default(),
            stalled: Timer::default(),
            refusal: None,
            instead: None,
            answer: None,
            linger: None,
            put_off: 0,
        }
    }

    /// The status, if these are a bare answer of hyper's.
    fn bare(&self, bytes: &[u8]) -> Option<u16> {
        bare_status(bytes).filter(|_| !self.notes.carried_file.load(Ordering::Relaxed))
    }

    /// Goes on by the bytes that came.
    fn follow(&mut self, bytes: &mut [u8]) {
        let before = (self.framing.phase(), self.framing.heads());
        if self.framing.follow(bytes) {
            self.refusal = Some(Problem::MalformedRequest);
            self.instead = Some(b"\r\n\r\n");
        }
        if (self.framing.phase(), self.framing.heads()) != before {
            self.since = Instant::now();
        }
    }

    /// Waits on, or ends the waiting: an idle connection ends, and a head that does not come is answered.
    fn wait(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let wait = match self.framing.phase() {
            Phase::Idle => IDLE_WAIT,
            Phase::Head => HEAD_WAIT,
            Phase::Body => return Poll::Pending,
        };
        ready!(self.waiting.poll(self.since + wait, cx));
        if self.framing.phase() == Phase::Head {
            self.refusal = Some(Problem::RequestTimeout);
            self.framing.give_up();
            self.instead = Some(b"\0\r\n\r\n");
            self.read_instead(buf);
        }
        Poll::Ready(Ok(()))
    }

    /// Puts the end of the stream off for one turn when it comes at once behind a request. hyper reads on before it calls the
    /// service, and drops what it has not called it for: a write that came whole would be lost with the client that sent it.
    fn is_put_off(&mut self, cx: &Context<'_>) -> bool {
        let is_first = self.framing.heads() != self.put_off;
        if is_first {
            self.put_off = self.framing.heads();
            cx.waker().wake_by_ref();
        }
        is_first
    }

    fn read_instead(&mut self, buf: &mut ReadBuf<'_>) {
        if let Some((read, rest)) =
            self.instead.and_then(|bytes| bytes.split_at_checked(buf.remaining().min(bytes.len())))
        {
            buf.put_slice(read);
            self.instead = Some(rest);
        }
    }

    fn write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.not_for_ever(cx, written)
    }

    /// What the socket says; a client that takes nothing for too long is given up.
    fn not_for_ever(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if written.is_pending() {
            let begun = self.stalled.0.as_ref().map(|sleep| sleep.deadline());
            ready!(self.stalled.poll(begun.unwrap_or_else(|| Instant::now() + STALL_WAIT), cx));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        self.stalled = Timer::default();
        self.since = Instant::now();
        written
    }

    /// Writes what is left of the dressed answer; then says that hyper's own is written.
    fn write_answer(&mut self, cx: &mut Context<'_>, mut answer: Answer) -> Poll<io::Result<usize>> {
        while let Some(rest) = answer.bytes.get(answer.written..).filter(|rest| !rest.is_empty()) {
            match self.write(cx, rest) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(count)) => answer.written += count,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    self.answer = Some(answer);
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(Ok(answer.stands_for))
    }

    /// Takes what the client still sends, within limits, until it has read the answer and closes.
    fn linger(&mut self, mut left: usize, cx: &mut Context<'_>) -> Poll<()> {
        let mut scratch = [0; LINGER_PIECE_BYTES];
        loop {
            let mut buf = ReadBuf::new(&mut scratch);
            match Pin::new(&mut self.io).poll_read(cx, &mut buf) {
                Poll::Ready(Ok(())) if !buf.filled().is_empty() && left > 0 => {
                    left = left.saturating_sub(buf.filled().len());
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => {
                    self.linger = Some(left);
                    return self.waiting.poll(self.since + LINGER_WAIT, cx);
                }
            }
        }
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncRead for Guard<IO> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.instead.is_some() {
            self.read_instead(buf);
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        match Pin::new(&mut self.io).poll_read(cx, buf) {
            Poll::Ready(Ok(())) if buf.filled().len() == before && buf.remaining() > 0 && self.is_put_off(cx) => {
                Poll::Pending
            }
            Poll::Ready(Ok(())) => {
                self.follow(buf.filled_mut().get_mut(before..).unwrap_or_default());
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => self.wait(cx, buf),
        }
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Guard<IO> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if let Some(answer) = self.answer.take() {
            return self.write_answer(cx, answer);
        }
        let Some(status) = self.bare(bytes) else { return self.write(cx, bytes) };
        let problem = *self.refusal.get_or_insert(Problem::of_status(status));
        let request_id = headers::request_id(&HeaderMap::new());
        let answer = dress(problem, request_id.clone());
        let _ = self.notes.refused.set(Refused { request_id, status: problem.status(), since: self.since });
        self.write_answer(cx, Answer { bytes: answer, written: 0, stands_for: bytes.len() })
    }

    /// hyper's head and body: small ones in one piece, others as they lie. A large body would be copied otherwise, and each
    /// connection would keep room for one.
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let first: &[u8] = parts.iter().find(|part| !part.is_empty()).map_or(&[], |part| part);
        if self.answer.is_some() || self.bare(first).is_some() {
            return self.poll_write(cx, first);
        }
        let (mut together, mut length) = ([0; SMALL_BYTES], 0);
        for part in parts {
            let Some(room) = together.get_mut(length..length + part.len()) else {
                let written = Pin::new(&mut self.io).poll_write_vectored(cx, parts);
                return self.not_for_ever(cx, written);
            };
            room.copy_from_slice(part);
            length += part.len();
        }
        self.write(cx, together.get(..length).unwrap_or_default())
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let left = match self.linger {
            Some(left) => left,
            None => {
                ready!(Pin::new(&mut self.io).poll_shutdown(cx))?;
                self.since = Instant::now();
                LINGER_MAX_BYTES
            }
        };
        if self.refusal.is_none() && self.framing.phase() == Phase::Idle {
            return Poll::Ready(Ok(()));
        }
        self.linger(left, cx).map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use bytes::Bytes;
    use http_body_util::Full;
    use hyper::server::conn::http1;
    use hyper::service::service_fn;
    use hyper_util::rt::TokioIo;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
    use tokio::time::sleep;

    use super::*;

    /// A client of hyper behind a guard, which answers everything with so many bytes; between them is room for 4 KiB.
    fn connected(answer_bytes: usize) -> DuplexStream {
        let (client, server) = tokio::io::duplex(4096);
        let respond = service_fn(move |_| async move {
            Ok::<_, Infallible>(hyper::Response::new(Full::new(Bytes::from(vec![b'.'; answer_bytes]))))
        });
        let mut builder = http1::Builder::new();
        builder.header_read_timeout(None);
        tokio::spawn(builder.serve_connection(TokioIo::new(Guard::new(server, Arc::default())), respond));
        client
    }

    async fn rest(client: &mut DuplexStream) -> String {
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.unwrap();
        String::from_utf8(answer).unwrap()
    }

    /// Takes everything, and remembers in how many pieces each of it came.
    #[derive(Default)]
    struct Taker(Vec<usize>);

    impl AsyncRead for Taker {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    impl AsyncWrite for Taker {
        fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            self.0.push(1);
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_write_vectored(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            parts: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            self.0.push(parts.len());
            Poll::Ready(Ok(parts.iter().map(|part| part.len()).sum()))
        }

        fn is_write_vectored(&self) -> bool {
            true
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn small_answers_are_written_in_one_piece_and_large_ones_are_not_copied() {
        let mut guard = Guard::new(Taker::default(), Arc::default());
        assert!(guard.is_write_vectored());
        for (body, pieces) in [(10, 1), (SMALL_BYTES - 4, 1), (SMALL_BYTES - 3, 2), (50_000, 2)] {
            let body = vec![b'.'; body];
            let written = guard.write_vectored(&[IoSlice::new(b"head"), IoSlice::new(&body)]).await.unwrap();
            assert_eq!((written, guard.io.0.pop()), (4 + body.len(), Some(pieces)));
        }
    }

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";

    #[tokio::test]
    async fn a_request_that_came_whole_is_heard_though_its_client_has_gone() {
        let heard = AtomicBool::new(false);
        let respond = service_fn(|_| {
            let heard = &heard;
            async move {
                heard.store(true, Ordering::Relaxed);
                std::future::pending::<Result<hyper::Response<Full<Bytes>>, Infallible>>().await
            }
        });
        let (mut client, server) = tokio::io::duplex(4096);
        client.write_all(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nlift").await.unwrap();
        drop(client);
        let guard = TokioIo::new(Guard::new(server, Arc::default()));
        let ended = http1::Builder::new().header_read_timeout(None).serve_connection(guard, respond).await;
        assert!(ended.is_err_and(|error| error.is_incomplete_message()), "it ends with its client all the same");
        assert!(heard.into_inner());
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_has_ten_seconds_from_its_first_byte() {
        for piece in [REQUEST.len() - 1, 1] {
            let mut client = connected(0);
            sleep(IDLE_WAIT - HEAD_WAIT).await; // being idle before costs nothing
            let began = Instant::now();
            let mut pieces = REQUEST[..REQUEST.len() - 1].chunks(piece);
            let answer = loop {
                let next = async {
                    match pieces.next() {
                        Some(piece) => client.write_all(piece).await.unwrap(),
                        None => std::future::pending().await,
                    }
                    sleep(Duration::from_secs(1)).await;
                };
                let ended = tokio::time::timeout_at(began + HEAD_WAIT, next).await.is_err();
                if ended {
                    break rest(&mut client).await;
                }
            };
            assert_eq!(began.elapsed(), HEAD_WAIT);
            assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("\"request_timeout\""), "{answer}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_ends_a_minute_after_its_last_answer() {
        let mut client = connected(0);
        for _ in 0..3 {
            sleep(IDLE_WAIT - Duration::from_secs(1)).await;
            client.write_all(REQUEST).await.unwrap();
            assert!(client.read(&mut [0; 4096]).await.unwrap() > 0);
        }
        let began = Instant::now();
        assert_eq!(rest(&mut client).await, "");
        assert_eq!(began.elapsed(), IDLE_WAIT);
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_is_given_up() {
        let mut client = connected(100_000);
        client.write_all(REQUEST).await.unwrap();
        for _ in 0..3 {
            sleep(STALL_WAIT - Duration::from_secs(1)).await;
            client.read_exact(&mut [0; 4096]).await.unwrap();
        }
        sleep(STALL_WAIT + LINGER_WAIT).await;
        let left = rest(&mut client).await.len();
        assert!(left <= 4096, "{left} bytes more than what was on the way");
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_refused_while_sending_can_read_why() {
        let mut client = connected(0);
        let (mut reading, mut writing) = tokio::io::split(&mut client);
        let sent = async {
            writing.write_all(REQUEST).await.unwrap();
            writing.write_all(b"GET / HTTP/1.1\nhost: a\r\n\r\n").await.unwrap();
            writing.write_all(&vec![b'x'; 200_000]).await.unwrap();
            writing.shutdown().await.unwrap();
        };
        let mut answer = String::new();
        let (_, read) = tokio::join!(sent, reading.read_to_string(&mut answer));
        read.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
        let refusal = answer.split_once("HTTP/1.1 400 ").expect("the second request is refused").1;
        assert!(refusal.contains("\"malformed_request\"") && !refusal.contains("HTTP/1.1"), "{answer}");
    }

    /// Requests of every framing, one behind the other.
    const STREAM: &str = "GET /a HTTP/1.1\r\nhost: a\r\n\r\nPOST /b HTTP/1.1\r\nhost: a\r\ncontent-length: 12\r\n\r\n{\r\n\r\n\"a\":1}\
        POST /c HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3;x=y\r\n{\r\n\r\nc \r\n0123456789\r\n\r\n0\r\nt: 1\r\n\r\n\
        GET /d HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n";

    /// What one sign is replaced by.
    const SIGNS: [&str; 20] = [
        "",
        "\r",
        "\n",
        "\r\n",
        "\n\n",
        "\r\n\r\n",
        "\0",
        " ",
        "\t",
        ":",
        ";",
        ",",
        "0",
        "1",
        "f",
        "x",
        "0\r\n\r\n",
        "content-length: 3\r\n",
        "transfer-encoding: chunked\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\n\r\n",
    ];

    /// How many requests hyper hands on behind a guard, and whether it came to the end of the stream in peace.
    async fn served(stream: &str, piece: usize) -> (u64, bool) {
        let (mut client, server) = tokio::io::duplex(4096);
        let count = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
        let counter = std::sync::Arc::clone(&count);
        let respond = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
            counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            async move {
                let whole = http_body_util::BodyExt::collect(request.into_body()).await;
                whole.map(|_| hyper::Response::new(Full::<Bytes>::default()))
            }
        });
        let mut builder = http1::Builder::new();
        builder.header_read_timeout(None).half_close(true);
        let serving = builder.serve_connection(TokioIo::new(Guard::new(server, Arc::default())), respond);
        let sending = async {
            for piece in stream.as_bytes().chunks(piece) {
                if client.write_all(piece).await.is_err() {
                    break;
                }
            }
            let _ = client.shutdown().await;
            let mut answers = Vec::new();
            client.read_to_end(&mut answers).await.unwrap();
            !String::from_utf8(answers).unwrap().contains("HTTP/1.1 4")
        };
        let (ended, in_peace) = tokio::join!(serving, sending);
        (count.load(std::sync::atomic::Ordering::Relaxed), ended.is_ok() && in_peace)
    }

    #[tokio::test(start_paused = true)]
    async fn hyper_finds_the_requests_where_the_guard_does() {
        let mut dice = 88_172_645_463_325_252_u64; // xorshift64, the same every time
        let mut below = |end: usize| {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            usize::try_from(dice % end as u64).unwrap()
        };
        let (mut peaceful, mut refused) = (0, 0);
        for _ in 0..4_000 {
            let mut stream = STREAM.to_owned();
            for _ in 0..below(3) {
                let at = below(stream.len());
                stream.replace_range(at..=at, SIGNS[below(SIGNS.len())]);
            }
            let mut framing = Framing::default();
            framing.follow(&mut stream.clone().into_bytes());
            let (count, in_peace) = served(&stream, 1 + below(stream.len())).await;
            assert!(count <= framing.heads(), "{stream:?}: {count} of {}", framing.heads());
            let is_closed_early = stream.contains("HTTP/1.0"); // where closing after an answer is the rule
            assert!(
                !in_peace || is_closed_early || count == framing.heads(),
                "{stream:?}: {count} of {}",
                framing.heads()
            );
            *(if in_peace { &mut peaceful } else { &mut refused }) += 1;
        }
        assert!(peaceful > 500 && refused > 500, "{peaceful} in peace, {refused} refused");
    }
}
