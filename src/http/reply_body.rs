//! The body of a reply: bytes in memory, or a stretch of a file. A file is read piece by piece, off the async threads, and
//! only as fast as the client takes it: hyper asks for the next piece when the one before is on its way.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};
use tokio::task::{JoinHandle, spawn_blocking};

/// Bytes of a file that are in memory at a time, for each client that reads one.
const PIECE_BYTES: u64 = 64 * 1024;

/// A reply's body.
pub enum ReplyBody {
    /// Bytes in memory.
    Whole(Full<Bytes>),
    /// A stretch of a file.
    File(FileStretch),
}

/// A stretch of an open file, which is what is read even if the file gets another name or none.
pub struct FileStretch {
    file: Arc<File>,
    at: u64,
    left: u64,
    reading: Option<JoinHandle<io::Result<Bytes>>>,
}

impl Default for ReplyBody {
    fn default() -> Self {
        Self::Whole(Full::default())
    }
}

impl From<Vec<u8>> for ReplyBody {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Whole(Full::new(Bytes::from(bytes)))
    }
}

impl FileStretch {
    /// So many bytes from this place on. The file must have them.
    #[must_use]
    pub fn new(file: File, at: u64, length: u64) -> Self {
        Self { file: Arc::new(file), at, left: length, reading: None }
    }
}

/// Reads a piece; an empty one means that the file is shorter than it was.
fn read_piece(file: &File, at: u64, bytes: usize) -> io::Result<Bytes> {
    let mut piece = vec![0; bytes];
    let count = file.read_at(&mut piece, at)?;
    piece.truncate(count);
    if piece.is_empty() { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(piece.into()) }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.get_mut() {
            Self::Whole(body) => Pin::new(body).poll_frame(cx).map_err(|never| match never {}),
            Self::File(stretch) => stretch.poll_piece(cx).map_ok(Frame::data),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(body) => body.is_end_stream(),
            Self::File(stretch) => stretch.left == 0,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => body.size_hint(),
            Self::File(stretch) => SizeHint::with_exact(stretch.left),
        }
    }
}

impl FileStretch {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let reading = self.reading.get_or_insert_with(|| {
            let (file, at) = (Arc::clone(&self.file), self.at);
            let bytes = usize::try_from(self.left.min(PIECE_BYTES)).unwrap_or_default();
            spawn_blocking(move || read_piece(&file, at, bytes))
        });
        let read = ready!(Pin::new(reading).poll(cx));
        self.reading = None;
        let read = read.unwrap_or_else(|lost| Err(io::Error::other(lost)));
        if let Ok(piece) = &read {
            self.at += piece.len() as u64;
            self.left -= piece.len() as u64;
        }
        Poll::Ready(Some(read))
    }
}
