//! Documents that are made once and held in memory. Their entity tag tells a caller that what they have is still the same.

use bytes::Bytes;
use http_body_util::Full;
use hyper::StatusCode;
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH,
};
use std::sync::OnceLock;

use aws_lc_rs::digest::{SHA256, digest};

use super::cx::Cx;
use super::extract::FromCx;
use super::reply::{Response, empty};
use super::reply_body::ReplyBody;
use super::route::Operation;
use crate::error::Result;

/// Bytes of the digest that an entity tag tells: enough that two documents never share one.
const TAG_BYTES: usize = 16;

/// The service's own documents, each made when it is first asked for.
#[derive(Default)]
pub struct Documents {
    /// The API as a page.
    pub docs: OnceLock<Held>,
    /// The API as an OpenAPI document.
    pub openapi: OnceLock<Held>,
}

/// One document.
pub struct Held {
    body: Bytes,
    tag: String,
    media_type: &'static str,
    policy: Option<HeaderValue>,
}

impl Held {
    /// A document of this type.
    #[must_use]
    pub fn new(body: String, media_type: &'static str) -> Self {
        let digest = digest(&SHA256, body.as_bytes());
        let hex: String = digest.as_ref().iter().take(TAG_BYTES).map(|byte| format!("{byte:02x}")).collect();
        Self { body: Bytes::from(body), tag: format!("\"{hex}\""), media_type, policy: None }
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
        if let Ok(tag) = HeaderValue::from_str(&self.tag) {
            headers.insert(ETAG, tag);
        }
        if is_whole {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.media_type));
        }
        if let Some(policy) = &self.policy {
            headers.insert(CONTENT_SECURITY_POLICY, policy.clone());
        }
        response
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
    fn names(&self, tag: &str) -> bool {
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
    fn tags_are_found_among_others() {
        let held = Held::new("text".to_owned(), "text/plain");
        let status = |lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(IF_NONE_MATCH, HeaderValue::from_str(line).unwrap());
            }
            held.answer(&Known::of(&headers)).status().as_u16()
        };
        let tag = held.tag.as_str();
        for lines in [vec![tag], vec!["*"], vec!["\"a\"", tag], vec![&format!("\"a\", W/{tag}")]] {
            assert_eq!(status(&lines), 304, "{lines:?}");
        }
        for lines in [vec![], vec![""], vec!["\"a\""], vec![tag.trim_matches('"')]] {
            assert_eq!(status(&lines), 200, "{lines:?}");
        }
    }
}
