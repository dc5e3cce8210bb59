//! The HTTPS client. TLS by rustls, with the platform's authorities and those that the operator names beside them.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::rand;
use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::body::Body;
use hyper::http::HeaderMap;
use hyper::{Method, Request, StatusCode, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::{OnceCell, Semaphore};
use tokio::time::{Instant, sleep, timeout};

use crate::error::Cause;
use crate::telemetry::trace::{self, Kind, TRACEPARENT, TraceContext};

/// Calls at one time: a silent server that everybody waits for costs so many tasks and sockets, and no more.
const CALLS_MAX: usize = 64;
/// Time for which a connection is kept for the next call; below the minute after which most servers close one.
const IDLE_KEPT: Duration = Duration::from_secs(20);
/// Connections that are kept for the next calls to one server.
const IDLE_MAX: usize = 4;
/// Shortest pause before a request is sent again.
const PAUSE_MIN_MS: u64 = 100;
/// What chance adds to it at most, so that those who failed together do not come back together.
const PAUSE_CHANCE_MS: u64 = 300;

type HttpsClient = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// The client. It is built at the first call: reading the platform's authorities takes longer than a start may.
pub struct Outbound {
    client: OnceCell<HttpsClient>,
    root_cert: Option<PathBuf>,
    turns: Semaphore,
}

/// A request to somebody else's server.
pub struct Call {
    /// The method.
    pub method: Method,
    /// The absolute address.
    pub uri: Uri,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// How often it may be sent: more than once only where the second one has no effect of its own.
    pub attempts_max: u32,
    /// Time for each attempt.
    pub attempt_wait: Duration,
    /// When all of it is over.
    pub until: Instant,
    /// Bytes that the answer's body may have.
    pub answer_max_bytes: usize,
}

/// What was answered.
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The whole body.
    pub body: Bytes,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Failure {
    /// Too many calls are under way.
    Full,
    /// It did not come in time.
    Late,
    /// The connection was not made, or broke.
    Broken(Cause),
    /// It is longer than it may be.
    TooLong,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("too many calls are under way"),
            Self::Late => f.write_str("no answer in time"),
            Self::Broken(_) => f.write_str("the connection failed"),
            Self::TooLong => f.write_str("the answer is too long"),
        }
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Broken(cause) => Some(cause.as_ref()),
            _ => None,
        }
    }
}

impl Answer {
    /// Whether the same request may be answered otherwise in a moment. 409: the first one is still under way over there.
    fn is_passing(&self) -> bool {
        self.status.is_server_error() || matches!(self.status.as_u16(), 409 | 429)
    }
}

impl Outbound {
    /// A client that also trusts the authorities in this file.
    #[must_use]
    pub fn new(root_cert: Option<PathBuf>) -> Self {
        Self { client: OnceCell::new(), root_cert, turns: Semaphore::new(CALLS_MAX) }
    }

    /// Calls, again if it may and that can help.
    ///
    /// # Errors
    /// Why the last attempt has no answer. An answer of any status is none.
    pub async fn call(&self, call: &Call) -> Result<Answer, Failure> {
        let Some(mut span) = trace::begin_child(Kind::Client, || format!("{} {}", call.method, host(call))) else {
            return self.call_untraced(call, trace::current()).await;
        };
        span.say("server.address", host(call).to_owned());
        let outcome = self.call_untraced(call, Some(span.context())).await;
        match &outcome {
            Ok(answer) => span.say("http.response.status_code", i64::from(answer.status.as_u16())),
            Err(failure) => span.fail(failure.to_string()),
        }
        outcome
    }

    /// Calls with this place in a trace, if there is one, which the other side may go on from.
    async fn call_untraced(&self, call: &Call, place: Option<TraceContext>) -> Result<Answer, Failure> {
        let _turn = self.turns.try_acquire().map_err(|_| Failure::Full)?;
        let mut attempt = 1;
        loop {
            let outcome = self.attempt(call, place).await;
            let may_help = match &outcome {
                Ok(answer) => answer.is_passing(),
                Err(failure) => matches!(failure, Failure::Late | Failure::Broken(_)),
            };
            let resume = Instant::now() + pause();
            if !may_help || attempt >= call.attempts_max || resume >= call.until {
                return outcome;
            }
            sleep(resume - Instant::now()).await;
            attempt += 1;
        }
    }

    async fn attempt(&self, call: &Call, place: Option<TraceContext>) -> Result<Answer, Failure> {
        let left = call.until.saturating_duration_since(Instant::now());
        let answer = timeout(call.attempt_wait.min(left), self.exchange(call, place)).await;
        answer.unwrap_or(Err(Failure::Late))
    }

    async fn exchange(&self, call: &Call, place: Option<TraceContext>) -> Result<Answer, Failure> {
        let client = self.client.get_or_try_init(|| build(self.root_cert.clone())).await.map_err(Failure::Broken)?;
        let mut request = Request::new(Full::new(call.body.clone()));
        *request.method_mut() = call.method.clone();
        *request.uri_mut() = call.uri.clone();
        *request.headers_mut() = call.headers.clone();
        if let Some(header) = place.and_then(TraceContext::header) {
            request.headers_mut().insert(TRACEPARENT, header);
        }
        let response = client.request(request).await.map_err(|error| Failure::Broken(error.into()))?;
        let (head, body) = response.into_parts();
        Ok(Answer { status: head.status, body: collect(body, call.answer_max_bytes).await? })
    }
}

/// The other side's name. The path may hold ids of lifters, and is left out.
fn host(call: &Call) -> &str {
    call.uri.host().unwrap_or("-")
}

async fn collect<B>(mut body: B, max_bytes: usize) -> Result<Bytes, Failure>
where
    B: Body<Data = Bytes, Error = hyper::Error> + Unpin,
{
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Failure::Broken(error.into()))?;
        let Some(data) = frame.data_ref() else { continue };
        if whole.len() + data.len() > max_bytes {
            return Err(Failure::TooLong);
        }
        whole.extend_from_slice(data);
    }
    Ok(whole.freeze())
}

/// Somewhere between the shortest and the longest pause.
fn pause() -> Duration {
    let mut bytes = [0; 2];
    let dice = rand::fill(&mut bytes).map_or(u16::MAX, |()| u16::from_be_bytes(bytes));
    Duration::from_millis(PAUSE_MIN_MS + u64::from(dice) * PAUSE_CHANCE_MS / u64::from(u16::MAX))
}

async fn build(root_cert: Option<PathBuf>) -> Result<HttpsClient, Cause> {
    let roots = tokio::task::spawn_blocking(move || trusted(root_cert.as_deref())).await??;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let tls = tls.with_root_certificates(roots).with_no_client_auth();
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_nodelay(true);
    // That plain http is for tests is seen to by the configuration.
    let connector =
        HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(http);
    let client = Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_KEPT)
        .pool_max_idle_per_host(IDLE_MAX)
        .build(connector);
    Ok(client)
}

fn trusted(root_cert: Option<&Path>) -> Result<RootCertStore, Cause> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    for certificate in root_cert.map(authorities).transpose()?.into_iter().flatten() {
        roots.add(certificate)?;
    }
    Ok(roots)
}

/// The authorities in this file.
///
/// # Errors
/// If it cannot be read, or holds none.
pub fn authorities(file: &Path) -> Result<Vec<CertificateDer<'static>>, Cause> {
    let found: Vec<_> = CertificateDer::pem_file_iter(file)?.collect::<Result<_, _>>()?;
    if found.is_empty() { Err("it holds no certificate".into()) } else { Ok(found) }
}
