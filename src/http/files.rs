//! Files of a folder, for anybody: a path that cannot leave the folder, the file behind it, and its answer.
//!
//! Always holds: what is served is a regular file whose real place, links followed, is below the folder, and no name on the
//! way to it begins with a dot.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use hyper::StatusCode;
use hyper::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_RANGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderValue,
    LAST_MODIFIED,
};
use percent_encoding::percent_decode_str;
use serde_json::json;
use tokio::task::spawn_blocking;

use super::conditional::{Conditions, Selected, State};
use super::cx::Cx;
use super::extract::FromCx;
use super::reply::{Reply, Response, empty};
use super::reply_body::{FileStretch, ReplyBody};
use super::route::Operation;
use crate::error::{Error, Result};

/// Bytes a path may have; file systems end at 4,096, folders included.
const PATH_MAX_BYTES: usize = 1024;

/// A path below a folder: segments of text, none of them empty, none beginning with a dot, none holding what separates
/// segments anywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilePath(String);

impl FilePath {
    /// The path that a part of an address stands for: it is split first and decoded once, as the router does.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        if raw.len() > PATH_MAX_BYTES {
            return None;
        }
        let segments: Option<Vec<String>> = raw.split('/').map(segment).collect();
        segments.map(|segments| Self(segments.join("/")))
    }

    /// The decoded path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn segment(raw: &str) -> Option<String> {
    let text = percent_decode_str(raw).decode_utf8().ok()?;
    let hostile =
        text.is_empty() || text.starts_with('.') || text.contains(|c: char| c.is_control() || "/\\".contains(c));
    (!hostile).then(|| text.into_owned())
}

/// The rest of the route's path, as a path below a folder; `None` if it cannot be one.
pub struct Tail(pub Option<FilePath>);

impl FromCx for Tail {
    async fn from_cx(cx: &mut Cx) -> Result<Self> {
        let (_, raw) = cx.next_parameter();
        Ok(Self(raw.as_deref().and_then(FilePath::parse)))
    }

    fn describe(operation: &mut Operation) {
        operation.path.push(json!({ "type": "string", "description": "A path; its slashes stay as they are." }));
    }
}

/// A folder of files.
#[derive(Clone, Debug)]
pub struct Folder {
    root: PathBuf,
}

/// An open file.
pub struct Found {
    file: File,
    state: State,
    media_type: &'static str,
}

impl Folder {
    /// The folder at this place, which may be a link to it and may change.
    #[must_use]
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// The file at this path; `None` where there is none that may be served.
    ///
    /// # Errors
    /// `Unavailable` if the file system fails.
    pub async fn find(&self, path: &FilePath) -> Result<Option<Found>> {
        let (root, path) = (self.root.clone(), path.clone());
        let found = spawn_blocking(move || open(&root, path.as_str())).await.map_err(Error::internal)?;
        match found {
            Ok(found) => Ok(found),
            Err(error) if is_of_the_path(&error) => Ok(None),
            Err(error) => Err(Error::unavailable(error)),
        }
    }
}

/// Whether the path is at fault, rather than the file system.
fn is_of_the_path(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidFilename, InvalidInput, NotADirectory, NotFound, PermissionDenied};
    matches!(error.kind(), NotFound | NotADirectory | PermissionDenied | InvalidFilename | InvalidInput)
        || error.raw_os_error() == Some(TOO_MANY_LINKS)
}

/// `ELOOP`: links in a circle.
const TOO_MANY_LINKS: i32 = 40;

fn open(root: &Path, path: &str) -> io::Result<Option<Found>> {
    let real_root = fs::canonicalize(root)?;
    let real = fs::canonicalize(real_root.join(path))?;
    let Ok(below) = real.strip_prefix(&real_root) else { return Ok(None) };
    let hidden = |name: &std::ffi::OsStr| name.as_encoded_bytes().starts_with(b".");
    // Before it is opened: opening a pipe would wait for somebody to write into it.
    if below.iter().any(hidden) || !fs::metadata(&real)?.is_file() {
        return Ok(None);
    }
    let file = File::open(&real)?;
    let metadata = file.metadata()?;
    // Copies of one length and one date differ in the time when their entry changed, which nobody can set; within a tick of
    // the clock, in which entry it is.
    let changed = (metadata.ctime(), metadata.ctime_nsec());
    let etag = format!("\"{:x}-{:x}-{:x}-{:x}\"", metadata.len(), metadata.ino(), changed.0, changed.1);
    let state = State { etag, modified: metadata.modified()?, length: metadata.len() };
    Ok(metadata.is_file().then(|| Found { file, state, media_type: media_type(path) }))
}

