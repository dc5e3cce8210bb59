//! Forms with files (`multipart/form-data`), part by part, each piece by piece. The library finds the parts; this wrapper keeps
//! it from gathering more than it needs: it reads on only when what it has leads to nothing, and no further than a bound.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt};
use hyper::header::CONTENT_TYPE;

use super::body::broken_off;
use super::cx::Cx;
use crate::error::{Error, FieldError, Problem, Result};

/// The media type.
pub const MEDIA_TYPE: &str = "multipart/form-data";
/// Bytes in a row that may be neither a part nor a piece of one: what stands before and between parts, and their headers.
const BETWEEN_MAX_BYTES: usize = 64 * 1024;
/// Characters of a boundary (RFC 2046).
const BOUNDARY_MAX: usize = 70;

/// A form that is being read.
pub struct Form {
    parts: multer::Multipart<'static>,
    between: Arc<AtomicUsize>,
    began: bool,
}

/// A part of it. To be read to its end before the next one.
pub struct Part {
    field: multer::Field<'static>,
    between: Arc<AtomicUsize>,
}

/// 422: the body is no such form.
fn malformed(code: &'static str, must: &str) -> Error {
    let detail = format!("The body must {must}");
    Error::invalid(vec![FieldError { pointer: String::new(), code, detail }])
}

/// The boundary in a `Content-Type`.
///
/// # Errors
/// 415 if it is another type, 422 if it names no boundary that can be one.
pub fn boundary(content_type: &str) -> Result<String> {
    let given = content_type.split(';').next().unwrap_or_default().trim();
    if !given.eq_ignore_ascii_case(MEDIA_TYPE) {
        let detail = format!("The body must be {MEDIA_TYPE}");
        return Err(Error::new(Problem::UnsupportedMediaType).with_detail(detail));
    }
    let boundary = multer::parse_boundary(content_type).ok();
    let boundary = boundary.filter(|boundary| (1..=BOUNDARY_MAX).contains(&boundary.len()));
    boundary.ok_or_else(|| malformed("format", "have a Content-Type that names its boundary"))
}

impl Form {
    /// The form that this request's body is.
    ///
    /// # Errors
    /// As [`boundary`]; 422 without a body, 413 if the body says that it is too long.
    pub fn of(cx: &Cx) -> Result<Self> {
        let content_type = match cx.headers().get(CONTENT_TYPE) {
            Some(value) => value.to_str().unwrap_or_default(),
            None => return Err(malformed("missing", "be given")),
        };
        let boundary = boundary(content_type)?;
        let pieces = cx.body.pieces(cx.route.body_max_bytes, cx.route.body_wait)?;
        let pieces = stream::unfold(pieces, async |mut pieces| Some((pieces.next().await.transpose()?, pieces)));
        Ok(Self::new(pieces, boundary))
    }

    /// The form in these pieces of a body.
    pub fn new(pieces: impl Stream<Item = Result<Bytes>> + Send + 'static, boundary: String) -> Self {
        let between = Arc::new(AtomicUsize::new(0));
        let paced = paced(pieces, Arc::clone(&between));
        Self { parts: multer::Multipart::new(paced, boundary), between, began: false }
    }

    /// The next part; `None` behind the closing boundary.
    ///
    /// # Errors
    /// What reading the body answers; 400 if it ends before the closing boundary, 422 if it is no such form.
    pub async fn next(&mut self) -> Result<Option<Part>> {
        let next = self.parts.next_field().await;
        self.between.store(0, Ordering::Relaxed);
        let field = next.map_err(|error| told(error, self.began))?;
        self.began = true;
        Ok(field.map(|field| Part { field, between: Arc::clone(&self.between) }))
    }
}

impl Part {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.field.name()
    }

    /// The media type that it says it has, without parameters.
    #[must_use]
    pub fn media_type(&self) -> Option<&str> {
        self.field.content_type().map(mime_essence)
    }

    /// Its next piece; `None` at its end.
    ///
    /// # Errors
    /// As [`Form::next`].
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        let piece = self.field.chunk().await;
        self.between.store(0, Ordering::Relaxed);
        piece.map_err(|error| told(error, true))
    }

    /// Reads it to its end and forgets it.
    ///
    /// # Errors
    /// As [`Form::next`].
    pub async fn skip(&mut self) -> Result<()> {
        while self.next().await?.is_some() {}
        Ok(())
    }
}

fn mime_essence<T: AsRef<str>>(mime: &T) -> &str {
    mime.as_ref().split(';').next().unwrap_or_default().trim()
}

/// The pieces one at a time: the library takes all that is ready before it looks at any, so each is made to wait for the next
/// look. More than the bound without a part or a piece of one in it ends them.
fn paced(
    pieces: impl Stream<Item = Result<Bytes>> + Send,
    between: Arc<AtomicUsize>,
) -> impl Stream<Item = Result<Bytes>> + Send {
    stream::unfold((Box::pin(pieces), between), async |(mut pieces, between)| {
        tokio::task::yield_now().await;
        let piece = match pieces.next().await? {
            Ok(piece) if between.fetch_add(piece.len(), Ordering::Relaxed) > BETWEEN_MAX_BYTES => {
                Err(malformed("format", "have parts with short headers"))
            }
            piece => piece,
        };
        Some((piece, (pieces, between)))
    })
}

