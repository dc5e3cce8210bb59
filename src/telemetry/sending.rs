//! Sending spans and faults to those who collect them, beside the requests.
//!
//! Always holds: what waits to be sent is bounded, what finds no room or is not taken is dropped and counted, and nobody but the
//! two senders here ever waits for a receiver.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prometheus_client::metrics::counter::Counter;
use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::fault::{self, Fault};
use super::otlp;
use super::span::Ended;
use crate::config::SentryDsn;
use crate::error::Cause;

/// Spans that wait to be sent: some seconds of a busy server, and about a megabyte.
pub const SPANS_WAITING_MAX: usize = 4096;
/// Spans that are sent at once.
const BATCH_MAX: usize = 512;
/// Time in which spans gather before they are sent.
const GATHER: Duration = Duration::from_secs(1);
/// Faults that wait to be sent. When everything fails, the first ones tell why.
pub const FAULTS_WAITING_MAX: usize = 64;
/// Pause after a fault that was not taken: the receiver is away, or has had enough for now.
const FAULT_PAUSE: Duration = Duration::from_secs(30);
/// The status that says that a receiver has had enough.
const TOO_MANY: u16 = 429;

/// What is sent.
pub struct Parcel {
    /// Where to.
    pub address: String,
    /// Its headers.
    pub headers: Vec<(&'static str, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

/// Whoever can send: answers the receiver's status, in a time that has a bound.
pub type Post = Arc<dyn Fn(Parcel) -> Pin<Box<dyn Future<Output = Result<u16, Cause>> + Send>> + Send + Sync>;

/// Tells once that a receiver takes nothing, and once that it does again.
struct Complaint {
    receiver: &'static str,
    is_told: bool,
}

impl Complaint {
    /// Whether the parcel was taken.
    fn settle(&mut self, outcome: Result<u16, Cause>) -> bool {
        let why = match outcome {
            Ok(200..300) => None,
            Ok(status) => Some(format!("it answered {status}")),
            Err(error) => Some(error.to_string()),
        };
        let receiver = self.receiver;
        match &why {
            Some(why) if !self.is_told => {
                tracing::warn!(receiver, why, "what was to be sent is dropped until it is taken")
            }
            None if self.is_told => tracing::info!(receiver, "it takes what is sent again"),
            _ => {}
        }
        self.is_told = why.is_some();
        why.is_none()
    }
}

/// Spans on their way to a collector.
pub struct Spans {
    /// Those that have ended.
    pub queue: mpsc::Receiver<Ended>,
    /// The collector's address, without `/v1/traces`.
    pub collector: String,
    /// What describes the service.
    pub resource: Vec<(&'static str, String)>,
    /// Counts what is dropped.
    pub dropped: Counter,
}

impl Spans {
    /// Sends until it is asked to stop, then what is left.
    pub async fn send(mut self, post: Post, stop: CancellationToken) {
        let mut complaint = Complaint { receiver: "OTEL_EXPORTER_OTLP_ENDPOINT", is_told: false };
        loop {
            let mut batch = Vec::new();
            tokio::select! {
                biased;
                received = self.queue.recv_many(&mut batch, BATCH_MAX) => if received == 0 { return },
                () = stop.cancelled(), if !self.queue.is_closed() => {
                    self.queue.close();
                    continue;
                }
            }
            let _ = stop.run_until_cancelled(sleep(GATHER)).await;
            while batch.len() < BATCH_MAX
                && let Ok(span) = self.queue.try_recv()
            {
                batch.push(span);
            }
            let count = batch.len() as u64;
            let headers = vec![("content-type", "application/x-protobuf".to_owned())];
            let address = format!("{}/v1/traces", self.collector);
            let taken = post(Parcel { address, headers, body: otlp::encode(&self.resource, batch) }).await;
            if !complaint.settle(taken) {
                self.dropped.inc_by(count);
            }
        }
    }
}

/// Faults on their way to Sentry.
pub struct Faults {
    /// Those that happened.
    pub queue: mpsc::Receiver<Fault>,
    /// Where to.
    pub dsn: SentryDsn,
    /// Who reports.
    pub sender: fault::Sender,
    /// Counts what is dropped.
    pub dropped: Counter,
}

impl Faults {
    /// Sends until it is asked to stop, then what is left.
    pub async fn send(mut self, post: Post, stop: CancellationToken) {
        let mut complaint = Complaint { receiver: "SENTRY_DSN", is_told: false };
        loop {
            let fault = tokio::select! {
                biased;
                fault = self.queue.recv() => fault,
                () = stop.cancelled(), if !self.queue.is_closed() => {
                    self.queue.close();
                    continue;
                }
            };
            let Some(fault) = fault else { return };
            let unix_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
            let body = fault::envelope(&fault, &self.sender, uuid::Uuid::new_v4(), unix_s);
            let outcome = post(Parcel { address: self.dsn.envelopes.clone(), headers: self.headers(), body }).await;
            let has_enough = matches!(outcome, Ok(TOO_MANY) | Err(_));
            if !complaint.settle(outcome) {
                self.dropped.inc();
                if has_enough {
                    let _ = stop.run_until_cancelled(sleep(FAULT_PAUSE)).await;
                }
            }
        }
    }

    fn headers(&self) -> Vec<(&'static str, String)> {
        let version = env!("CARGO_PKG_VERSION");
        let key = self.dsn.key.expose();
        let auth = format!("Sentry sentry_version=7, sentry_client=repduel-backend/{version}, sentry_key={key}");
        vec![("content-type", "application/x-sentry-envelope".to_owned()), ("x-sentry-auth", auth)]
    }
}
