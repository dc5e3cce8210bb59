//! The operators' routes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::sql;
use super::wire::{
    Checks, DatabaseCheck, DatabaseHealth, Document, Health, MigrationsCheck, Page, QueueHealth, Readiness,
};
use crate::app::App;
use crate::db::migrate;
use crate::domain::outbox;
use crate::error::{Error, Result};
use crate::http::Json;
use crate::http::extract::Routes;
use crate::http::held::{Held, Known};
use crate::{docs, openapi};

/// Time in which the database must answer to count as reachable.
const PING_WAIT: Duration = Duration::from_secs(1);

async fn ping(app: &App) -> Result<()> {
    match tokio::time::timeout(PING_WAIT, sql::get_ping(&app.db)).await {
        Ok(answer) => answer.map(|_| ()),
        Err(elapsed) => Err(Error::unavailable(elapsed)),
    }
}

pub async fn health(_: Arc<App>) -> Result<Json<Health>> {
    Ok(Json(Health { status: "ok" }))
}

pub async fn health_db(app: Arc<App>) -> Result<Json<DatabaseHealth>> {
    ping(&app).await?;
    Ok(Json(DatabaseHealth { status: "ok", database: "reachable" }))
}

pub async fn health_queue(app: Arc<App>) -> Result<Json<QueueHealth>> {
    let health = outbox::health(&app).await?;
    Ok(Json(QueueHealth::new(health, app.clock.now())))
}

pub async fn ready(app: Arc<App>) -> Result<Readiness> {
    let began = Instant::now();
    let database_ok = ping(&app).await.is_ok();
    let latency_ms = began.elapsed().as_secs_f64() * 1000.0;
    let migrated = app.is_migrated();
    let status = match (app.is_draining(), database_ok && migrated) {
        (true, _) => "draining",
        (false, true) => "ready",
        (false, false) => "unavailable",
    };
    let database = DatabaseCheck { ok: database_ok, latency_ms };
    let migrations = MigrationsCheck { ok: migrated, newest: migrate::newest_version() };
    Ok(Readiness { status, checks: Checks { database, migrations } })
}

pub async fn openapi(app: Arc<App>, Routes(table): Routes, known: Known) -> Result<Document> {
    let document = || Held::new(openapi::document(table).to_string(), "application/json");
    Ok(Document(app.documents.openapi.get_or_init(document).answer(&known)))
}

pub async fn docs(app: Arc<App>, Routes(table): Routes, known: Known) -> Result<Page> {
    let page = || docs::page(table, &app.config.base_url);
    Ok(Page(app.documents.docs.get_or_init(page).answer(&known)))
}
