//! Documents that are made once and held in memory. Their entity tag tells a caller that what they have is still the same.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use bytes::Bytes;
use http_body_util::Full;
use hyper::StatusCode;
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH,
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
    body: Bytes,
    tag: HeaderValue,
    media_type: &'static str,
    policy: Option<HeaderValue>,
}

impl Held {
    /// A document of this type.
    #[must_use]
    pub fn new(body: impl Into<Bytes>, media_type: &'static str) -> Self {
        let body = body.into();
        let digest = digest(&SHA256, &body);
        let hex: String = digest.as_ref().iter().take(TAG_BYTES).map(|byte| format!("{byte:02x}")).collect();
        let tag = HeaderValue::try_from(format!("\"{hex}\"")).unwrap_or(HeaderValue::from_static("\"\""));
        Self { body, tag, media_type, policy: None }
    }

    /// A value as JSON.
    ///
    /// # Errors
    /// `Internal` if it cannot be written.
    pub fn json<T: Serialize>(value: &T) -> Result<Self> {
        Ok(Self::new(serde_json::to_vec(value).map_err(Error::internal)?, "application/json"))
    }

    /// The same with a content security policy of its own.
    #[must_use]
    pub fn with_policy(mut self, policy: &str) -> Self {
        self.policy = HeaderValue::from_str(policy).ok();
        self
    }

    /// The document, or 304 to a caller who has it. Whoever keeps it has to ask whether it is still the same.
    #[must_use]
    pub fn answer(&self, known: &Known) -> Response {
        let mut response = if known.names(&self.tag) {
            empty(StatusCode::NOT_MODIFIED)
        } else {
            hyper::Response::new(ReplyBody::Whole(Full::new(self.body.clone())))
        };
        let is_whole = response.status() == StatusCode::OK;
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(ETAG, self.tag.clone());
        if is_whole {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.media_type));
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

/// The entity tags that a caller holds.
pub struct Known(Option<String>);

impl Known {
    fn of(headers: &HeaderMap) -> Self {
        let lines = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
        Self(lines.map(str::to_owned).reduce(|all, line| format!("{all},{line}")))
    }

    /// Whether this tag is among them. A proxy that compresses makes tags weak; the document is the same.
    fn names(&self, tag: &HeaderValue) -> bool {
        let tag = tag.to_str().unwrap_or_default();
        let tags = self.0.iter().flat_map(|tags| tags.split(',')).map(str::trim);
        tags.map(|known| known.strip_prefix("W/").unwrap_or(known)).any(|known| known == tag || known == "*")
    }
}

impl FromCx for Known {
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
            assert_eq!(held.body, question.to_string());
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
            held.answer(&Known::of(&headers)).status().as_u16()
        };
        let tag = held.tag.to_str().unwrap();
        for lines in [vec![tag], vec!["*"], vec!["\"a\"", tag], vec![&format!("\"a\", W/{tag}")]] {
            assert_eq!(status(&lines), 304, "{lines:?}");
        }
        for lines in [vec![], vec![""], vec!["\"a\""], vec![tag.trim_matches('"')]] {
            assert_eq!(status(&lines), 200, "{lines:?}");
        }
    }
}
