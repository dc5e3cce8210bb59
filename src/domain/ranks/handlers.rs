//! The rank routes.

use std::sync::Arc;

use super::rules::{calibrated, reached, weighted};
use super::wire::{EnergyValue, ProgressQuery, RankProgress};
use crate::app::App;
use crate::domain::energy::overall_rank;
use crate::domain::standards::rules::UNRANKED;
use crate::domain::standards::{Rank, Sex};
use crate::domain::{scenarios, users};
use crate::error::{Noun, Or404, Result};
use crate::http::{Json, Path, Query};
use crate::ids::UserId;

/// What `next_rank_threshold` says at the highest rank.
const NOTHING_HIGHER: f64 = -1.0;
/// The colour of having no rank.
const UNRANKED_COLOUR: &str = "#FFFFFF";

pub async fn progress(app: Arc<App>, Query(query): Query<ProgressQuery>) -> Result<Json<RankProgress>> {
    let scenario = scenarios::get(&app.db, &query.scenario_id).await?;
    let sex = Sex::of(query.user_gender.as_ref().map(|gender| gender.0.as_str()));
    let thresholds = if scenario.is_bodyweight {
        let calibration = scenarios::calibration(&app.db, &query.scenario_id).await?.or_404(Noun::Calibration)?;
        calibrated(&calibration, sex, query.user_weight.0)
    } else {
        weighted(&scenario, sex, query.user_weight.0)
    };
    let (rank, next) = reached(thresholds, query.final_score.0);
    let current_rank = rank.map_or(UNRANKED, Rank::name);
    Ok(Json(RankProgress { current_rank, next_rank_threshold: next.unwrap_or(NOTHING_HIGHER) }))
}

pub async fn from_energy(_: Arc<App>, Path((energy,)): Path<(EnergyValue,)>) -> Result<Json<&'static str>> {
    Ok(Json(overall_rank(energy.0).map_or(UNRANKED, Rank::name)))
}

async fn rank_of(app: &App, user: UserId) -> Result<Option<Rank>> {
    let rank = users::rank(&app.db, user).await?;
    Ok(rank.as_deref().and_then(Rank::of))
}

pub async fn colour(app: Arc<App>, Path((user,)): Path<(UserId,)>) -> Result<Json<&'static str>> {
    Ok(Json(rank_of(&app, user).await?.map_or(UNRANKED_COLOUR, Rank::colour)))
}

pub async fn icon(app: Arc<App>, Path((user,)): Path<(UserId,)>) -> Result<Json<String>> {
    let name = rank_of(&app, user).await?.map_or(UNRANKED, Rank::name);
    Ok(Json(format!("assets/images/ranks/{}.svg", name.to_lowercase())))
}
