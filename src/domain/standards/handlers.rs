//! The standards route.

use std::sync::Arc;

use super::rules::{KG_PER_LB, Pack, Sex, Unit};
use super::wire::{StandardsBody, StandardsQuery};
use crate::app::App;
use crate::error::{Error, Problem, Result};
use crate::http::held::{Held, Terms};
use crate::http::{Json, Made, Path, Query};
use crate::number;

number! { /// A body weight, in the unit of the query. Zero and less is answered 400.
pub struct BodyWeight in -1.0e6..=1.0e6; }

pub async fn show(
    app: Arc<App>,
    Path((body_weight,)): Path<(BodyWeight,)>,
    Query(query): Query<StandardsQuery>,
    terms: Terms,
) -> Result<Made<Json<StandardsBody>>> {
    if body_weight.0 <= 0.0 {
        return Err(Error::new(Problem::BadRequest).with_detail("bodyweight must be greater than 0"));
    }
    let unit = query.unit.unwrap_or(Unit::Kg);
    let body_weight_kg = match unit {
        Unit::Kg => body_weight.0,
        Unit::Lbs => body_weight.0 * KG_PER_LB,
    };
    let sex = Sex::of(query.gender.as_ref().map(|gender| gender.0.as_str()));
    let question = (body_weight_kg.to_bits(), sex == Sex::Female, unit == Unit::Lbs);
    let make = || Held::json(&StandardsBody(Pack::new(sex, body_weight_kg, unit)));
    let pack = app.documents.standards.get_or_make(question, make)?;
    Ok(Made::new(pack.answer(&terms)))
}
