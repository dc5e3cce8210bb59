//! The routine routes, but for those about sharing.

use std::sync::Arc;

use super::making::{Plan, add, check_there, insert_scenarios};
use super::rules::{Planned, check_repeated};
use super::sql::{self, RoutineRow};
use super::wire::{NewRoutine, NewRoutineScenario, NewScenarios, Routine, RoutineImage, RoutinePatch};
use crate::app::App;
use crate::db::Tx;
use crate::domain::auth::{Caller, User};
use crate::domain::idempotency::Once;
use crate::domain::uploads::{self, Picture};
use crate::domain::users;
use crate::error::{Error, Noun, Or404, Problem, Result};
use crate::http::{Created, Json, Made, NoContent, Path};
use crate::ids::{RoutineId, UserId};
use crate::pictures;
use crate::schema::{Patch, Text};

pub async fn list(app: Arc<App>, User(user): User) -> Result<Json<Vec<Routine>>> {
    let rows = sql::list_routines(&app.db, user).await?;
    Ok(Json(rows.into_iter().map(|row| Routine::new(row, &app.config.pictures)).collect()))
}

pub async fn show(app: Arc<App>, User(user): User, Path((id,)): Path<(RoutineId,)>) -> Result<Json<Routine>> {
    let row = sql::get_routine(&app.db, id, user).await?.or_404(Noun::Routine)?;
    Ok(Json(Routine::new(row, &app.config.pictures)))
}

pub async fn create(
    app: Arc<App>,
    caller: Caller,
    Json(new): Json<NewRoutine>,
    once: Once,
) -> Result<Made<Created<Routine>>> {
    let image_key = image_key(&app, new.image_url.as_ref())?;
    let plan = Plan { name: new.name.0, image_key, scenarios: planned(new.scenarios)? };
    let create = async |tx| create_in(tx, &app, caller, &plan).await;
    once.tx(&app, caller, |tx| async { Ok(Created(Routine::new(create(tx).await?, &app.config.pictures))) }).await
}

async fn create_in(tx: Tx, app: &App, caller: Caller, plan: &Plan) -> Result<RoutineRow> {
    tokio::try_join!(biased; users::lock(&tx, caller), check_there(&tx, &plan.scenarios))?;
    add(&tx, caller.user, plan, app.clock.now()).await
}

/// The exercises that were sent.
fn planned(sent: NewScenarios) -> Result<Vec<Planned>> {
    let planned: Vec<Planned> = sent.0.into_iter().map(NewRoutineScenario::planned).collect();
    check_repeated(&planned)?;
    Ok(planned)
}

fn image_key(app: &App, sent: Option<&Text<0, 2048>>) -> Result<Option<String>> {
    pictures::sent_key(&app.config.pictures, "image_url", sent.map(|text| text.0.as_str()))
}

/// What changes of a routine.
struct Changes {
    name: Option<String>,
    image_url: Patch<Option<Text<0, 2048>>>,
    scenarios: Option<Vec<Planned>>,
}

impl Changes {
    fn new(patch: RoutinePatch) -> Result<Self> {
        let name = match patch.name {
            Patch::Set(name) => Some(name.0),
            Patch::Keep => None,
        };
        let scenarios = match patch.scenarios {
            Patch::Set(sent) => Some(planned(sent)?),
            Patch::Keep => None,
        };
        Ok(Self { name, image_url: patch.image_url, scenarios })
    }

    /// What a routine shows that showed this before. What it showed can be sent back as it was read, wherever it is.
    fn image_key(&self, app: &App, before: Option<&str>) -> Result<Option<String>> {
        let shown = pictures::address(&app.config.pictures, before);
        match &self.image_url {
            Patch::Set(Some(sent)) if shown.as_deref() == Some(sent.0.trim()) => Ok(before.map(str::to_owned)),
            Patch::Set(sent) => image_key(app, sent.as_ref()),
            Patch::Keep => Ok(before.map(str::to_owned)),
        }
    }
}

