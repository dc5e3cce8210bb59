//! Who is told about what happens here: the log, who collects traces, who gets reports of failures.

use super::Secret;
use super::reader::{Reader, origin_of};

/// Who is told about traces and failures.
#[derive(Clone, Debug)]
pub struct TelemetryConfig {
    /// Where spans go: the collector's address, without a slash at the end.
    pub collector: Option<String>,
    /// The service's name in traces.
    pub service: String,
    /// The share of requests without a trace of their own that are traced.
    pub traced_share: f64,
    /// Where failures are reported.
    pub sentry: Option<SentryDsn>,
    /// The environment's name.
    pub environment: String,
}

impl TelemetryConfig {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let share = |text: &str| text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
        Self {
            collector: Some(reader.address("OTEL_EXPORTER_OTLP_ENDPOINT")).filter(|address| !address.is_empty()),
            service: reader.text("OTEL_SERVICE_NAME"),
            traced_share: reader.parsed("OTEL_TRACES_SAMPLER_ARG", "be a number from 0 to 1", 0.0, share),
            sentry: reader.parsed("SENTRY_DSN", "be an address as Sentry shows it", None, |text| match text {
                "" => Some(None),
                text => SentryDsn::parse(text).map(Some),
            }),
            environment: reader.optional("SENTRY_ENVIRONMENT").unwrap_or_else(|| reader.text("APP_ENV")),
        }
    }
}

/// Where failures are reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentryDsn {
    /// The address that takes envelopes.
    pub envelopes: String,
    /// Who may report.
    pub key: Secret,
}

impl SentryDsn {
    /// `https://<key>@<host>[/<path>]/<project>`.
    fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let (key, rest) = rest.split_once('@')?;
        let (host, project) = rest.rsplit_once('/')?;
        let key = key
            .split(':')
            .next()
            .filter(|key| !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric()))?;
        let (host, path) =
            host.split_once('/').map_or((host, String::new()), |(host, path)| (host, format!("/{path}")));
        let origin = origin_of(&format!("{scheme}://{host}"))?;
        let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte));
        let fits = !project.is_empty() && is_plain(project) && is_plain(&path);
        fits.then(|| Self { envelopes: format!("{origin}{path}/api/{project}/envelope/"), key: key.into() })
    }
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// Text for people.
    Text,
}

impl LogFormat {
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        reader.parsed("LOG_FORMAT", "be json or text", None, |text| match text.to_ascii_lowercase().as_str() {
            "" => Some(None),
            "json" => Some(Some(Self::Json)),
            "text" => Some(Some(Self::Text)),
            _ => None,
        })
    }
}

/// Filter of log events.
pub(super) fn log_level(reader: &mut Reader<'_>) -> tracing::Level {
    let must = "be error, warn, info, debug or trace";
    reader.parsed("LOG_LEVEL", must, tracing::Level::INFO, |text| match text.to_ascii_lowercase().as_str() {
        "warning" => Some(tracing::Level::WARN),
        other => other.parse().ok(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_for_failures_is_taken_apart() {
        let parse = |text: &str| SentryDsn::parse(text).map(|dsn| (dsn.envelopes, dsn.key.0));
        let good = [
            ("https://abc@o1.ingest.sentry.io/42", "https://o1.ingest.sentry.io/api/42/envelope/"),
            ("http://abc:secret@127.0.0.1:9000/7", "http://127.0.0.1:9000/api/7/envelope/"),
            ("https://abc@sentry.example/below/7", "https://sentry.example/below/api/7/envelope/"),
        ];
        for (dsn, envelopes) in good {
            assert_eq!(parse(dsn), Some((envelopes.to_owned(), "abc".to_owned())), "{dsn}");
        }
        for dsn in [
            "abc",
            "https://o1.ingest.sentry.io/42",
            "https://abc@host",
            "https://abc@host/",
            "ftp://abc@host/1",
            "https://a b@host/1",
            "https://abc@host/1?x",
        ] {
            assert_eq!(parse(dsn), None, "{dsn}");
        }
    }
}