/// What browsers are told a file is, by the ending of its name. Anything else is bytes to be saved.
fn media_type(path: &str) -> &'static str {
    let ending = path.rsplit_once('.').map_or("", |(_, ending)| ending).to_ascii_lowercase();
    match ending.as_str() {
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "gif" => "image/gif",
        "bmp" => "image/bmp",
        "tif" | "tiff" => "image/tiff",
        "webp" => "image/webp",
        "avif" => "image/avif",
        "svg" => "image/svg+xml",
        "ico" => "image/x-icon",
        "html" | "htm" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "txt" => "text/plain; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "wasm" => "application/wasm",
        "pdf" => "application/pdf",
        "woff" => "font/woff",
        "woff2" => "font/woff2",
        "ttf" => "font/ttf",
        "otf" => "font/otf",
        "mp3" => "audio/mpeg",
        "mp4" => "video/mp4",
        "webm" => "video/webm",
        _ => "application/octet-stream",
    }
}

/// How long a file may be kept, and what a page made of it may do.
pub struct Policy {
    /// `Cache-Control`.
    pub cache: HeaderValue,
    /// `Content-Security-Policy`.
    pub security: HeaderValue,
}

/// A file as an answer: all of it, a part, or that it has not changed.
pub struct FileReply(Response);

impl Found {
    /// The answer that these conditions ask for.
    ///
    /// # Errors
    /// 416 if they ask for bytes that are not there.
    pub fn reply(self, conditions: &Conditions, policy: Policy) -> Result<FileReply> {
        let selected = conditions.select(&self.state);
        let length = self.state.length;
        let (status, stretch) = match selected {
            Selected::NotModified => (StatusCode::NOT_MODIFIED, None),
            Selected::Unsatisfiable => return Err(Error::unsatisfiable(length)),
            Selected::Whole => (StatusCode::OK, Some(0..length)),
            Selected::Part(range) => (StatusCode::PARTIAL_CONTENT, Some(range)),
        };
        let mut response = empty(status);
        let headers = response.headers_mut();
        let text = |text: String| HeaderValue::from_str(&text).map_err(Error::internal);
        headers.insert(ETAG, text(self.state.etag.clone())?);
        headers.insert(LAST_MODIFIED, text(self.state.last_modified())?);
        headers.insert(CACHE_CONTROL, policy.cache);
        headers.insert(CONTENT_SECURITY_POLICY, policy.security);
        if let Some(range) = stretch {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.media_type));
            headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
            if status == StatusCode::PARTIAL_CONTENT {
                headers.insert(CONTENT_RANGE, text(format!("bytes {}-{}/{length}", range.start, range.end - 1))?);
            }
            *response.body_mut() = ReplyBody::File(FileStretch::new(self.file, range.start, range.end - range.start));
        }
        Ok(FileReply(response))
    }
}

impl Reply for FileReply {
    fn reply(self) -> Result<Response> {
        Ok(self.0)
    }

    fn describe(operation: &mut Operation) {
        operation.status = 200;
        operation.replies_file = true;
        operation.failures.extend([404, 416]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_below_the_folder() {
        let good = [("a.png", "a.png"), ("a/b.png", "a/b.png"), ("a%20b", "a b"), ("%C3%BC", "ü"), ("a..b", "a..b")];
        for (raw, path) in good {
            assert_eq!(FilePath::parse(raw), Some(FilePath(path.to_owned())), "{raw}");
        }
        // Decoded once: what is left is a name like another.
        assert_eq!(FilePath::parse("%252e%252e/a"), Some(FilePath("%2e%2e/a".to_owned())));
        let long = "a".repeat(PATH_MAX_BYTES + 1);
        let hostile = [
            "",
            "/",
            "a/",
            "/a",
            "a//b",
            ".",
            "..",
            "a/..",
            "../a",
            "a/../b",
            "%2e%2e/a",
            "%2E%2e/a",
            ".%2e/a",
            "%2e",
            "a/.b",
            ".git/config",
            "a%2fb",
            "a%2Fb",
            "..%2fa",
            "a\\b",
            "..\\a",
            "a%5cb",
            "a%00",
            "a%00.png",
            "a%0a",
            "%ff",
            "%7f",
            &long,
        ];
        for raw in hostile {
            assert_eq!(FilePath::parse(raw), None, "{raw}");
        }
    }

    #[test]
    fn unknown_endings_are_bytes() {
        for (path, expected) in
            [("a.PNG", "image/png"), ("a.b/c", "application/octet-stream"), ("x", "application/octet-stream")]
        {
            assert_eq!(media_type(path), expected, "{path}");
        }
    }
}
