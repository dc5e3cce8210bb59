//! The log line of one request, and what is counted with it.
//!
//! Its level says who has to act: `error` if we failed (5xx), which is the operator's business, else `info`: a refusal is the
//! caller's.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use hyper::header::{HeaderMap, HeaderValue};
use hyper::{Method, StatusCode};
use tracing::field::{DisplayValue, display};

use super::fault::{self, Fault};
use super::panics::PANICKED;
use super::trace::{Active, Kind, Span, TraceContext, TraceId};
use super::{SERVICE, Telemetry};
use crate::error::{Error, Result};
use crate::ids::UserId;

/// What is known of a request, for everything that is told of it.
#[derive(Clone)]
pub struct Asked {
    telemetry: Arc<Telemetry>,
    request_id: HeaderValue,
    active: Active,
    method: &'static str,
    route: &'static str,
    caller: Option<Arc<OnceLock<UserId>>>,
}

/// The line of one request. Dropped before its end, it says that the client left (499).
pub struct RequestLine {
    asked: Asked,
    began: Instant,
    failure: Option<(&'static str, String)>,
    span: Option<Span>,
    status: u16,
    /// Whether its time is ours: that of a head which did not come is its client's, and would pass for a slow answer.
    is_timed: bool,
}

/// What became of a request, on its way to whoever waits for it. A failure of ours that nobody took is told when this is
/// dropped, in a line of its own: the request's own line was written when its client left, or its time was over.
pub struct Outcome<T> {
    asked: Asked,
    outcome: Option<Result<T>>,
}

impl<T> Outcome<T> {
    /// What became of this request.
    pub fn of(asked: Asked, outcome: Result<T>) -> Self {
        Self { asked, outcome: Some(outcome) }
    }

    /// Takes it.
    ///
    /// # Errors
    /// What it failed with.
    pub fn take(mut self) -> Result<T> {
        self.outcome.take().unwrap_or_else(|| Err(Error::internal("the outcome was taken before")))
    }
}

impl<T> Drop for Outcome<T> {
    fn drop(&mut self) {
        if let Some(Err(error)) = &self.outcome
            && let Some((code, cause)) = ours(error)
        {
            let Asked { method, route, .. } = self.asked;
            let (request_id, trace_id, user_id) = self.asked.ids();
            tracing::error!(target: "request", service = SERVICE, request_id, trace_id, user_id, method, route,
                error = cause, "a request failed that nobody waited for any more");
            self.asked.report(error.problem().status(), code, &cause);
        }
    }
}

/// Code and causes of a failure, if it is ours.
fn ours(error: &Error) -> Option<(&'static str, String)> {
    let cause = || error.chain().unwrap_or_else(|| error.to_string());
    (error.problem().status() >= 500).then(|| (error.problem().code(), cause()))
}

/// The status that stands in the log for a client that left before the answer.
const CLIENT_LEFT: u16 = 499;
/// What stands for a path that no route has.
const NO_ROUTE: &str = "-";

impl Asked {
    /// The trace that the request is a part of.
    #[must_use]
    pub fn active(&self) -> Active {
        self.active.clone()
    }

    /// As the log has them: the ids of the request, of its trace, and of who asked, as far as that is known.
    fn ids(&self) -> (&str, DisplayValue<TraceId>, Option<DisplayValue<&UserId>>) {
        let user_id = self.caller.as_ref().and_then(|caller| caller.get()).map(display);
        (self.request_id.to_str().unwrap_or("-"), display(TraceId(self.active.context.trace)), user_id)
    }

