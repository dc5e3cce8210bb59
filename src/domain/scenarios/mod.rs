//! Exercises. A scenario is one exercise: its id is a slug such as `back_squat`, which scores, routines and clients refer to.

pub mod catalogue;
mod handlers;
mod sql;
mod wire;

use std::collections::HashSet;
use std::sync::Arc;

use crate::app::App;
use crate::db::statement::Conn;
use crate::error::{Noun, Or404, Result};
use crate::http::Route;
use crate::http::held::Held;
use crate::ids::ScenarioId;
use crate::mirror::Followed;
use crate::route;

pub use sql::{Calibration, STATEMENTS, ScenarioRow};

/// The routes of this domain.
pub const ROUTES: &[Route] = &[
    route!(Get "/api/v1/scenarios" handlers::list "Every exercise, by name."),
    route!(Post "/api/v1/scenarios" handlers::create "Adds an exercise.").fails(&[409]),
    route!(Get "/api/v1/scenarios/{scenario_id}/multiplier" handlers::multiplier "An exercise's share of the three-lift total.")
        .fails(&[404]),
    route!(Get "/api/v1/scenarios/{scenario_id}/details" handlers::details "All about an exercise.").fails(&[404]),
];

/// What keeps the mirror of the list true.
#[must_use]
pub fn followed(app: &Arc<App>) -> Followed {
    Followed::new("scenarios", app, |app| async move { refresh(&app).await.map(drop) })
}

/// Reads the list anew.
async fn refresh(app: &App) -> Result<Arc<Held>> {
    app.exercises.refresh(async { Ok(Held::json(&sql::list_scenarios(&app.db).await?)?.compressed()) }).await
}

/// What scoring needs to know of an exercise.
///
/// # Errors
/// 404 if there is no such exercise.
pub async fn get(db: &impl Conn, id: &ScenarioId) -> Result<ScenarioRow> {
    sql::get_scenario(db, id).await?.or_404(Noun::Scenario)
}

/// Those of these exercises that there are, in no order.
///
/// # Errors
/// As its statement.
pub async fn known(db: &impl Conn, ids: &[ScenarioId]) -> Result<HashSet<ScenarioId>> {
    let rows = sql::list_known(db, ids).await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// How repetitions become a rank, if the exercise has that.
///
/// # Errors
/// As its statement.
pub async fn calibration(db: &impl Conn, id: &ScenarioId) -> Result<Option<Calibration>> {
    sql::get_calibration(db, id).await
}
