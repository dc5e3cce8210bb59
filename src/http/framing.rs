//! Follows where the requests on a connection begin and end, on the bytes as they come off the wire, and finds what hyper
//! lets pass although another reader could read it differently, which is how requests are smuggled past a proxy:
//!
//! - a line of a head or a trailer that ends in a bare LF;
//! - a length that is told twice, even alike, or both as `Content-Length` and by chunks;
//! - a `Content-Length` that is more than digits, a `Transfer-Encoding` that is more than `chunked`;
//! - the first line of HTTP/2, on which hyper would hang up without a word.
//!
//! Lines and lengths are all it knows: parsing stays hyper's. What it finds it *spoils*: it puts a NUL in place of the LF
//! that ends the line. NUL is allowed nowhere in a head, so hyper refuses it like any other malformed head, with 400 and the
//! end of the connection, when it comes to it: the requests before are answered first and in order, the refused one never
//! reaches a handler. Whitespace before a colon, folded lines, NULs, bare CRs and bad chunk sizes hyper refuses by itself;
//! targets and the Host are looked at when they are parsed.
//!
//! It costs one search for LF per line of a head, one look at the line's first letter, and one step over a whole body or chunk.
//! Always holds: it agrees with hyper on where a request ends or it has spoilt it; it keeps [`LINE_KEPT`] bytes at most.

/// Bytes that are kept of a line which comes in several pieces. A line about lengths that is longer is refused: honest ones
/// have half of it.
const LINE_KEPT: usize = 64;

/// How a client begins that takes for granted that HTTP/2 is spoken.
const PREFACE: &[u8] = b"PRI * HTTP/2.0";

/// What a connection is waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The first byte of a request.
    Idle,
    /// The rest of a head.
    Head,
    /// The rest of a body.
    Body,
}

/// Where in a request the stream is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// In a head, or before it.
    #[default]
    Head,
    /// In a body with so many bytes to come.
    Sized(u64),
    /// In a chunked body.
    Chunk(Chunk),
    /// After the last chunk.
    Trailers,
    /// Behind something that hyper refuses.
    Lost,
}

/// Where in a chunk the stream is, with the chunk's size as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chunk {
    Start,
    Size(u64),
    Padding(u64),
    Extension(u64),
    SizeLf(u64),
    Data(u64),
    DataCr,
    DataLf,
}

/// The framing of one connection's requests.
#[derive(Default)]
pub struct Framing {
    place: Place,
    /// Heads that have come whole.
    heads: u64,
    /// Whether a byte of the present head has come, and whether its request line has.
    begun: bool,
    named: bool,
    /// The body's length, if the head has told it, and whether it has said that the body comes in chunks.
    length: Option<u64>,
    chunked: bool,
    /// The earlier pieces of a line: how it begins, how long they are, how they end.
    kept: Vec<u8>,
    kept_len: usize,
    kept_last: u8,
}

/// A line without its LF.
struct Line<'a> {
    /// Its first [`LINE_KEPT`] bytes.
    begin: &'a [u8],
    len: usize,
    last: u8,
}

/// Whether a line may pass.
#[derive(PartialEq, Eq)]
enum Verdict {
    Passes,
    IsRefused,
}