    /// Reports a failure of ours.
    fn report(&self, status: u16, code: &'static str, cause: &str) {
        let Self { method, route, .. } = *self;
        self.telemetry.report(|| {
            let request_id = self.request_id.to_str().ok().and_then(fault::plain_id);
            let tags = [("method", method.to_owned()), ("route", route.to_owned()), ("status", status.to_string())];
            Fault {
                kind: if cause.starts_with(PANICKED) { "panic" } else { code },
                cause: cause.to_owned(),
                what: format!("{method} {route}"),
                tags: tags.into_iter().chain(request_id.map(|id| ("request_id", id))).collect(),
                trace: Some(self.active.context),
            }
        });
    }
}

impl RequestLine {
    /// Begins with the request.
    #[must_use]
    pub fn begin(telemetry: &Arc<Telemetry>, request_id: HeaderValue, method: &Method, headers: &HeaderMap) -> Self {
        telemetry.metrics.in_flight.inc();
        let (method, given) = (known(method), TraceContext::of(headers));
        let own = || TraceContext::root(request_id.to_str().unwrap_or_default());
        let (span, active) = telemetry.begin(Kind::Server, method, given, own);
        let telemetry = Arc::clone(telemetry);
        let asked = Asked { telemetry, request_id, active, method, route: NO_ROUTE, caller: None };
        Self { asked, began: Instant::now(), failure: None, span, status: CLIENT_LEFT, is_timed: true }
    }

    /// The whole line of what was refused before it was a request: nobody knows what it would have been.
    pub fn refused(telemetry: &Arc<Telemetry>, request_id: HeaderValue, began: Instant, status: u16) {
        let mut line = Self::begin(telemetry, request_id, &Method::default(), &HeaderMap::new());
        line.asked.method = UNKNOWN_METHOD;
        (line.began, line.status, line.is_timed) = (began, status, false);
    }

    /// Notes the route's template, and where the caller will be known.
    pub fn route(&mut self, route: &'static str, caller: Arc<OnceLock<UserId>>) {
        self.asked.route = route;
        self.asked.caller = Some(caller);
    }

    /// What is known of the request.
    #[must_use]
    pub fn asked(&self) -> Asked {
        self.asked.clone()
    }

    /// Notes the causes of a failure that is ours.
    pub fn note(&mut self, error: &Error) {
        self.failure = ours(error);
    }

    /// Ends the span, and reports the failure if it is ours.
    fn tell_others(&mut self) {
        let (method, route, status) = (self.asked.method, self.asked.route, self.status);
        let failure = self.failure.as_ref().filter(|_| status >= 500);
        if let Some(mut span) = self.span.take() {
            span.rename(format!("{method} {route}"));
            span.say("http.request.method", method);
            span.say("http.route", route);
            span.say("http.response.status_code", i64::from(status));
            if let Some((code, _)) = failure {
                span.fail(*code);
            }
        }
        if let Some((code, cause)) = failure {
            self.asked.report(status, code, cause);
        }
    }

    /// Ends with the response.
    pub fn end(mut self, status: StatusCode) {
        self.status = status.as_u16();
    }
}

/// What stands for a method that is not known: callers can make up any number of them.
const UNKNOWN_METHOD: &str = "other";

/// The method as a label.
fn known(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS"];
    KNOWN.into_iter().find(|name| *name == method.as_str()).unwrap_or(UNKNOWN_METHOD)
}

impl Drop for RequestLine {
    fn drop(&mut self) {
        let took = self.began.elapsed();
        let (method, route, status) = (self.asked.method, self.asked.route, self.status);
        self.asked.telemetry.metrics.in_flight.dec();
        self.asked.telemetry.metrics.served(method, route, status, self.is_timed.then_some(took));
        let (request_id, trace_id, user_id) = self.asked.ids();
        let duration_ms = took.as_secs_f64() * 1000.0;
        let error = self.failure.as_ref().map(|(_, cause)| cause.as_str());
        macro_rules! line { ($level:ident) => {
            tracing::event!(target: "request", tracing::Level::$level, service = SERVICE, request_id, trace_id, user_id,
                method, route, status, duration_ms, error)
        } }
        if status >= 500 {
            line!(ERROR)
        } else {
            line!(INFO)
        }
        self.tell_others();
    }
}
