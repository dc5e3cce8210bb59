//! The log line of one request, and what is counted with it.
//!
//! Its level says who has to act: `error` if we failed (5xx), which is the operator's business, else `info`: a refusal is the
//! caller's.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use hyper::header::{HeaderMap, HeaderValue};
use hyper::{Method, StatusCode};

use super::trace::{TraceContext, TraceId};
use super::{SERVICE, Telemetry};
use crate::error::Error;
use crate::ids::UserId;

/// The line of one request. Dropped before its end, it says that the client left (499).
pub struct RequestLine {
    telemetry: Arc<Telemetry>,
    began: Instant,
    request_id: HeaderValue,
    trace: TraceContext,
    method: &'static str,
    route: &'static str,
    caller: Option<Arc<OnceLock<UserId>>>,
    failure: Option<String>,
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
        let trace =
            TraceContext::of(headers).unwrap_or_else(|| TraceContext::root(request_id.to_str().unwrap_or_default()));
        Self {
            telemetry: Arc::clone(telemetry),
            began: Instant::now(),
            request_id,
            trace,
            method: known(method),
            route: NO_ROUTE,
            caller: None,
            failure: None,
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
    pub fn trace(&self) -> TraceContext {
        self.trace
    }

    /// Notes the causes of a failure that is ours.
    pub fn note(&mut self, error: &Error) {
        if error.problem().status() >= 500 {
            self.failure = Some(error.chain().unwrap_or_else(|| error.to_string()));
        }
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
        let trace_id = tracing::field::display(TraceId(self.trace.trace));
        let user_id = self.caller.as_ref().and_then(|caller| caller.get()).map(tracing::field::display);
        let duration_ms = took.as_secs_f64() * 1000.0;
        let error = self.failure.as_deref();
        macro_rules! line { ($level:ident) => {
            tracing::event!(target: "request", tracing::Level::$level, service = SERVICE, request_id, trace_id, user_id,
                method, route, status, duration_ms, error)
        } }
        if status >= 500 { line!(ERROR) } else { line!(INFO) }
    }
}
