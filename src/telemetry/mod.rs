//! What the operator sees: log events on standard error with one line per request ([`request_line`]), figures ([`metrics`]),
//! and traces ([`trace`]).
//!
//! Always holds: nothing here waits for anybody. A failure is told once, in the line of the request that it befell; where there
//! is no request, in a line of its own.

pub mod metrics;
mod panics;
pub mod process;
pub mod request_line;
pub mod trace;

use std::io::IsTerminal;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{Config, LogFormat};

pub use metrics::{Metrics, QueryTimes};
pub use panics::catching;
pub use request_line::RequestLine;

/// The name in every line.
const SERVICE: &str = "repduel-backend";

/// What is counted and told while the service runs.
pub struct Telemetry {
    /// Figures.
    pub metrics: Metrics,
}

impl Telemetry {
    /// Counts from zero, and with the database layer.
    #[must_use]
    pub fn new(queries: &QueryTimes) -> Self {
        Self { metrics: Metrics::new(queries) }
    }
}

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
    panics::install();
}
