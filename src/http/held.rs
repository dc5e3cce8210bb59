//! Documents that are made once and held in memory. Their entity tag tells a caller that what they have is still the same. A
//! large one is compressed once as well, for the many who read gzip: whoever stood in front would do it for each of them.

use std::collections::HashMap;
use std::hash::Hash;
use std::io::Write;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::Full;
use hyper::StatusCode;
use hyper::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderMap,
    HeaderName, HeaderValue, IF_NONE_MATCH, VARY,
};
use serde::Serialize;

use aws_lc_rs::digest::{SHA256, digest};

use super::cx::Cx;
use super::extract::FromCx;
use super::reply::{Response, empty};
use super::reply_body::ReplyBody;
use super::route::Operation;
use crate::error::{Error, Result};

/// Bytes of the digest that an entity tag tells: enough that two documents never share one.
const TAG_BYTES: usize = 16;

/// The service's own documents, each made when it is first asked for.
#[derive(Default)]
pub struct Documents {
    /// The API as a page.
    pub docs: OnceLock<Held>,
    /// The API as an OpenAPI document.
    pub openapi: OnceLock<Held>,
    /// Standards, by the bits of the body weight in kilograms, whether they are women's, and whether they are in pounds.
    pub standards: Shelf<(u64, bool, bool)>,
}

/// One document.
pub struct Held {
    plain: Form,
    gzipped: Option<Form>,
    media_type: &'static str,
    policy: Option<HeaderValue>,
}

/// The bytes of a document as they are sent. Each form has a tag of its own, for a tag stands for bytes.
struct Form {
    body: Bytes,
    tag: HeaderValue,
}

impl Form {
    fn new(body: Bytes) -> Self {
        let digest = digest(&SHA256, &body);
        let hex: String = digest.as_ref().iter().take(TAG_BYTES).map(|byte| format!("{byte:02x}")).collect();
        let tag = HeaderValue::try_from(format!("\"{hex}\"")).unwrap_or(HeaderValue::from_static("\"\""));
        Self { body, tag }
    }
}

impl Held {
    /// A document of this type.
    #[must_use]
    pub fn new(body: impl Into<Bytes>, media_type: &'static str) -> Self {
        Self { plain: Form::new(body.into()), gzipped: None, media_type, policy: None }
    }

    /// A value as JSON.
    ///
    /// # Errors
    /// `Internal` if it cannot be written.
    pub fn json<T: Serialize>(value: &T) -> Result<Self> {
        Ok(Self::new(serde_json::to_vec(value).map_err(Error::internal)?, "application/json"))
    }

    /// The same, compressed besides: for documents of many packets that stay as they are for long.
    #[must_use]
    pub fn compressed(mut self) -> Self {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        let written = gzip.write_all(&self.plain.body).and_then(|()| gzip.finish());
        self.gzipped = written.ok().map(|body| Form::new(body.into())); // memory takes all that is written to it
        self
    }

    /// The same with a content security policy of its own.
    #[must_use]
    pub fn with_policy(mut self, policy: &str) -> Self {
        self.policy = HeaderValue::from_str(policy).ok();
        self
    }

    /// The document, or 304 to a caller who has it. Whoever keeps it has to ask whether it is still the same.
    #[must_use]
    pub fn answer(&self, terms: &Terms) -> Response {
        let gzipped = self.gzipped.as_ref().filter(|_| terms.takes_gzip);
        let form = gzipped.unwrap_or(&self.plain);
        let mut response = if terms.know(&form.tag) {
            empty(StatusCode::NOT_MODIFIED)
        } else {
            hyper::Response::new(ReplyBody::Whole(Full::new(form.body.clone())))
        };
        let is_whole = response.status() == StatusCode::OK;
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(ETAG, form.tag.clone());
        if self.gzipped.is_some() {
            headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
        }
        if is_whole {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.media_type));
            if gzipped.is_some() {
                headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            }
        }
        if let Some(policy) = &self.policy {
            headers.insert(CONTENT_SECURITY_POLICY, policy.clone());
        }
        response
    }
}

/// Documents on a shelf: as many as different questions were asked lately.
const SHELF_MAX: usize = 1024;

/// Documents that follow from what was asked and nothing else. A full shelf is cleared: what is asked for often is soon back.
pub struct Shelf<K>(RwLock<HashMap<K, Arc<Held>>>);

