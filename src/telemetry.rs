//! What the operator sees: log events on standard error, one line per request.

use std::io::IsTerminal;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use hyper::header::HeaderValue;
use hyper::{Method, StatusCode};
use tracing::Level;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{Config, LogFormat};
use crate::error::Error;
use crate::ids::UserId;

/// The name in every line.
const SERVICE: &str = "repduel-backend";

/// Sends log events to standard error, as the configuration says: JSON, or text where a person looks.
pub fn init(config: &Config) {
    let default = if std::io::stderr().is_terminal() { LogFormat::Text } else { LogFormat::Json };
    let levels = Targets::new()
        .with_default(LevelFilter::WARN)
        .with_target("repduel_backend", config.log_level)
        .with_target("request", config.log_level);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let registry = tracing_subscriber::registry().with(levels);
    match config.log_format.unwrap_or(default) {
        LogFormat::Json => registry.with(lines.json().flatten_event(true).with_current_span(false)).init(),
        LogFormat::Text => registry.with(lines.with_ansi(false)).init(),
    }
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(service = SERVICE, place, "panic");
    }));
}

/// The log line of one request. Dropped before its end, it says that the client left (499).
pub struct RequestLine {
    began: Instant,
    request_id: HeaderValue,
    method: Method,
    route: &'static str,
    caller: Option<Arc<OnceLock<UserId>>>,
    failure: Option<String>,
    ended: bool,
}

/// The status that stands in the log for a client that left before the answer.
const CLIENT_LEFT: u16 = 499;

impl RequestLine {
    /// Begins with the request.
    #[must_use]
    pub fn begin(request_id: HeaderValue, method: Method) -> Self {
        Self { began: Instant::now(), request_id, method, route: "-", caller: None, failure: None, ended: false }
    }

    /// Notes the route's template, and where the caller will be known.
    pub fn route(&mut self, route: &'static str, caller: Arc<OnceLock<UserId>>) {
        self.route = route;
        self.caller = Some(caller);
    }

    /// Notes the causes of a failure that is ours.
    pub fn note(&mut self, error: &Error) {
        if error.problem().status() >= 500 {
            self.failure = Some(error.chain().unwrap_or_else(|| error.to_string()));
        }
    }

    /// Ends with the response.
    pub fn end(mut self, status: StatusCode) {
        self.ended = true;
        self.write(status.as_u16());
    }

    fn write(&self, status: u16) {
        let request_id = self.request_id.to_str().unwrap_or("-");
        let method = self.method.as_str();
        let route = self.route;
        let user_id = self.caller.as_ref().and_then(|caller| caller.get()).map(tracing::field::display);
        let duration_ms = self.began.elapsed().as_secs_f64() * 1000.0;
        let error = self.failure.as_deref();
        macro_rules! line { ($level:expr) => {
            tracing::event!(target: "request", $level, service = SERVICE, request_id, user_id, method, route, status,
                duration_ms, error)
        } }
        match status {
            500.. => line!(Level::ERROR),
            _ => line!(Level::INFO),
        }
    }
}

impl Drop for RequestLine {
    fn drop(&mut self) {
        if !self.ended {
            self.write(CLIENT_LEFT);
        }
    }
}
