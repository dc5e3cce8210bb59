//! The exercise routes.

use std::sync::Arc;

use super::refresh;
use super::sql::{self, Scenario};
use super::wire::{NewScenario, ScenarioDetails, slug};
use crate::app::App;
use crate::domain::auth::Admin;
use crate::error::{Error, FieldError, Noun, Or404, Problem, Result};
use crate::http::held::Terms;
use crate::http::{Json, Made, Path};
use crate::ids::ScenarioId;

pub async fn list(app: Arc<App>, terms: Terms) -> Result<Made<Json<Vec<Scenario>>>> {
    let list = match app.exercises.shown() {
        Some(list) => list,
        None => refresh(&app).await?,
    };
    Ok(Made::new(list.answer(&terms)))
}

pub async fn create(app: Arc<App>, _: Admin, Json(new): Json<NewScenario>) -> Result<Json<Scenario>> {
    let id = new.id.or_else(|| slug(&new.name.0)).ok_or_else(|| {
        let detail = "id must be given where the name does not make one".to_owned();
        Error::invalid(vec![FieldError { pointer: "/id".to_owned(), code: "rule", detail }])
    })?;
    let factor = |given: Option<super::wire::Factor>| given.map_or(1.0, |factor| factor.0);
    let description = new.description.as_ref().map(|text| text.0.as_str());
    let (multiplier, volume) = (factor(new.multiplier), factor(new.volume_multiplier));
    let bodyweight = new.is_bodyweight.unwrap_or(false);
    let added = sql::insert_scenario(&app.db, &id, &new.name.0, description, bodyweight, multiplier, volume).await?;
    // It is added, whether this process can show it by now or not.
    if let Err(error) = refresh(&app).await {
        tracing::debug!(error = error.chain(), "the list of exercises stays as it was");
    }
    let taken = || Error::new(Problem::Conflict).with_detail("An exercise with this id or name is there already");
    added.map(Json).ok_or_else(taken)
}

pub async fn multiplier(app: Arc<App>, Path((id,)): Path<(ScenarioId,)>) -> Result<Json<f64>> {
    Ok(Json(super::get(&app.db, &id).await?.multiplier))
}

pub async fn details(app: Arc<App>, Path((id,)): Path<(ScenarioId,)>) -> Result<Json<ScenarioDetails>> {
    let (row, calibration) = tokio::try_join!(sql::get_details(&app.db, &id), sql::get_calibration(&app.db, &id))?;
    Ok(Json(ScenarioDetails::new(row.or_404(Noun::Scenario)?, calibration)))
}
