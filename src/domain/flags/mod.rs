//! Feature flags: switches that operators set and everybody may read. Every process has them in memory ([`crate::flags`])
//! and hears of a change at once ([`crate::mirror`]).

mod handlers;
mod sql;
mod wire;

use std::sync::Arc;

use crate::app::App;
use crate::error::Result;
use crate::flags::FlagMap;
use crate::http::Route;
use crate::mirror::Followed;
use crate::route;

pub use sql::STATEMENTS;

/// The routes of this domain.
pub const ROUTES: &[Route] = &[
    route!(Get "/flags" handlers::list "Which features are switched on."),
    route!(Put "/flags/{name}" handlers::set "Switches a feature on or off, for every process within a second or two."),
];

/// What keeps their mirror true.
#[must_use]
pub fn followed(app: &Arc<App>) -> Followed {
    Followed::new("feature_flags", app, |app| async move { refresh(&app).await.map(drop) })
}

/// Reads the flags anew.
async fn refresh(app: &App) -> Result<Arc<FlagMap>> {
    let read = async {
        let rows = sql::list_flags(&app.db).await?;
        Ok(rows.into_iter().map(|row| (row.name, row.enabled)).collect())
    };
    app.flags.0.refresh(read).await
}
