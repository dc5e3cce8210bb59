//! The score routes.

use std::sync::Arc;

use super::recording::{self, NewLift, Recorded};
use super::sql::{self, PersonalBestEvent, Score};
use super::together;
use super::wire::{EventsQuery, HighScoreValue, NewScore, RecordedScore, ScoresQuery};
use crate::app::App;
use crate::db::Tx;
use crate::domain::auth::{self, Caller, User};
use crate::domain::idempotency::Once;
use crate::domain::{energy, scenarios, users};
use crate::error::{Error, Noun, Or404, Problem, Result};
use crate::http::{Json, Made, NoContent, Path, Query, Reply};
use crate::ids::{ScenarioId, UserId};

pub async fn record(
    app: Arc<App>,
    caller: Caller,
    Path((scenario,)): Path<(ScenarioId,)>,
    Json(new): Json<NewScore>,
    once: Once,
) -> Result<Made<Json<RecordedScore>>> {
    if new.scenario_id.as_ref().is_some_and(|named| *named != scenario) {
        return Err(
            Error::new(Problem::BadRequest).with_detail("scenario_id in the body differs from the one in the path")
        );
    }
    let new = NewLift { caller, scenario_id: scenario, lift: new.lift() };
    recorded(&app, new, &once, |recorded| Json(recorded.into())).await
}

pub async fn create(app: Arc<App>, caller: Caller, Json(new): Json<NewScore>, once: Once) -> Result<Made<Json<Score>>> {
    let missing = || Error::new(Problem::BadRequest).with_detail("scenario_id is needed");
    let (scenario_id, lift) = (new.scenario_id.clone().ok_or_else(missing)?, new.lift());
    recorded(&app, NewLift { caller, scenario_id, lift }, &once, |recorded| Json(recorded.score)).await
}

async fn recorded<R: Reply>(
    app: &Arc<App>,
    new: NewLift,
    once: &Once,
    reply: impl Fn(Recorded) -> R,
) -> Result<Made<R>> {
    let alone = async |tx| Ok(reply(recording::record(tx, app, &new).await?));
    let together = async || Ok(reply(together::record(app, &new).await?));
    once.tx_or(app, new.caller, alone, together).await
}

pub async fn list(
    app: Arc<App>,
    Path((user, scenario)): Path<(UserId, ScenarioId)>,
    Query(query): Query<ScoresQuery>,
) -> Result<Json<Vec<Score>>> {
    let scores = sql::list_scores(&app.db, user, &scenario, query.limit(), query.before()).await?;
    if scores.is_empty() {
        auth::known_if_empty(&app.db, user, true).await?;
        scenarios::get(&app.db, &scenario).await?;
    }
    Ok(Json(scores))
}

async fn best(app: &App, user: UserId, scenario: &ScenarioId) -> Result<Score> {
    sql::get_highscore(&app.db, user, scenario).await?.or_404(Noun::Score)
}

pub async fn highscore(app: Arc<App>, Path((user, scenario)): Path<(UserId, ScenarioId)>) -> Result<Json<Score>> {
    Ok(Json(best(&app, user, &scenario).await?))
}

pub async fn highscore_value(
    app: Arc<App>,
    Path((user, scenario)): Path<(UserId, ScenarioId)>,
) -> Result<Json<HighScoreValue>> {
    Ok(Json(HighScoreValue { high_score: best(&app, user, &scenario).await?.score_value }))
}

pub async fn delete(app: Arc<App>, caller: Caller, Path((user,)): Path<(UserId,)>) -> Result<NoContent> {
    if user != caller.user {
        return Err(Error::new(Problem::Forbidden));
    }
    app.db.tx(|tx| delete_in(tx, &app, caller)).await?;
    Ok(NoContent)
}

async fn delete_in(tx: Tx, app: &App, caller: Caller) -> Result<()> {
    let user = caller.user;
    let (lock, scores, events) =
        (users::lock(&tx, caller), sql::delete_scores(&tx, user), sql::delete_events(&tx, user));
    let ((), deleted, _) = tokio::try_join!(biased; lock, scores, events)?;
    if deleted == 0 {
        return Err(Error::not_found(Noun::Score));
    }
    energy::refresh(&tx, user, app.clock.now()).await
}

pub async fn personal_best_events(
    app: Arc<App>,
    _: User,
    Path((user,)): Path<(UserId,)>,
    Query(query): Query<EventsQuery>,
) -> Result<Json<Vec<PersonalBestEvent>>> {
    let events = sql::list_events(&app.db, user, query.limit()).await?;
    auth::known_if_empty(&app.db, user, events.is_empty()).await?;
    Ok(Json(events))
}
