//! Figures, in the text format of Prometheus.
//!
//! Always holds: every label is one of ours (a route's template, a statement's file, a kind of failure), never a caller's, so
//! that nobody can make their number grow.

use std::fmt::Write as _;
use std::pin::Pin;
use std::time::{Duration, Instant};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode_registry;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::span::Span;
use super::trace::{self, Kind};
use crate::error::{Error, Result};

/// The media type of [`Metrics::text`].
pub const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Bounds of request times, in seconds: from what a read takes to the handler's deadline. 0.5 is what the alert asks for.
const REQUEST_BUCKETS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 8.0];
/// Bounds of statement times, in seconds, up to the longest that a statement of a request may take.
const QUERY_BUCKETS: [f64; 8] = [0.0005, 0.001, 0.0025, 0.01, 0.05, 0.25, 1.0, 5.0];

/// A request that was answered.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Answered {
    method: &'static str,
    route: &'static str,
    status: u16,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Endpoint {
    method: &'static str,
    route: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Query {
    statement: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Decision {
    policy: &'static str,
    decision: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Handled {
    topic: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Dropped {
    kind: &'static str,
}

type Times<L> = Family<L, Histogram, fn() -> Histogram>;

/// What the database layer counts. Clones count together.
#[derive(Clone)]
pub struct QueryTimes {
    times: Times<Query>,
    refused: Counter,
}

impl Default for QueryTimes {
    fn default() -> Self {
        Self { times: Family::new_with_constructor(|| Histogram::new(QUERY_BUCKETS)), refused: Counter::default() }
    }
}

impl QueryTimes {
    /// Runs a statement, and counts the time that it took; waiting for its connection is not its time.
    ///
    /// # Errors
    /// The statement's.
    pub async fn observe<T>(
        &self,
        statement: &'static str,
        run: Pin<&mut impl Future<Output = Result<T>>>,
    ) -> Result<T> {
        let (began, span) = (Instant::now(), begin_span(statement));
        let outcome = run.await;
        end_span(span, &outcome);
        self.times.get_or_create(&Query { statement }).observe(began.elapsed().as_secs_f64());
        outcome
    }

    /// Waits for what runs for others as well, a statement or a transaction: a part of the trace that this task works in, whose time is counted
    /// elsewhere.
    ///
    /// # Errors
    /// Those of what runs.
    pub async fn follow<T>(&self, statement: &'static str, run: impl Future<Output = Result<T>>) -> Result<T> {
        let span = begin_span(statement);
        let outcome = run.await;
        end_span(span, &outcome);
        outcome
    }

    /// There was no connection in time.
    pub fn no_connection(&self) {
        self.refused.inc();
    }
}

/// Begins a statement's part of the trace that this task works in.
fn begin_span(statement: &'static str) -> Option<Span> {
    trace::begin_child(Kind::Client, || statement)
}

fn end_span<T>(span: Option<Span>, outcome: &Result<T>) {
    if let Some(mut span) = span {
        span.say("db.system.name", "postgresql");
        if let Err(error) = outcome {
            span.fail(error.problem().code());
        }
    }
}

/// Every figure that grows while the service runs.
pub struct Metrics {
    /// Requests that are being answered.
    pub in_flight: Gauge,
    registry: Registry,
    requests: Family<Answered, Counter>,
    request_times: Times<Endpoint>,
    logins: Family<Outcome, Counter>,
    refreshes: Family<Outcome, Counter>,
    decisions: Family<Decision, Counter>,
    handled: Family<Handled, Counter>,
    dropped: Family<Dropped, Counter>,
}

impl Metrics {
    /// Figures that begin with nothing, and those of the database layer.
    #[must_use]
    pub fn new(queries: &QueryTimes) -> Self {
        let mut metrics = Self {
            in_flight: Gauge::default(),
            registry: Registry::default(),
            requests: Family::default(),
            request_times: Family::new_with_constructor(|| Histogram::new(REQUEST_BUCKETS)),
            logins: Family::default(),
            refreshes: Family::default(),
            decisions: Family::default(),
            handled: Family::default(),
            dropped: Family::default(),
        };
        metrics.register(queries);
        metrics
    }

    /// Gives each its name. The library puts `_total` behind a counter's, and a full stop behind the sentences.
    fn register(&mut self, queries: &QueryTimes) {
        let registry = &mut self.registry;
        registry.register(
            "http_requests",
            "Requests, by route and status; 499: the client left",
            self.requests.clone(),
        );
        let times = self.request_times.clone();
        registry.register(
            "http_request_duration_seconds",
            "Time from the head of a request to that of its answer",
            times,
        );
        registry.register("http_requests_in_flight", "Requests that are being answered", self.in_flight.clone());
        registry.register("logins", "Logins, by outcome", self.logins.clone());
        registry.register("refreshes", "Exchanges of refresh tokens, by outcome", self.refreshes.clone());
        let decisions = self.decisions.clone();
        registry.register("rate_limit_decisions", "Requests that were counted against a budget", decisions);
        registry.register(
            "outbox_attempts",
            "Events that were taken in hand, by what became of it",
            self.handled.clone(),
        );
        let dropped = self.dropped.clone();
        registry.register("telemetry_dropped", "Spans and reports of failures that nobody took in time", dropped);
        let times = queries.times.clone();
        registry.register("db_query_duration_seconds", "Time that PostgreSQL took for a statement", times);
        let refused = queries.refused.clone();
        registry.register("db_pool_timeouts", "Times that no connection of the pool was free in time", refused);
    }

    /// A request was answered, in this time if it was ours.
    pub fn served(&self, method: &'static str, route: &'static str, status: u16, took: Option<Duration>) {
        self.requests.get_or_create(&Answered { method, route, status }).inc();
        if let Some(took) = took {
            self.request_times.get_or_create(&Endpoint { method, route }).observe(took.as_secs_f64());
        }
    }

    /// Somebody tried to log in.
    pub fn login<T>(&self, outcome: &Result<T>) {
        let outcome = outcome.as_ref().map_or_else(code, |_| "success");
        self.logins.get_or_create(&Outcome { outcome }).inc();
    }

    /// Somebody presented a refresh token; `Ok` says how it went.
    pub fn refresh(&self, outcome: Result<&'static str, &Error>) {
        let outcome = outcome.unwrap_or_else(code);
        self.refreshes.get_or_create(&Outcome { outcome }).inc();
    }

    /// A request was counted against the budget of this name.
    pub fn rate_limit(&self, policy: &'static str, is_allowed: bool) {
        let decision = if is_allowed { "allowed" } else { "refused" };
        self.decisions.get_or_create(&Decision { policy, decision }).inc();
    }

    /// An event was taken in hand.
    pub fn handled(&self, topic: &'static str, outcome: &'static str) {
        self.handled.get_or_create(&Handled { topic, outcome }).inc();
    }

    /// Counts what of this kind could not be sent.
    #[must_use]
    pub fn dropped(&self, kind: &'static str) -> Counter {
        self.dropped.get_or_create_owned(&Dropped { kind })
    }

    /// All of them, with these readings, as Prometheus reads it.
    ///
    /// # Errors
    /// Never, as a text can always be written to.
    pub fn text(&self, readings: &[Reading]) -> Result<String> {
        let mut open_metrics = String::new();
        encode_registry(&mut open_metrics, &self.registry).map_err(Error::internal)?;
        let mut text = plain(&open_metrics);
        let mut last = "";
        for Reading { name, help, labels, value } in readings {
            let kind = if name.ends_with("_total") { "counter" } else { "gauge" };
            if last != *name {
                let _ = write!(text, "# HELP {name} {help}.\n# TYPE {name} {kind}\n");
            }
            last = name;
            let _ = writeln!(text, "{name}{labels} {value}");
        }
        Ok(text)
    }
}

/// A figure that is read when it is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// Its name.
    pub name: &'static str,
    /// What it is, without a full stop.
    pub help: &'static str,
    /// Its labels in braces, or nothing. Readings that differ by these only stand together.
    pub labels: &'static str,
    /// How it stands.
    pub value: f64,
}

fn code(error: &Error) -> &'static str {
    error.problem().code()
}

/// The older format out of OpenMetrics: there a counter bears its name with its suffix, and units and the end are not told.
fn plain(open_metrics: &str) -> String {
    let mut text = String::with_capacity(open_metrics.len());
    let mut helps = None;
    for line in open_metrics.lines() {
        if line.starts_with("# HELP ") {
            helps = Some(line);
            continue;
        }
        if let Some(family) = line.strip_prefix("# TYPE ") {
            let (name, kind) = family.rsplit_once(' ').unwrap_or((family, "untyped"));
            let suffix = if kind == "counter" { "_total" } else { "" };
            let help = helps.take().and_then(|help| help.strip_prefix("# HELP ")?.strip_prefix(name));
            let _ = write!(text, "# HELP {name}{suffix}{}\n# TYPE {name}{suffix} {kind}\n", help.unwrap_or_default());
        } else if !line.starts_with('#') {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_kind_is_told_as_prometheus_reads_it() {
        let queries = QueryTimes::default();
        let metrics = Metrics::new(&queries);
        metrics.served("GET", "/a/{id}", 200, Some(Duration::from_millis(20)));
        metrics.served("GET", "/a/{id}", 404, Some(Duration::from_millis(600)));
        metrics.login(&Ok(()));
        metrics.refresh(Err(&Error::new(crate::error::Problem::RefreshTokenReused)));
        metrics.rate_limit("login", false);
        queries.observe("ops/get_ping", std::pin::pin!(async { Ok(()) })).await.unwrap();
        let levels = [("{state=\"idle\"}", 2.0), ("{state=\"in_use\"}", 3.0)];
        let readings = levels.map(|(labels, value)| Reading { name: "pool", help: "Connections", labels, value });
        let text = metrics.text(&readings).unwrap();
        for expected in [
            "# HELP http_requests_total Requests, by route and status; 499: the client left.\n# TYPE http_requests_total counter\n",
            "http_requests_total{method=\"GET\",route=\"/a/{id}\",status=\"200\"} 1\n",
            "# TYPE http_request_duration_seconds histogram\n",
            "http_request_duration_seconds_bucket{le=\"0.5\",method=\"GET\",route=\"/a/{id}\"} 1\n",
            "http_request_duration_seconds_bucket{le=\"+Inf\",method=\"GET\",route=\"/a/{id}\"} 2\n",
            "http_request_duration_seconds_count{method=\"GET\",route=\"/a/{id}\"} 2\n",
            "logins_total{outcome=\"success\"} 1\n",
            "refreshes_total{outcome=\"refresh_token_reused\"} 1\n",
            "rate_limit_decisions_total{policy=\"login\",decision=\"refused\"} 1\n",
            "db_query_duration_seconds_bucket{le=\"+Inf\",statement=\"ops/get_ping\"} 1\n",
            "# HELP pool Connections.\n# TYPE pool gauge\npool{state=\"idle\"} 2\npool{state=\"in_use\"} 3\n",
        ] {
            assert!(text.contains(expected), "{expected} is missing in {text}");
        }
        assert!(!text.contains("# EOF") && !text.contains("# UNIT"));
    }
}
