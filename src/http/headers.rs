//! The headers that every response carries, and what is read from every request: its id, the API's version, its Host.

use std::cell::RefCell;
use std::sync::LazyLock;

use aws_lc_rs::rand;
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use hyper::http::request::Parts;
use uuid::Uuid;

use crate::error::{Error, Problem, Result};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const X_API_VERSION: HeaderName = HeaderName::from_static("x-api-version");
const X_API_VERSION_DEFAULTED: HeaderName = HeaderName::from_static("x-api-version-defaulted");

/// The only version there is.
const VERSION: HeaderValue = HeaderValue::from_static("v1");

/// Characters a caller's request id may have.
const REQUEST_ID_MAX: usize = 128;

/// Everything that browsers let pages do with a device, its sensors and what it knows of its owner: off. What is not here a
/// page of ours may do as any other: play sounds, fill the screen, keep it on, put a code on the clipboard. Names that
/// Chromium does not know it complains about in the console.
const PERMISSIONS: &str = "accelerometer=(), camera=(), display-capture=(), encrypted-media=(), gamepad=(), \
    geolocation=(), gyroscope=(), hid=(), idle-detection=(), keyboard-map=(), local-fonts=(), magnetometer=(), microphone=(), \
    midi=(), otp-credentials=(), payment=(), publickey-credentials-create=(), publickey-credentials-get=(), serial=(), \
    storage-access=(), usb=(), window-management=(), xr-spatial-tracking=()";

/// What browsers are told about every response that does not say otherwise: it is data for its own site, not a page.
pub const SECURITY: [(HeaderName, HeaderValue); 7] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("permissions-policy"), HeaderValue::from_static(PERMISSIONS)),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-site")),
    (CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
];

/// Who may show a picture of ours in a page of theirs: anybody, and anybody may know that there is none.
pub const SHOWN_EVERYWHERE: (HeaderName, HeaderValue) =
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("cross-origin"));

/// Whether the path is one of stored pictures and their like.
#[must_use]
pub fn is_static(path: &str) -> bool {
    path.strip_prefix("/static").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What browsers are told that came by https: for two years, come by nothing else.
const HTTPS_ONLY: HeaderValue = HeaderValue::from_static("max-age=63072000; includeSubDomains");

/// The request's id: the caller's if it is 1 to 128 visible ASCII characters, else a new one.
#[must_use]
pub fn request_id(headers: &HeaderMap) -> HeaderValue {
    let given = headers.get(&X_REQUEST_ID).filter(|value| {
        let bytes = value.as_bytes();
        (1..=REQUEST_ID_MAX).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic)
    });
    given.cloned().unwrap_or_else(|| {
        let mut text = [0; 32];
        HeaderValue::from_str(new_id().simple().encode_lower(&mut text)).unwrap_or(HeaderValue::from_static("-"))
    })
}

/// Random bytes that a thread asks the system for at a time: a call for each request would cost more than all else about its id.
const RANDOM_BYTES: usize = 16 * 256;

/// A random id. It names a request and guards nothing.
fn new_id() -> Uuid {
    thread_local! {
        static RANDOM: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }
    RANDOM.with_borrow_mut(|random| {
        if random.is_empty() {
            random.resize(RANDOM_BYTES, 0);
            if rand::fill(random).is_err() {
                random.clear();
            }
        }
        let bytes = random.last_chunk().copied();
        random.truncate(random.len().saturating_sub(16));
        bytes.map_or_else(Uuid::new_v4, |bytes| uuid::Builder::from_random_bytes(bytes).into_uuid())
    })
}

/// Whether the request names no version, neither in its path nor in a header.
///
/// # Errors
/// 400 if the header names a version that does not exist.
pub fn version_is_defaulted(path: &str, headers: &HeaderMap) -> Result<bool> {
    match headers.get(&X_API_VERSION).map(HeaderValue::as_bytes) {
        Some(b"v1" | b"1") => Ok(false),
        Some(_) => Err(Error::new(Problem::UnsupportedApiVersion)),
        None => Ok(!(path == "/api/v1" || path.starts_with("/api/v1/"))),
    }
}

