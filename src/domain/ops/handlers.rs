//! The operators' routes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::operator::Operator;
use super::wire::{
    Checks, DatabaseCheck, DatabaseHealth, Document, Figures, Health, MigrationsCheck, OutboxCheck, Page, QueueHealth,
    Readiness,
};
use super::{figures, sql};
use crate::app::App;
use crate::db::migrate;
use crate::domain::outbox;
use crate::error::{Error, Result};
use crate::http::Json;
use crate::http::extract::Routes;
use crate::http::held::{Held, Terms};
use crate::{docs, openapi};

/// Time in which the database must answer to count as reachable.
const PING_WAIT: Duration = Duration::from_secs(1);
/// Time in which the outbox must tell how it does. It asks the pool, and readiness does not wait for a full one.
const OUTBOX_WAIT: Duration = Duration::from_millis(250);

/// The answer, if it comes in time.
async fn within<T>(wait: Duration, answer: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(wait, answer).await.unwrap_or_else(|elapsed| Err(Error::unavailable(elapsed)))
}

pub async fn health(_: Arc<App>) -> Result<Json<Health>> {
    Ok(Json(Health { status: "ok" }))
}

pub async fn health_db(app: Arc<App>) -> Result<Json<DatabaseHealth>> {
    within(PING_WAIT, sql::get_ping(&app.db)).await?;
    Ok(Json(DatabaseHealth { status: "ok", database: "reachable" }))
}

pub async fn health_queue(app: Arc<App>) -> Result<Json<QueueHealth>> {
    let health = outbox::health(&app).await?;
    Ok(Json(QueueHealth::new(health, app.clock.now())))
}

pub async fn ready(app: Arc<App>) -> Result<Readiness> {
    let (database, migrations, outbox) = tokio::join!(check_database(&app), check_migrations(&app), check_outbox(&app));
    let status = match (app.is_draining(), database.ok && migrations.ok) {
        (true, _) => "draining",
        (false, true) => "ready",
        (false, false) => "unavailable",
    };
    Ok(Readiness { status, checks: Checks { database, migrations, outbox }, build: env!("REPDUEL_COMMIT") })
}

async fn check_database(app: &App) -> DatabaseCheck {
    let began = Instant::now();
    let ok = within(PING_WAIT, sql::get_ping(&app.db)).await.is_ok();
    DatabaseCheck { ok, latency_ms: began.elapsed().as_secs_f64() * 1000.0 }
}

/// Asks the database itself: whoever migrated it need not have been this process, and may have restored an old one since.
async fn check_migrations(app: &App) -> MigrationsCheck {
    let (newest, found) = (migrate::newest_version(), within(PING_WAIT, sql::get_schema(&app.db)).await);
    let applied = found.ok().flatten();
    let ok = app.is_migrated() && applied.as_ref().is_some_and(|schema| schema.version >= newest);
    MigrationsCheck::new(ok, newest, applied, app.clock.now())
}

/// Does not count for readiness: requests are answered all the same, and a sick outbox must not keep its own cure out.
async fn check_outbox(app: &App) -> OutboxCheck {
    let health = within(OUTBOX_WAIT, outbox::health(app)).await.ok();
    OutboxCheck::new(health.map(|row| QueueHealth::new(row, app.clock.now())))
}

pub async fn metrics(app: Arc<App>, _: Operator) -> Result<Figures> {
    let readings = figures::readings(&app).await;
    app.telemetry.metrics.text(&readings).map(Figures)
}

pub async fn openapi(app: Arc<App>, Routes(table): Routes, terms: Terms) -> Result<Document> {
    let document = || Held::new(openapi::document(table).to_string(), "application/json");
    Ok(Document(app.documents.openapi.get_or_init(document).answer(&terms)))
}

pub async fn docs(app: Arc<App>, Routes(table): Routes, terms: Terms) -> Result<Page> {
    let page = || docs::page(table, &app.config.base_url);
    Ok(Page(app.documents.docs.get_or_init(page).answer(&terms)))
}
