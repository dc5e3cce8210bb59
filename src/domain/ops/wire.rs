//! Health on the wire.

use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use serde_json::json;

use super::sql::SchemaRow;
use crate::docs;
use crate::domain::outbox::HealthRow;
use crate::error::Result;
use crate::http::reply::{Response, json as json_response};
use crate::http::reply_body::ReplyBody;
use crate::http::{Operation, Reply};
use crate::output;
use crate::schema::Schema;
use crate::telemetry::metrics;
use crate::time::Timestamp;

output! { /// The process lives.
pub struct Health {
    /// Always `ok`.
    status: &'static str,
} }

output! { /// The database answers.
pub struct DatabaseHealth {
    /// Always `ok`.
    status: &'static str,
    /// Always `reachable`.
    database: &'static str,
} }

output! { /// How the work in the background does.
pub struct QueueHealth {
    /// `ok`, or `degraded`: work waits too long, was given up, or nobody does it.
    status: &'static str,
    /// Events that are not settled.
    queue_depth: i64,
    /// Seconds for which the oldest due event has waited.
    oldest_age_seconds: i64,
    /// Events that were given up.
    failed: i64,
    /// Who works on them.
    workers: Vec<String>,
} }

/// Due work that waits longer, in seconds, waits too long: a worker looks every second.
const QUEUE_AGE_MAX_S: i64 = 60;

impl QueueHealth {
    /// The outbox as it is now.
    #[must_use]
    pub fn new(row: HealthRow, now: Timestamp) -> Self {
        let oldest_age_seconds = row.age_s(now);
        let is_well = oldest_age_seconds <= QUEUE_AGE_MAX_S && row.failed == 0 && !row.workers.is_empty();
        Self {
            status: if is_well { "ok" } else { "degraded" },
            queue_depth: row.depth,
            oldest_age_seconds,
            failed: row.failed,
            workers: row.workers,
        }
    }
}

output! { /// Whether the database answers.
pub struct DatabaseCheck {
    /// Whether it does.
    ok: bool,
    /// Milliseconds it took.
    latency_ms: f64,
} }

output! { /// Whether the schema is as new as the service.
pub struct MigrationsCheck {
    /// Whether it is.
    ok: bool,
    /// The version that the service needs.
    newest: i32,
    /// The version that the database has.
    applied: Option<i32>,
    /// Seconds since it was applied.
    age_seconds: Option<i64>,
} }

impl MigrationsCheck {
    /// The schema as it was found, if it was.
    #[must_use]
    pub fn new(ok: bool, newest: i32, found: Option<SchemaRow>, now: Timestamp) -> Self {
        let applied_at = found.as_ref().and_then(|schema| Timestamp::parse(schema.applied_on.as_deref()?));
        let age_seconds = applied_at.map(|at| (now.unix_s() - at.unix_s()).max(0));
        Self { ok, newest, applied: found.map(|schema| schema.version), age_seconds }
    }
}

output! { /// How the work in the background does. It does not count for readiness.
pub struct OutboxCheck {
    /// Whether all is well: nothing waits too long, nothing was given up, somebody works.
    ok: bool,
    /// Seconds for which the oldest due event has waited.
    oldest_age_seconds: Option<i64>,
} }

impl OutboxCheck {
    /// The outbox as it was found, if it was.
    #[must_use]
    pub fn new(found: Option<QueueHealth>) -> Self {
        let ok = found.as_ref().is_some_and(|health| health.status == "ok");
        Self { ok, oldest_age_seconds: found.map(|health| health.oldest_age_seconds) }
    }
}

output! { /// What readiness depends on, and the outbox.
pub struct Checks {
    /// The database.
    database: DatabaseCheck,
    /// The schema.
    migrations: MigrationsCheck,
    /// The outbox.
    outbox: OutboxCheck,
} }

output! { /// Whether requests should be sent here.
pub struct Readiness {
    /// `ready`, `unavailable` or `draining`.
    status: &'static str,
    /// Why.
    checks: Checks,
    /// The commit that the service was built from.
    build: &'static str,
} }

impl Reply for Readiness {
    /// 200 when ready, else 503 with the same body.
    fn reply(self) -> Result<Response> {
        let status = if self.status == "ready" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        let mut response = json_response(status, &self)?;
        if status != StatusCode::OK {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        Ok(response)
    }

    fn describe(operation: &mut Operation) {
        operation.status = 200;
        operation.reply = Some(Self::schema(&mut operation.components));
        operation.unready = operation.reply.clone();
    }
}

/// The OpenAPI document.
pub struct Document(pub Response);

impl Reply for Document {
    fn reply(self) -> Result<Response> {
        Ok(self.0)
    }

    fn describe(operation: &mut Operation) {
        operation.status = 200;
        operation.reply = Some(json!({ "type": "object" }));
    }
}

/// A page in HTML.
pub struct Page(pub Response);

impl Reply for Page {
    fn reply(self) -> Result<Response> {
        Ok(self.0)
    }

    fn describe(operation: &mut Operation) {
        operation.status = 200;
        operation.reply = Some(json!({ "type": "string" }));
        operation.reply_type = Some(docs::MEDIA_TYPE);
    }
}

/// Figures for Prometheus.
pub struct Figures(pub String);

impl Reply for Figures {
    fn reply(self) -> Result<Response> {
        let mut response = hyper::Response::new(ReplyBody::from(self.0.into_bytes()));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(metrics::MEDIA_TYPE));
        Ok(response)
    }

    fn describe(operation: &mut Operation) {
        operation.status = 200;
        operation.reply = Some(json!({ "type": "string" }));
        operation.reply_type = Some(metrics::MEDIA_TYPE);
    }
}
