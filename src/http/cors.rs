//! Which web pages may call the API, and what they are told.

use hyper::StatusCode;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderValue, ORIGIN, REFERER, VARY,
};

use super::reply::{Response, empty};
use crate::config::{AppEnv, Config, origin_of};

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE, OPTIONS");
/// What a page may read beside the safelisted headers.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "X-Request-ID, X-API-Version, RateLimit, RateLimit-Policy, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, Retry-After, Idempotency-Replayed, X-Next-Cursor",
);
/// Seconds a browser may remember a preflight's answer.
const MAX_AGE_S: HeaderValue = HeaderValue::from_static("600");

/// The request's origin, if it may call the API.
#[must_use]
pub fn allowed_origin(config: &Config, headers: &HeaderMap) -> Option<HeaderValue> {
    let value = headers.get(ORIGIN)?;
    allows(config, value.to_str().ok()?).then(|| value.clone())
}

/// Whether pages of this origin may call the API.
#[must_use]
pub fn allows(config: &Config, origin: &str) -> bool {
    let listed = config.allowed_origins.iter().any(|allowed| allowed == origin);
    listed || (config.app_env != AppEnv::Production && is_local(origin))
}

/// Whether the request comes from no page, or from one that may call the API. For routes that a cookie opens: a browser sends
/// the cookie whichever page asks.
#[must_use]
pub fn is_from_allowed_page(config: &Config, headers: &HeaderMap) -> bool {
    let is_allowed = |value: &HeaderValue, origin: fn(&str) -> Option<String>| {
        value.to_str().ok().and_then(origin).is_some_and(|origin| allows(config, &origin))
    };
    if headers.contains_key(ORIGIN) {
        return headers.get_all(ORIGIN).iter().all(|value| is_allowed(value, |origin| Some(origin.to_owned())));
    }
    headers.get_all(REFERER).iter().all(|value| is_allowed(value, origin_of))
}

/// Whether this is `http(s)://localhost` or `127.0.0.1`, with or without a port.
fn is_local(origin: &str) -> bool {
    let Some(host) = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://")) else { return false };
    let (name, port) = host.split_once(':').unwrap_or((host, "0"));
    matches!(name, "localhost" | "127.0.0.1") && !port.is_empty() && port.chars().all(|c| c.is_ascii_digit())
}

/// Whether a browser asks what it may do, rather than does it.
#[must_use]
pub fn is_preflight(method: &hyper::Method, headers: &HeaderMap) -> bool {
    method == hyper::Method::OPTIONS
        && headers.contains_key(ORIGIN)
        && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// The answer to a preflight; the origin's own headers come with every response.
#[must_use]
pub fn preflight(request: &HeaderMap) -> Response {
    let mut response = empty(StatusCode::OK);
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE_S);
    if let Some(asked) = request.get(ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
    }
    response
}

/// Puts the headers about the origin on a response.
pub fn decorate(headers: &mut HeaderMap, origin: Option<HeaderValue>) {
    const VARIES: HeaderValue = HeaderValue::from_static("Origin");
    let own = headers.get(VARY).and_then(|own| own.to_str().ok());
    let all = own.and_then(|own| HeaderValue::try_from(format!("Origin, {own}")).ok());
    headers.insert(VARY, all.unwrap_or(VARIES));
    if let Some(origin) = origin {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
}

#[cfg(test)]
mod tests {
    use super::is_local;

    #[test]
    fn only_this_machine_is_local() {
        for origin in ["http://localhost", "https://localhost:3000", "http://127.0.0.1:9"] {
            assert!(is_local(origin), "{origin}");
        }
        for origin in [
            "http://localhost.evil.example",
            "http://localhost:3000.evil",
            "http://127.0.0.11",
            "localhost",
            "null",
            "http://localhost:",
        ] {
            assert!(!is_local(origin), "{origin}");
        }
    }
}
