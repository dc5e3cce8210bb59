//! Feature flags: switches that operators set and everybody may read. Every process has them in memory ([`crate::flags`]) and
//! hears of a change at once, by a notice of the table's own trigger; because notices can be lost, it looks every minute as well.

mod handlers;
mod sql;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use crate::app::App;
use crate::db::listen::listen;
use crate::error::Result;
use crate::flags::FlagMap;
use crate::http::Route;
use crate::route;

pub use sql::STATEMENTS;

/// The routes of this domain.
pub const ROUTES: &[Route] = &[
    route!(Get "/flags" handlers::list "Which features are switched on."),
    route!(Put "/flags/{name}" handlers::set "Switches a feature on or off, for every process within a second or two."),
];

/// The channel of the trigger's notices.
const CHANNEL: &str = "feature_flags";
/// Time between two looks without a notice.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// Time between two looks whether the schema is there.
const SCHEMA_POLL: Duration = Duration::from_millis(500);

/// Keeps the flags of this process as they are in the database. Never ends.
pub async fn keep_fresh(app: Arc<App>) {
    while !app.is_migrated() {
        tokio::time::sleep(SCHEMA_POLL).await;
    }
    let changed = Notify::new();
    tokio::join!(listen(&app.db, CHANNEL, || changed.notify_one()), look(&app, &changed));
}

async fn look(app: &App, changed: &Notify) {
    loop {
        if let Err(error) = refresh(app).await {
            tracing::debug!(error = error.chain(), "the feature flags stay as they were");
        }
        let _ = tokio::time::timeout(LOOK_EVERY, changed.notified()).await;
    }
}

/// Reads the flags anew.
async fn refresh(app: &App) -> Result<Arc<FlagMap>> {
    let _turn = app.flags.turn().await;
    let rows = sql::list_flags(&app.db).await?;
    Ok(app.flags.set(rows.into_iter().map(|row| (row.name, row.enabled)).collect()))
}
