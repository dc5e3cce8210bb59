//! Health on the wire.

use hyper::StatusCode;
use hyper::header::{HeaderValue, RETRY_AFTER};
use serde_json::json;

use crate::docs;
use crate::domain::outbox::HealthRow;
use crate::error::Result;
use crate::http::reply::{Response, json as json_response};
use crate::http::{Operation, Reply};
use crate::output;
use crate::schema::Schema;
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
        let oldest_age_seconds = row.due_since.map_or(0, |since| now.unix_s() - since.unix_s()).max(0);
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
} }

output! { /// What readiness depends on.
pub struct Checks {
    /// The database.
    database: DatabaseCheck,
    /// The schema.
    migrations: MigrationsCheck,
} }

output! { /// Whether requests should be sent here.
pub struct Readiness {
    /// `ready`, `unavailable` or `draining`.
    status: &'static str,
    /// Why.
    checks: Checks,
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
