//! Health on the wire.

use hyper::StatusCode;
use hyper::header::{HeaderValue, RETRY_AFTER};
use serde_json::{Value, json};

use crate::error::Result;
use crate::http::reply::{Response, json as json_response};
use crate::http::{Operation, Reply};
use crate::output;
use crate::schema::{Components, Schema};

output! { /// The service's name.
pub struct Root {
    /// Always `ok`.
    status: &'static str,
    /// Always `repduel-backend`.
    service: &'static str,
} }

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
#[derive(serde::Serialize)]
#[serde(transparent)]
pub struct Document(pub Value);

impl Schema for Document {
    fn schema(_: &mut Components) -> Value {
        json!({ "type": "object" })
    }
}