impl<K> Default for Shelf<K> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<K: Eq + Hash> Shelf<K> {
    /// The answer to this question, made if it is not there.
    ///
    /// # Errors
    /// Those of making it.
    pub fn get_or_make(&self, question: K, make: impl FnOnce() -> Result<Held>) -> Result<Arc<Held>> {
        if let Some(held) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&question) {
            return Ok(Arc::clone(held));
        }
        let made = Arc::new(make()?);
        let mut shelf = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if shelf.len() >= SHELF_MAX {
            shelf.clear();
        }
        shelf.insert(question, Arc::clone(&made));
        Ok(made)
    }
}

/// On which terms a caller takes a document: the entity tags of what they have, and whether they read gzip.
pub struct Terms {
    tags: Option<String>,
    takes_gzip: bool,
}

impl Terms {
    fn of(headers: &HeaderMap) -> Self {
        let tags = items(headers, &IF_NONE_MATCH).map(str::to_owned).reduce(|all, tag| format!("{all},{tag}"));
        Self { tags, takes_gzip: items(headers, &ACCEPT_ENCODING).any(is_gzip) }
    }

    /// Whether this tag is among those they have. A proxy that compresses makes tags weak; the document is the same.
    fn know(&self, tag: &HeaderValue) -> bool {
        let tag = tag.to_str().unwrap_or_default();
        let mut tags = self.tags.iter().flat_map(|tags| tags.split(','));
        tags.any(|known| known.strip_prefix("W/").unwrap_or(known) == tag || known == "*")
    }
}

/// The items of a list that a header holds, in one line or several.
fn items<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}

/// Whether an item of `Accept-Encoding` is gzip, and not to say that it is not wanted (`gzip;q=0`).
fn is_gzip(item: &str) -> bool {
    let (coding, parameter) = item.split_once(';').unwrap_or((item, "q=1"));
    let weight = parameter.trim().strip_prefix(['q', 'Q']).and_then(|rest| rest.trim_start().strip_prefix('='));
    coding.trim().eq_ignore_ascii_case("gzip")
        && weight.and_then(|weight| weight.trim().parse().ok()).is_some_and(|weight: f32| weight > 0.0)
}

impl FromCx for Terms {
    async fn from_cx(cx: &mut Cx) -> Result<Self> {
        Ok(Self::of(cx.headers()))
    }

    fn describe(operation: &mut Operation) {
        operation.can_be_unchanged = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shelf_has_its_bound() {
        let shelf = Shelf::default();
        for question in 0..3 * SHELF_MAX {
            let held = shelf.get_or_make(question, || Held::json(&question)).unwrap();
            assert_eq!(held.plain.body, question.to_string());
            shelf.get_or_make(question, || panic!("it is there")).unwrap();
            assert!(shelf.0.read().unwrap().len() <= SHELF_MAX);
        }
    }

    #[test]
    fn tags_are_found_among_others() {
        let held = Held::new("text".to_owned(), "text/plain");
        let status = |lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(IF_NONE_MATCH, HeaderValue::from_str(line).unwrap());
            }
            held.answer(&Terms::of(&headers)).status().as_u16()
        };
        let tag = held.plain.tag.to_str().unwrap();
        for lines in [vec![tag], vec!["*"], vec!["\"a\"", tag], vec![&format!("\"a\", W/{tag}")]] {
            assert_eq!(status(&lines), 304, "{lines:?}");
        }
        for lines in [vec![], vec![""], vec!["\"a\""], vec![tag.trim_matches('"')]] {
            assert_eq!(status(&lines), 200, "{lines:?}");
        }
    }

    #[test]
    fn whoever_reads_gzip_is_sent_gzip() {
        for (lines, expected) in [
            (&["gzip"][..], true),
            (&["br, zstd, GZIP"], true),
            (&["br", "gzip;q=0.5"], true),
            (&["gzip ; q = 1.0"], true),
            (&["gzip;q=0"], false),
            (&["gzip; q=0.000"], false),
            (&["gzip;quality=1"], false),
            (&["gzipped, identity"], false),
            (&["*"], false),
            (&[""], false),
            (&[], false),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(ACCEPT_ENCODING, HeaderValue::from_str(line).unwrap());
            }
            assert_eq!(Terms::of(&headers).takes_gzip, expected, "{lines:?}");
        }
    }
}
