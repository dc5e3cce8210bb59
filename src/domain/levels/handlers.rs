//! The level routes.

use std::sync::Arc;

use super::sql::{self, ProgressRow};
use super::wire::{AwardQuery, Awarded, NewAward, Progress};
use super::{Award, Grant, grant, total};
use crate::app::App;
use crate::db::Tx;
use crate::db::statement::Conn;
use crate::domain::auth::{self, Admin, Caller};
use crate::error::{Error, FieldError, Noun, Or404, Result};
use crate::http::extract::IdempotencyKey;
use crate::http::{Json, Path, Query};
use crate::ids::UserId;

/// Seconds of the week that `xp_gained_this_week` counts.
const WEEK_S: i64 = 7 * 24 * 3600;

async fn progress_of(app: &App, db: &impl Conn, user: UserId) -> Result<Option<ProgressRow>> {
    let now = app.clock.now();
    sql::get_progress(db, user, None, now, now.minus_s(WEEK_S)).await
}

pub async fn me(app: Arc<App>, caller: Caller) -> Result<Json<Progress>> {
    let since = app.clock.now().minus_s(WEEK_S);
    let row = sql::get_progress(&app.db, caller.user, caller.session, caller.issued_at, since).await?;
    let row = row.filter(|row| row.may_see_own).ok_or_else(auth::no_account)?;
    Ok(Json(Progress::new(&row, &app.config.levels)))
}

pub async fn show(app: Arc<App>, Path((user,)): Path<(UserId,)>) -> Result<Json<Progress>> {
    let row = progress_of(&app, &app.db, user).await?.or_404(Noun::User)?;
    Ok(Json(Progress::new(&row, &app.config.levels)))
}

pub async fn award(
    app: Arc<App>,
    _: Admin,
    Query(AwardQuery { user_id: user }): Query<AwardQuery>,
    key: IdempotencyKey,
    Json(new): Json<NewAward>,
) -> Result<Json<Awarded>> {
    let award = Award {
        amount: new.amount.0,
        reason: new.reason.map(|text| text.0),
        idempotency_key: key.0.or(new.idempotency_key.map(|text| text.0)),
        source_type: new.source_type.map(|text| text.0),
        source_id: new.source_id.map(|text| text.0),
    };
    let (awarded, row) = app.db.tx(|tx| award_in(tx, &app, user, &award)).await?;
    let reason = if awarded { "created" } else { "idempotent_replay" };
    Ok(Json(Awarded { awarded, reason, progress: Progress::new(&row, &app.config.levels) }))
}

/// Gives the award, if it was not given before; answers whether, and where the lifter stands then.
async fn award_in(tx: Tx, app: &App, user: UserId, award: &Award) -> Result<(bool, ProgressRow)> {
    sql::lock_lifter(&tx, user).await?.or_404(Noun::User)?;
    let before = total(&tx, user).await?;
    if before.checked_add(award.amount).is_none() && !was_given(&tx, user, award).await? {
        return Err(too_many());
    }
    let given = Grant { user, total_before: before, awards: std::slice::from_ref(award) };
    let awarded = grant(&tx, given, &app.config.levels, app.clock.now()).await?;
    Ok((awarded, progress_of(app, &tx, user).await?.or_404(Noun::User)?))
}

async fn was_given(tx: &Tx, user: UserId, award: &Award) -> Result<bool> {
    let (key, source_type, source_id) = (&award.idempotency_key, &award.source_type, &award.source_id);
    let row = sql::get_given(tx, user, key.as_deref(), source_type.as_deref(), source_id.as_deref()).await?;
    Ok(row.given)
}

/// More points than the column can hold.
fn too_many() -> Error {
    let detail = "amount must leave the lifter's total below 2147483648".to_owned();
    Error::invalid(vec![FieldError { pointer: "/amount".to_owned(), code: "rule", detail }])
}