/// Bytes of a request's head. hyper holds its buffer to it as well, but lets a head pass that comes in one large piece.
pub const HEAD_MAX_BYTES: usize = 64 * 1024;
/// Headers of a request.
pub const HEADERS_MAX: usize = 100;
/// Headers that hyper lets through, so that one too many gets an answer with everything that every answer has.
pub const HEADERS_READ_MAX: usize = 200;
/// Bytes that stand around a header's name and value on the wire.
const HEADER_FRAME_BYTES: usize = 4;

/// Checks that the head is not too large.
///
/// # Errors
/// 431 if it is.
pub fn check_size(head: &Parts) -> Result<()> {
    let line = head.uri.path_and_query().map_or(0, |path| path.as_str().len());
    let headers = head.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + HEADER_FRAME_BYTES);
    let bytes = line + headers.sum::<usize>();
    let too_large = bytes > HEAD_MAX_BYTES || head.headers.len() > HEADERS_MAX;
    if too_large { Err(Error::new(Problem::HeadersTooLarge)) } else { Ok(()) }
}

/// Checks that the request asks for a path of this server. The other forms of a target are for proxies, and name a host beside
/// the `Host` header, which other readers may prefer.
///
/// # Errors
/// 400 if it does not.
pub fn check_target(head: &Parts) -> Result<()> {
    let names_host = head.uri.scheme().is_some() || head.uri.authority().is_some();
    if names_host { Err(Error::new(Problem::MalformedRequest)) } else { Ok(()) }
}

/// Checks that the request names one Host, and one of ours where the configuration lists them. Health checks and
/// Prometheus come from machines that know an address only.
///
/// # Errors
/// 400 if it does not.
pub fn check_host(path: &str, headers: &HeaderMap, trusted: &[String]) -> Result<()> {
    let mut hosts = headers.get_all(HOST).iter();
    let (first, second) = (hosts.next(), hosts.next());
    let name = first
        .filter(|_| second.is_none())
        .and_then(|host| host.to_str().ok())
        .filter(|host| is_host(host))
        .map(host_name);
    let known = |name: &str| trusted.is_empty() || trusted.iter().any(|host| host.eq_ignore_ascii_case(name));
    let exempt =
        matches!(path.trim_end_matches('/'), "/health" | "/health/db" | "/health/queue" | "/ready" | "/metrics");
    match name {
        Some(name) if exempt || known(name) => Ok(()),
        _ => Err(Error::new(Problem::BadHost)),
    }
}

/// Whether this has the characters of a name or an address, with or without a port.
fn is_host(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte))
}

/// The Host without its port.
fn host_name(host: &str) -> &str {
    let (name, port) = host.rsplit_once(':').unwrap_or((host, ""));
    if port.chars().all(|c| c.is_ascii_digit()) { name } else { host }
}

/// Puts the headers on a response that every response carries; what it has already says more about it.
pub fn decorate(headers: &mut HeaderMap, request_id: HeaderValue, version_defaulted: bool) {
    // Copying all of them and putting the response's own few in place is half the work of the other way round.
    static EVERY: LazyLock<HeaderMap> = LazyLock::new(|| {
        let fixed = SECURITY.into_iter().chain([
            (CACHE_CONTROL, HeaderValue::from_static("no-store")),
            (X_API_VERSION, VERSION),
            (X_REQUEST_ID, HeaderValue::from_static("-")),
        ]);
        let mut every = HeaderMap::with_capacity(EVERY_MAX);
        every.extend(fixed);
        every
    });
    let own = std::mem::replace(headers, EVERY.clone());
    headers.extend(own);
    headers.insert(X_REQUEST_ID, request_id);
    if version_defaulted {
        headers.insert(X_API_VERSION_DEFAULTED, HeaderValue::from_static("true"));
    }
}

/// Headers that the index has places for: as many as nearly every response carries. A copy of a map has an index as large as
/// the map's, so none is made anew while a response gets the rest of its headers. The headers themselves get no room in advance:
/// a copy has as much as it needs, and moves them when there are more.
const EVERY_MAX: usize = 24;

/// Puts the header on a response that keeps a client which came by https from coming by http.
pub fn keep_to_https(headers: &mut HeaderMap) {
    headers.insert(STRICT_TRANSPORT_SECURITY, HTTPS_ONLY);
}
