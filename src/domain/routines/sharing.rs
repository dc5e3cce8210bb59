//! Sharing a routine by a code, and importing it. Whoever has the code has the routine, so codes are not to be guessed.

use std::sync::Arc;

use aws_lc_rs::rand;

use super::making::{Plan, add};
use super::rules::{self, CODE_LENGTH, read_scenarios, share_code};
use super::sql::{self, RoutineRow, SnapshotRow};
use super::wire::{Routine, RoutineImport, SharedRoutine};
use crate::app::App;
use crate::db::Tx;
use crate::db::statement::Conn;
use crate::domain::auth::Caller;
use crate::domain::idempotency::Once;
use crate::domain::{scenarios, users};
use crate::error::{Error, Noun, Or404, Result};
use crate::http::{Created, Json, Made, Path};
use crate::ids::{RoutineId, ScenarioId};
use crate::schema::Text;

/// Codes that are tried. One of them is free as long as there are not trillions of shared routines.
const CODE_ATTEMPTS: u32 = 8;

/// Random bytes for a code: of twice as many as it has letters, enough can be used but for once in 10^14 times.
const CODE_BYTES: usize = 2 * CODE_LENGTH;

pub async fn share(app: Arc<App>, caller: Caller, Path((id,)): Path<(RoutineId,)>) -> Result<Json<SharedRoutine>> {
    let row = app.db.tx(|tx| share_in(tx, &app, caller, id)).await?;
    Ok(Json(SharedRoutine::new(row, &app.config.pictures)))
}

async fn share_in(tx: Tx, app: &App, caller: Caller, id: RoutineId) -> Result<SnapshotRow> {
    let user = caller.user;
    let ((), routine) = tokio::try_join!(biased; users::lock(&tx, caller), sql::get_routine(&tx, id, user))?;
    routine.or_404(Noun::Routine)?;
    for _ in 0..CODE_ATTEMPTS {
        let mut random = [0; CODE_BYTES];
        rand::fill(&mut random).map_err(Error::internal)?;
        let Some(code) = share_code(&random) else { continue };
        if let Some(row) = sql::insert_snapshot(&tx, &code, id, user, app.clock.now()).await? {
            return Ok(row);
        }
        // The code is taken, or the routine is gone since.
        sql::get_routine(&tx, id, user).await?.or_404(Noun::Routine)?;
    }
    Err(Error::unavailable("no share code was free"))
}

/// The shared routine under this code, whatever its case.
async fn snapshot(db: &impl Conn, code: &str) -> Result<SnapshotRow> {
    let code = code.trim().to_ascii_uppercase();
    sql::get_snapshot(db, &code).await?.or_404(Noun::SharedRoutine)
}

pub async fn shared(app: Arc<App>, Path((code,)): Path<(Text<1, 64>,)>) -> Result<Json<SharedRoutine>> {
    Ok(Json(SharedRoutine::new(snapshot(&app.db, &code.0).await?, &app.config.pictures)))
}

pub async fn import(
    app: Arc<App>,
    caller: Caller,
    Json(import): Json<RoutineImport>,
    once: Once,
) -> Result<Made<Created<Routine>>> {
    let import = async |tx| import_in(tx, &app, caller, &import.share_code.0).await;
    once.tx(&app, caller, |tx| async { Ok(Created(Routine::new(import(tx).await?, &app.config.pictures))) }).await
}

async fn import_in(tx: Tx, app: &App, caller: Caller, code: &str) -> Result<RoutineRow> {
    let ((), shared) = tokio::try_join!(biased; users::lock(&tx, caller), snapshot(&tx, code))?;
    let stored = read_scenarios(&shared.scenarios);
    let ids: Vec<ScenarioId> = stored.iter().map(|scenario| scenario.scenario_id.clone()).collect();
    let known = scenarios::known(&tx, &ids).await?;
    let plan = Plan { name: shared.name, image_key: shared.image_url, scenarios: rules::import(stored, &known) };
    add(&tx, caller.user, &plan, app.clock.now()).await
}
