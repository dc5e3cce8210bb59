//! What the operator sees: log events on standard error with one line per request ([`request_line`]), figures ([`metrics`]),
//! traces ([`trace`], [`span`], [`otlp`]) and reports of our failures ([`fault`]); [`sending`] brings the last two to others.
//!
//! Always holds: no request waits for any of it. A failure is logged once, in the line of the request that it befell; where
//! there is no request, in a line of its own.

pub mod fault;
mod json;
pub mod metrics;
pub mod otlp;
mod panics;
pub mod process;
pub mod request_line;
pub mod sending;
pub mod span;
pub mod trace;
mod writer;

use std::borrow::Cow;
use std::io::IsTerminal;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{Config, LogFormat, TelemetryConfig};

use fault::Fault;
use sending::{FAULTS_WAITING_MAX, Faults, Post, SPANS_WAITING_MAX, Spans};
use span::{Kind, Recorder, Span};
use trace::{Active, TraceContext};
use writer::Lines;

pub use metrics::{Metrics, QueryTimes};
pub use panics::caught;
pub use request_line::{Asked, Outcome, RequestLine};
pub use writer::flush;

/// The name in every line.
const SERVICE: &str = "repduel-backend";
/// The version and commit.
const RELEASE: &str = concat!("repduel-backend@", env!("CARGO_PKG_VERSION"), "+", env!("REPDUEL_COMMIT"));
/// Time for sending what is left when the service stops.
const LAST_WAIT: Duration = Duration::from_secs(3);

/// What is counted and told while the service runs.
pub struct Telemetry {
    /// Figures.
    pub metrics: Metrics,
    recorder: Option<Arc<Recorder>>,
    traced_share: f64,
    reporter: Option<Reporter>,
    unsent: Mutex<(Option<Spans>, Option<Faults>)>,
    sending: TaskTracker,
    stop: CancellationToken,
}

/// Takes failures to be reported.
#[derive(Clone)]
struct Reporter {
    sender: mpsc::Sender<Fault>,
    dropped: Counter,
}

impl Reporter {
    fn take(&self, fault: Fault) {
        if self.sender.try_send(fault).is_err() {
            self.dropped.inc();
        }
    }
}

impl Telemetry {
    /// Counts from zero, and with the database layer. Nothing is sent before [`Self::begin_sending`].
    #[must_use]
    pub fn new(queries: &QueryTimes, config: &TelemetryConfig) -> Self {
        let metrics = Metrics::new(queries);
        let (recorder, spans) = config.collector.clone().map(|collector| spans(config, collector, &metrics)).unzip();
        let (reporter, faults) = config.sentry.clone().map(|dsn| faults(config, dsn, &metrics)).unzip();
        Self {
            metrics,
            recorder,
            traced_share: config.traced_share,
            reporter,
            unsent: Mutex::new((spans, faults)),
            sending: TaskTracker::new(),
            stop: CancellationToken::new(),
        }
    }

    /// Begins to send what others collect.
    pub fn begin_sending(&self, post: &Post) {
        let mut unsent = self.unsent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(spans) = unsent.0.take() {
            self.sending.spawn(spans.send(Arc::clone(post), self.stop.clone()));
        }
        if let Some(faults) = unsent.1.take() {
            self.sending.spawn(faults.send(Arc::clone(post), self.stop.clone()));
        }
        if let Some(reporter) = &self.reporter {
            panics::report_to(reporter.clone());
        }
    }

    /// Sends what is left, as far as there is time for it.
    pub async fn end_sending(&self) {
        self.stop.cancel();
        self.sending.close();
        let _ = tokio::time::timeout(LAST_WAIT, self.sending.wait()).await;
    }

    /// Reports a failure of ours, if anybody wants to hear of it.
    pub fn report(&self, fault: impl FnOnce() -> Fault) {
        if let Some(reporter) = &self.reporter {
            reporter.take(fault());
        }
    }

    /// Begins a piece of work: a part of the trace that is given with it, else the first of this one. The span is there if
    /// somebody wants to hear of it.
    #[must_use]
    pub fn begin(
        &self,
        kind: Kind,
        name: impl Into<Cow<'static, str>>,
        given: Option<TraceContext>,
        own: impl FnOnce() -> TraceContext,
    ) -> (Option<Span>, Active) {
        let context = given.unwrap_or_else(own);
        let is_wanted = given.map_or_else(|| self.draws(context.trace), |given| given.is_sampled);
        let recorder = self.recorder.as_ref().filter(|_| is_wanted);
        let span = recorder.map(|recorder| Span::begin(recorder, kind, name.into(), given, context.trace));
        let context = span.as_ref().map_or(context, Span::context);
        (span, Active { context, recorder: recorder.cloned() })
    }

    /// Whether work that belongs to no trace is to be traced.
    fn draws(&self, trace: u128) -> bool {
        // As OpenTelemetry's ratio sampler decides, so that all who see a trace decide alike.
        const RANDOM_BITS: u32 = 56;
        let drawn = (trace & ((1 << RANDOM_BITS) - 1)) as f64 / 2_f64.powi(56);
        drawn < self.traced_share
    }
}

fn spans(config: &TelemetryConfig, collector: String, metrics: &Metrics) -> (Arc<Recorder>, Spans) {
    let (sender, queue) = mpsc::channel(SPANS_WAITING_MAX);
    let dropped = metrics.dropped("span");
    let resource = vec![
        ("service.name", config.service.clone()),
        ("service.version", env!("CARGO_PKG_VERSION").to_owned()),
        ("service.instance.id", uuid::Uuid::new_v4().to_string()),
        ("deployment.environment.name", config.environment.clone()),
    ];
    let recorder = Arc::new(Recorder::new(sender, dropped.clone()));
    (recorder, Spans { queue, collector, resource, dropped })
}

fn faults(config: &TelemetryConfig, dsn: crate::config::SentryDsn, metrics: &Metrics) -> (Reporter, Faults) {
    let (sender, queue) = mpsc::channel(FAULTS_WAITING_MAX);
    let dropped = metrics.dropped("fault");
    let who = fault::Sender { release: RELEASE.to_owned(), environment: config.environment.clone() };
    (Reporter { sender, dropped: dropped.clone() }, Faults { queue, dsn, sender: who, dropped })
}

/// Sends log events to standard error, as the configuration says: JSON, or text where a person looks. To be followed by
/// [`flush`] before the process ends.
///
/// # Errors
/// The system's, if it has no thread for that.
pub fn init(config: &Config) -> std::io::Result<()> {
    let default = if std::io::stderr().is_terminal() { LogFormat::Text } else { LogFormat::Json };
    let levels = Targets::new()
        .with_default(LevelFilter::WARN)
        .with_target("repduel_backend", config.log_level)
        .with_target("request", config.log_level);
    let lines = Lines::start()?;
    let registry = tracing_subscriber::registry().with(levels);
    match config.log_format.unwrap_or(default) {
        LogFormat::Json => registry.with(json::Json).init(),
        LogFormat::Text => registry.with(tracing_subscriber::fmt::layer().with_writer(lines).with_ansi(false)).init(),
    }
    panics::install();
    Ok(())
}