pub async fn update(
    app: Arc<App>,
    caller: Caller,
    Path((id,)): Path<(RoutineId,)>,
    Json(patch): Json<RoutinePatch>,
) -> Result<Json<Routine>> {
    let changes = Changes::new(patch)?;
    let row = app.db.tx(|tx| update_in(tx, &app, caller, id, &changes)).await?;
    app.outbox_bell.notify_one();
    Ok(Json(Routine::new(row, &app.config.pictures)))
}

async fn update_in(tx: Tx, app: &App, caller: Caller, id: RoutineId, changes: &Changes) -> Result<RoutineRow> {
    let (tx, user) = (&tx, caller.user);
    let ((), before) = tokio::try_join!(biased; users::lock(tx, caller), lock_own(tx, user, id))?;
    if let Some(planned) = &changes.scenarios {
        check_there(tx, planned).await?;
        tokio::try_join!(biased; sql::delete_scenarios(tx, id), insert_scenarios(tx, id, planned))?;
    }
    let image_key = changes.image_key(app, before.as_deref())?;
    let update = sql::update_routine(tx, id, changes.name.as_deref(), image_key.as_deref());
    let (_, row) = tokio::try_join!(biased; update, sql::get_routine(tx, id, user))?;
    let row = row.or_404(Noun::Routine)?;
    if before != row.image_url {
        uploads::release(tx, app, [before]).await?;
    }
    Ok(row)
}

/// Locks a routine of the lifter's own; answers what it shows.
async fn lock_own(tx: &Tx, user: UserId, id: RoutineId) -> Result<Option<String>> {
    let routine = sql::lock_routine(tx, id).await?.or_404(Noun::Routine)?;
    if routine.user_id == Some(user) { Ok(routine.image_url) } else { Err(Error::new(Problem::Forbidden)) }
}

pub async fn delete(app: Arc<App>, caller: Caller, Path((id,)): Path<(RoutineId,)>) -> Result<NoContent> {
    app.db.tx(|tx| delete_in(tx, &app, caller, id)).await?;
    app.outbox_bell.notify_one();
    Ok(NoContent)
}

async fn delete_in(tx: Tx, app: &App, caller: Caller, id: RoutineId) -> Result<()> {
    let ((), picture) = tokio::try_join!(biased; users::lock(&tx, caller), lock_own(&tx, caller.user, id))?;
    tokio::try_join!(biased; sql::detach_workouts(&tx, id), sql::delete_routine(&tx, id))?;
    uploads::release(&tx, app, [picture]).await
}

pub async fn upload_image(
    app: Arc<App>,
    User(_): User,
    picture: Picture<uploads::RoutineImage>,
) -> Result<Created<RoutineImage>> {
    let image_key = picture.keep(&app).await?.to_string();
    let image_url = pictures::address(&app.config.pictures, Some(&image_key)).unwrap_or_default();
    Ok(Created(RoutineImage { image_url, image_key }))
}

pub async fn list_hidden(app: Arc<App>, User(user): User) -> Result<Json<Vec<RoutineId>>> {
    let rows = sql::list_hidden(&app.db, user).await?;
    Ok(Json(rows.into_iter().map(|row| row.id).collect()))
}

pub async fn hide(app: Arc<App>, caller: Caller, Path((id,)): Path<(RoutineId,)>) -> Result<NoContent> {
    app.db.tx(|tx| hide_in(tx, caller, id)).await?;
    Ok(NoContent)
}

async fn hide_in(tx: Tx, caller: Caller, id: RoutineId) -> Result<()> {
    tokio::try_join!(biased; users::lock(&tx, caller), sql::insert_hidden(&tx, caller.user, id))?;
    Ok(())
}

pub async fn unhide(app: Arc<App>, User(user): User, Path((id,)): Path<(RoutineId,)>) -> Result<NoContent> {
    sql::delete_hidden(&app.db, user, id).await?;
    Ok(NoContent)
}