impl Framing {
    /// What the connection is waiting for.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match self.place {
            Place::Head if self.begun => Phase::Head,
            Place::Head => Phase::Idle,
            _ => Phase::Body,
        }
    }

    /// How many heads have come whole.
    #[must_use]
    pub fn heads(&self) -> u64 {
        self.heads
    }

    /// Follows no further: hyper will refuse what comes.
    pub fn give_up(&mut self) {
        self.place = Place::Lost;
    }

    /// Goes on by the bytes that came. Answers whether it spoilt one of them; nothing behind that one will be read.
    pub fn follow(&mut self, bytes: &mut [u8]) -> bool {
        let mut rest = bytes;
        while !rest.is_empty() {
            let taken = match self.place {
                Place::Head | Place::Trailers => {
                    let Some(lf) = rest.iter().position(|byte| *byte == b'\n') else {
                        self.keep(rest);
                        return false;
                    };
                    let (line, lf) = rest.split_at_mut(lf);
                    if self.end_line(line) == Verdict::IsRefused {
                        if let Some(byte) = lf.first_mut() {
                            *byte = 0;
                        }
                        self.give_up();
                        return true;
                    }
                    line.len() + 1
                }
                Place::Sized(left) => {
                    let taken = at_most(left, rest.len());
                    match left - taken as u64 {
                        0 => self.end_message(),
                        left => self.place = Place::Sized(left),
                    }
                    taken
                }
                Place::Chunk(Chunk::Data(left)) => {
                    let taken = at_most(left, rest.len());
                    self.place = Place::Chunk(match left - taken as u64 {
                        0 => Chunk::DataCr,
                        left => Chunk::Data(left),
                    });
                    taken
                }
                Place::Chunk(chunk) => {
                    self.place = rest.first().and_then(|byte| chunk.after(*byte)).unwrap_or(Place::Lost);
                    1
                }
                Place::Lost => return false,
            };
            rest = rest.split_at_mut(taken).1;
        }
        false
    }

    /// Keeps what matters of a line whose end has not come.
    fn keep(&mut self, piece: &[u8]) {
        self.begun |= self.place == Place::Head;
        let room = LINE_KEPT.saturating_sub(self.kept.len());
        self.kept.extend(piece.iter().take(room));
        self.kept_len += piece.len();
        self.kept_last = piece.last().copied().unwrap_or(self.kept_last);
    }

    /// Ends a line with this piece, which an LF follows.
    fn end_line(&mut self, piece: &[u8]) -> Verdict {
        if self.kept_len == 0 {
            let begin = piece.get(..LINE_KEPT).unwrap_or(piece);
            return self.judge(&Line { begin, len: piece.len(), last: piece.last().copied().unwrap_or_default() });
        }
        self.keep(piece);
        let mut kept = std::mem::take(&mut self.kept);
        let len = std::mem::take(&mut self.kept_len);
        let verdict = self.judge(&Line { begin: &kept, len, last: self.kept_last });
        kept.clear();
        self.kept = kept;
        verdict
    }

    fn judge(&mut self, line: &Line<'_>) -> Verdict {
        self.begun |= self.place == Place::Head;
        if line.last != b'\r' {
            return Verdict::IsRefused;
        }
        match (self.place, line.len == 1) {
            (Place::Trailers, true) => self.end_message(),
            (Place::Trailers, false) => {}
            (_, true) if self.named => self.end_head(),
            (_, true) => {} // an empty line before a request means nothing
            (_, false) if self.named => return self.judge_header(line),
            (_, false) if line.begin.starts_with(PREFACE) => return Verdict::IsRefused,
            (_, false) => self.named = true,
        }
        Verdict::Passes
    }

    /// Looks at a header, and remembers what it says about the body.
    fn judge_header(&mut self, line: &Line<'_>) -> Verdict {
        if !matches!(line.begin.first(), Some(b'c' | b'C' | b't' | b'T')) {
            return Verdict::Passes;
        }
        let mut parts = line.begin.splitn(2, |byte| *byte == b':');
        let (name, value) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let tells_length = name.eq_ignore_ascii_case(b"content-length");
        if !tells_length && !name.eq_ignore_ascii_case(b"transfer-encoding") {
            return Verdict::Passes;
        }
        if line.len > LINE_KEPT || self.length.is_some() || self.chunked {
            return Verdict::IsRefused;
        }
        let value = value.trim_ascii();
        if tells_length {
            self.length = digits(value);
        } else {
            self.chunked = value.eq_ignore_ascii_case(b"chunked");
        }
        if self.length.is_some() || self.chunked { Verdict::Passes } else { Verdict::IsRefused }
    }

    fn end_head(&mut self) {
        self.heads += 1;
        match self.length {
            Some(length @ 1..) => self.place = Place::Sized(length),
            _ if self.chunked => self.place = Place::Chunk(Chunk::Start),
            _ => self.end_message(),
        }
    }

    fn end_message(&mut self) {
        self.place = Place::Head;
        (self.begun, self.named, self.length, self.chunked) = (false, false, None, false);
    }
}

impl Chunk {
    /// Where the stream is after this byte, by the grammar that hyper holds chunks to; `None` if the byte breaks it.
    fn after(self, byte: u8) -> Option<Place> {
        let next = match (self, byte) {
            (Self::Start, _) => Self::Size(hex(byte)?),
            (Self::Size(size) | Self::Padding(size), b'\t' | b' ') => Self::Padding(size),
            (Self::Size(size) | Self::Padding(size), b';') => Self::Extension(size),
            (Self::Size(size) | Self::Padding(size) | Self::Extension(size), b'\r') => Self::SizeLf(size),
            (Self::Size(size), _) => Self::Size(size.checked_mul(16)?.checked_add(hex(byte)?)?),
            (Self::Extension(_), b'\n') => return None,
            (Self::Extension(size), _) => Self::Extension(size),
            (Self::SizeLf(0), b'\n') => return Some(Place::Trailers),
            (Self::SizeLf(size), b'\n') => Self::Data(size),
            (Self::DataCr, b'\r') => Self::DataLf,
            (Self::DataLf, b'\n') => Self::Start,
            _ => return None,
        };
        Some(Place::Chunk(next))
    }
}

fn hex(byte: u8) -> Option<u64> {
    char::from(byte).to_digit(16).map(u64::from)
}

/// A number that is written in digits and nothing else.
fn digits(text: &[u8]) -> Option<u64> {
    let plain = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text).ok().filter(|_| plain)?.parse().ok()
}

