//! The guild routes.

use std::sync::Arc;

use super::sql::{self, GuildRow};
use super::wire::{Guild, NewGuild};
use crate::app::App;
use crate::db::Tx;
use crate::domain::auth::{Caller, User};
use crate::domain::users;
use crate::error::{Error, Problem, Result};
use crate::http::{Created, Json};

/// Guilds that one lifter may own: more than anybody needs, and few enough to be listed on one page.
const GUILDS_MAX: i64 = 100;

pub async fn list(app: Arc<App>, User(user): User) -> Result<Json<Vec<Guild>>> {
    let rows = sql::list_guilds(&app.db, user).await?;
    Ok(Json(rows.into_iter().map(|row| Guild::new(row, &app.config.pictures)).collect()))
}

pub async fn create(app: Arc<App>, caller: Caller, Json(new): Json<NewGuild>) -> Result<Created<Guild>> {
    let icon = new.icon(&app.config.pictures)?;
    let row = app.db.tx(|tx| create_in(tx, &app, caller, &new.name.0, icon.as_deref())).await?;
    Ok(Created(Guild::new(row, &app.config.pictures)))
}

async fn create_in(tx: Tx, app: &App, caller: Caller, name: &str, icon: Option<&str>) -> Result<GuildRow> {
    let ((), owned) = tokio::try_join!(biased; users::lock(&tx, caller), sql::count_guilds(&tx, caller.user))?;
    if owned.total >= GUILDS_MAX {
        return Err(Error::new(Problem::Conflict).with_detail("One lifter can own at most 100 guilds"));
    }
    sql::insert_guild(&tx, uuid::Uuid::new_v4(), name, icon, caller.user, app.clock.now()).await
}
