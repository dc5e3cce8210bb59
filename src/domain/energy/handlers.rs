//! The energy routes.

use std::sync::Arc;

use super::sql::{self, EnergyChange};
use super::wire::{DailyEnergy, DaysQuery, EnergySubmission, HistoryQuery, Message, whole};
use crate::app::App;
use crate::domain::auth::{self, User};
use crate::error::{Error, Problem, Result};
use crate::http::{Json, Path, Query};
use crate::ids::UserId;

pub async fn daily(
    app: Arc<App>,
    Path((user,)): Path<(UserId,)>,
    Query(query): Query<DaysQuery>,
) -> Result<Json<Vec<DailyEnergy>>> {
    let days = sql::list_days(&app.db, user, query.limit(), query.before).await?;
    auth::known_if_empty(&app.db, user, days.is_empty()).await?;
    Ok(Json(days.into_iter().map(DailyEnergy::from).collect()))
}

pub async fn history(
    app: Arc<App>,
    Path((user,)): Path<(UserId,)>,
    Query(query): Query<HistoryQuery>,
) -> Result<Json<Vec<EnergyChange>>> {
    let changes = sql::list_history(&app.db, user, query.limit(), query.before).await?;
    auth::known_if_empty(&app.db, user, changes.is_empty()).await?;
    Ok(Json(changes))
}

pub async fn latest(app: Arc<App>, Path((user,)): Path<(UserId,)>) -> Result<Json<i64>> {
    let latest = sql::get_latest(&app.db, user).await?;
    Ok(Json(latest.map_or(0, |row| whole(row.energy))))
}

pub async fn submit(_: Arc<App>, User(user): User, Json(sent): Json<EnergySubmission>) -> Result<Json<Message>> {
    if sent.user_id != user {
        return Err(Error::new(Problem::Forbidden));
    }
    Ok(Json(Message { message: "Energy is computed by the server" }))
}
