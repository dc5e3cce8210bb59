//! What operators and their machines ask: does it live, is it ready, what can it do.

mod figures;
mod handlers;
mod operator;
mod sql;
mod wire;

use crate::http::{Policy, Route};
use crate::route;

pub use sql::STATEMENTS;

/// The routes of this domain.
pub const ROUTES: &[Route] = &[
    route!(Get "/health" handlers::health "Whether the process lives, and nothing else.")
        .policy(Policy::Unlimited)
        .without_schema(),
    route!(Get "/health/db" handlers::health_db "Whether the database can be reached.")
        .policy(Policy::Unlimited)
        .without_schema(),
    route!(Get "/health/queue" handlers::health_queue "How the work in the background does.")
        .policy(Policy::Unlimited)
        .without_schema(),
    route!(Get "/ready" handlers::ready "Whether requests should be sent here.")
        .policy(Policy::Unlimited)
        .without_schema(),
    route!(Get "/metrics" handlers::metrics "Figures for Prometheus. For clients on this machine and in METRICS_ALLOW; there is nothing here for others.")
        .policy(Policy::Unlimited)
        .fails(&[404])
        .without_schema(),
    route!(Get "/openapi.json" handlers::openapi "This API as an OpenAPI 3.1 document.").without_schema(),
    route!(Get "/docs" handlers::docs "This API as a page for people.").without_schema(),
];
