//! The log line of one request, and what is counted with it.
//!
//! Its level says who has to act: `error` if we failed (5xx), which is the operator's business, else `info`: a refusal is the
//! caller's.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use hyper::header::{HeaderMap, HeaderValue};
use hyper::{Method, StatusCode};

use super::fault::{self, Fault};
use super::panics::PANICKED;
use super::trace::{Active, Kind, Span, TraceContext, TraceId};
use super::{SERVICE, Telemetry};
use crate::error::Error;
use crate::ids::UserId;

/// The line of one request. Dropped before its end, it says that the client left (499).
pub struct RequestLine {
    telemetry: Arc<Telemetry>,
    began: Instant,
    request_id: HeaderValue,
    active: Active,
    method: &'static str,
    route: &'static str,
    caller: Option<Arc<OnceLock<UserId>>>,
    failure: Option<(&'static str, String)>,
    span: Option<Span>,
    status: u16,
}

/// The status that stands in the log for a client that left before the answer.
const CLIENT_LEFT: u16 = 499;
/// What stands for a path that no route has.
const NO_ROUTE: &str = "-";

impl RequestLine {
    /// Begins with the request.
    #[must_use]
    pub fn begin(telemetry: &Arc<Telemetry>, request_id: HeaderValue, method: &Method, headers: &HeaderMap) -> Self {
        telemetry.metrics.in_flight.inc();
        let (method, given) = (known(method), TraceContext::of(headers));
        let own = || TraceContext::root(request_id.to_str().unwrap_or_default());
        let (span, active) = telemetry.begin(Kind::Server, method, given, own);
        Self {
            telemetry: Arc::clone(telemetry),
            began: Instant::now(),
            request_id,
            active,
            method,
            route: NO_ROUTE,
            caller: None,
            failure: None,
            span,
            status: CLIENT_LEFT,
        }
    }

    /// Notes the route's template, and where the caller will be known.
    pub fn route(&mut self, route: &'static str, caller: Arc<OnceLock<UserId>>) {
        self.route = route;
        self.caller = Some(caller);
    }

    /// The trace that the request is a part of.
    #[must_use]
    pub fn active(&self) -> Active {
        self.active.clone()
    }

    /// Notes the causes of a failure that is ours.
    pub fn note(&mut self, error: &Error) {
        if error.problem().status() >= 500 {
            let cause = error.chain().unwrap_or_else(|| error.to_string());
            self.failure = Some((error.problem().code(), cause));
        }
    }

    /// Ends the span, and reports the failure if it is ours.
    fn tell_others(&mut self) {
        let Self { method, route, status, .. } = *self;
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
        let Some((code, cause)) = failure else { return };
        self.telemetry.report(|| {
            let request_id = self.request_id.to_str().ok().and_then(fault::plain_id);
            let tags = [("method", method.to_owned()), ("route", route.to_owned()), ("status", status.to_string())];
            Fault {
                kind: if cause.starts_with(PANICKED) { "panic" } else { code },
                cause: cause.clone(),
                what: format!("{method} {route}"),
                tags: tags.into_iter().chain(request_id.map(|id| ("request_id", id))).collect(),
                trace: Some(self.active.context),
            }
        });
    }

    /// Ends with the response.
    pub fn end(mut self, status: StatusCode) {
        self.status = status.as_u16();
    }
}

/// The method as a label: callers can make up any number of others.
fn known(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS"];
    KNOWN.into_iter().find(|name| *name == method.as_str()).unwrap_or("other")
}

impl Drop for RequestLine {
    fn drop(&mut self) {
        let took = self.began.elapsed();
        let Self { method, route, status, .. } = *self;
        self.telemetry.metrics.in_flight.dec();
        self.telemetry.metrics.served(method, route, status, took);
        let request_id = self.request_id.to_str().unwrap_or("-");
        let trace_id = tracing::field::display(TraceId(self.active.context.trace));
        let user_id = self.caller.as_ref().and_then(|caller| caller.get()).map(tracing::field::display);
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