/// What went wrong, in our words: the library's may repeat what was sent.
fn told(error: multer::Error, began: bool) -> Error {
    match error {
        multer::Error::StreamReadFailed(cause) => match cause.downcast::<Error>() {
            Ok(error) => *error,
            Err(cause) => broken_off().with_cause(cause),
        },
        multer::Error::IncompleteFieldData { .. } => broken_off(),
        multer::Error::IncompleteStream if began => broken_off(),
        _ => malformed("format", &format!("be {MEDIA_TYPE} as its Content-Type says")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The parts of this body, sent in pieces of this many bytes: name, type and content of each.
    async fn read(body: &[u8], piece_bytes: usize) -> Result<Vec<String>> {
        let pieces: Vec<Result<Bytes>> =
            body.chunks(piece_bytes).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        let mut form = Form::new(stream::iter(pieces), "xyz".to_owned());
        let mut parts = Vec::new();
        while let Some(mut part) = form.next().await? {
            let mut content = Vec::new();
            let head = format!("{:?} {:?}", part.name(), part.media_type());
            while let Some(piece) = part.next().await? {
                content.extend_from_slice(&piece);
            }
            parts.push(format!("{head} {}", String::from_utf8_lossy(&content)));
        }
        Ok(parts)
    }

    const TWO: &[u8] = b"preamble\r\n--xyz\r\nContent-Disposition: form-data; name=\"a\"; filename=\"x\"\r\n\
        Content-Type: image/png; q=1\r\n\r\none\r\n--xy\r\n\r\n--xyz\r\ncontent-disposition: form-data; name=b\r\n\r\n\r\n--xyz--\r\nepilogue";

    #[tokio::test]
    async fn parts_are_read_whatever_the_pieces() {
        for piece_bytes in 1..TWO.len() {
            let parts = read(TWO, piece_bytes).await.unwrap();
            assert_eq!(
                parts,
                ["Some(\"a\") Some(\"image/png\") one\r\n--xy\r\n", "Some(\"b\") None "],
                "{piece_bytes}"
            );
        }
    }

    #[tokio::test]
    async fn a_form_that_breaks_off_is_an_error_wherever_it_does() {
        let closed = TWO.len() - b"\r\nepilogue".len();
        let begun = TWO.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
        for end in 0..closed {
            let error = read(&TWO[..end], 7).await.unwrap_err();
            assert_eq!(error.problem().status(), if end < begun { 422 } else { 400 }, "{end}: {error:?}");
        }
        assert_eq!(read(b"", 1).await.unwrap_err().problem(), Problem::ValidationError);
        assert_eq!(read(b"--xyz--", 1).await.unwrap(), Vec::<String>::new());
    }

    #[tokio::test]
    async fn no_more_is_gathered_than_is_needed() {
        let endless = |start: &'static [u8]| {
            let taken = Arc::new(AtomicUsize::new(0));
            let counter = Arc::clone(&taken);
            let filler = stream::repeat_with(|| Ok(Bytes::from_static(&[b'x'; 1000])));
            let pieces = stream::iter([Ok(Bytes::from_static(start))]).chain(filler);
            let counted = pieces.inspect(move |_: &Result<Bytes>| {
                counter.fetch_add(1000, Ordering::Relaxed);
            });
            (Form::new(counted, "xyz".to_owned()), taken)
        };
        for start in [b"".as_slice(), b"--xyz\r\nx: ", b"--xyz"] {
            let (mut form, taken) = endless(start);
            assert_eq!(form.next().await.map(|_| ()).unwrap_err().problem(), Problem::ValidationError);
            assert!(taken.load(Ordering::Relaxed) <= BETWEEN_MAX_BYTES + 3000);
        }
        // Within a part each piece comes out before the next one goes in.
        let (mut form, taken) = endless(b"--xyz\r\nContent-Disposition: form-data; name=a\r\n\r\n");
        let mut part = form.next().await.unwrap().unwrap();
        let mut got = 0;
        while got < 1_000_000 {
            got += part.next().await.unwrap().unwrap().len();
            assert!(taken.load(Ordering::Relaxed) <= got + 3000);
        }
    }

    #[test]
    fn boundaries_are_named_by_the_type() {
        assert_eq!(boundary("multipart/form-data; boundary=xyz").unwrap(), "xyz");
        assert_eq!(boundary("Multipart/Form-Data; charset=utf-8; boundary=\"x y\"").unwrap(), "x y");
        for (given, status) in [
            ("multipart/form-data", 422),
            ("multipart/form-data; boundary=", 422),
            ("multipart/form-data; boundary=\"\"", 422),
            (&format!("multipart/form-data; boundary={}", "x".repeat(71)), 422),
            ("multipart/mixed; boundary=xyz", 415),
            ("image/png", 415),
            ("", 415),
        ] {
            assert_eq!(boundary(given).unwrap_err().problem().status(), status, "{given}");
        }
    }
}