/// So many bytes, but no more than there are.
fn at_most(wanted: u64, there: usize) -> usize {
    usize::try_from(wanted).map_or(there, |wanted| wanted.min(there))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes of a stream that comes in pieces of this size: the phase behind it, or where it was spoilt.
    fn follow(stream: &str, piece: usize) -> Result<(Phase, u64), usize> {
        let mut framing = Framing::default();
        let mut bytes = stream.as_bytes().to_vec();
        for (index, piece_of) in bytes.chunks_mut(piece).enumerate() {
            let before = piece_of.to_vec();
            if framing.follow(piece_of) {
                let at = piece_of.iter().zip(&before).position(|(now, then)| now != then).unwrap();
                assert_eq!((piece_of[at], before[at]), (0, b'\n'));
                return Err(index * piece + at);
            }
            assert_eq!(piece_of, before);
        }
        assert!(framing.kept.len() <= LINE_KEPT);
        Ok((framing.phase(), framing.heads()))
    }

    /// The same whatever the pieces.
    #[track_caller]
    fn follow_all(stream: &str) -> Result<(Phase, u64), usize> {
        let whole = follow(stream, stream.len().max(1));
        for piece in 1..stream.len() {
            assert_eq!(follow(stream, piece), whole, "{stream:?} in pieces of {piece}");
        }
        whole
    }

    const HEAD: &str = "POST / HTTP/1.1\r\nhost: a\r\n";

    #[test]
    fn requests_follow_each_other() {
        let long = format!("{HEAD}cookie: {}\r\n\r\n", "c".repeat(1000));
        let cases = [
            ("", Phase::Idle, 0),
            ("\r\n", Phase::Head, 0),
            ("G", Phase::Head, 0),
            ("GET / HTTP/1.1\r\n\r\n", Phase::Idle, 1),
            ("\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\nG", Phase::Head, 1),
            (&format!("{HEAD}content-length: 0\r\n\r\n"), Phase::Idle, 1),
            (&format!("{HEAD}Content-Length:5\r\n\r\n\n\n\n\n"), Phase::Body, 1),
            (&format!("{HEAD}Content-Length: \t 5\t\r\n\r\n\n\n\n\n\n{HEAD}\r\n"), Phase::Idle, 2),
            (&format!("{HEAD}Transfer-Encoding: Chunked\r\n\r\n"), Phase::Body, 1),
            (
                &format!("{HEAD}transfer-encoding:chunked\r\n\r\nA;x=\"\"\r\n\n\n\n\n\n\n\n\n\n\n\r\n0\r\n"),
                Phase::Body,
                1,
            ),
            (&format!("{HEAD}transfer-encoding:chunked\r\n\r\n1 \r\nx\r\n0\r\nt: 1\r\n\r\n{HEAD}"), Phase::Head, 1),
            (&format!("{HEAD}content-lengths: x\r\ncontent-type: y\r\nte: trailers\r\n\r\n"), Phase::Idle, 1),
            (&long, Phase::Idle, 1),
        ];
        for (stream, phase, heads) in cases {
            assert_eq!(follow_all(stream), Ok((phase, heads)), "{stream:?}");
        }
    }

    #[test]
    fn what_two_readers_could_read_differently_is_spoilt() {
        let long = format!("content-length: {}5\r\n", " ".repeat(100));
        let bad = [
            "x: y\n",
            "\n",
            "content-length: 5\n",
            "content-length: 5\r\ncontent-length: 5\r\n",
            "content-length: 5\r\nTransfer-Encoding: chunked\r\n",
            "transfer-encoding: chunked\r\nCONTENT-LENGTH: 5\r\n",
            "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n",
            "transfer-encoding: chunked, identity\r\n",
            "transfer-encoding: identity, chunked\r\n",
            "transfer-encoding: xchunked\r\n",
            "transfer-encoding:\x0bchunked\r\n",
            "transfer-encoding:\r\n",
            "content-length:\r\n",
            "content-length: +5\r\n",
            "content-length: -5\r\n",
            "content-length: 5, 5\r\n",
            "content-length: 0x5\r\n",
            "content-length: 99999999999999999999\r\n",
            &long,
        ];
        for lines in bad {
            let stream = format!("{HEAD}{lines}\r\n");
            assert_eq!(follow_all(&stream), Err(HEAD.len() + lines.len() - 1), "{stream:?}");
        }
        assert_eq!(follow_all("GET / HTTP/1.1\nhost: a\r\n\r\n"), Err(14));
        assert_eq!(follow_all("\nGET / HTTP/1.1\r\n\r\n"), Err(0));
        assert_eq!(follow_all("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Err(15));
        let trailers = format!("{HEAD}transfer-encoding: chunked\r\n\r\n0\r\nt: 1\n");
        assert_eq!(follow_all(&trailers), Err(trailers.len() - 1));
    }

    #[test]
    fn broken_chunks_are_left_to_hyper() {
        for chunks in ["x", "\r\n", "1\n", "1 1", "1;\n", "1\rx", "1\r\nab", "1\r\na\rb", "fffffffffffffffff"] {
            let stream = format!("{HEAD}transfer-encoding: chunked\r\n\r\n{chunks}\n\n\n");
            assert_eq!(follow_all(&stream), Ok((Phase::Body, 1)), "{stream:?}");
        }
    }
}
