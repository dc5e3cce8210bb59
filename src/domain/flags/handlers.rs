//! The feature flag routes.

use std::sync::Arc;

use super::refresh;
use super::sql::{self, Flag};
use super::wire::{FlagList, FlagName, NewFlag, States};
use crate::app::App;
use crate::domain::auth::Admin;
use crate::error::Result;
use crate::http::{Json, Path};

pub async fn list(app: Arc<App>) -> Result<Json<FlagList>> {
    let flags = match app.flags.0.shown() {
        Some(flags) => flags,
        None => refresh(&app).await?,
    };
    Ok(Json(FlagList { flags: States(flags.as_ref().clone()) }))
}

pub async fn set(
    app: Arc<App>,
    _: Admin,
    Path((name,)): Path<(FlagName,)>,
    Json(new): Json<NewFlag>,
) -> Result<Json<Flag>> {
    let description = new.description.as_ref().map(|text| text.0.as_str());
    let flag = sql::upsert_flag(&app.db, &name.0, new.enabled, description, app.clock.now()).await?;
    tracing::info!(flag = flag.name, enabled = flag.enabled, "a feature flag was set");
    // It is set, whether this process has heard of it by now or not.
    if let Err(error) = refresh(&app).await {
        tracing::debug!(error = error.chain(), "the feature flags stay as they were");
    }
    Ok(Json(flag))
}
