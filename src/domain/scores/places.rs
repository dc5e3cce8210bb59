//! The routes of an exercise's board: its pages, one lifter's place, friends.

use std::collections::HashMap;
use std::sync::Arc;

use uuid::Uuid;

use super::sql::{self, FriendRow, NearRow, PlaceRow};
use super::wire::{FriendScorePlace, ScorePlace, ScoreRank};
use crate::app::App;
use crate::domain::auth::{self, User};
use crate::domain::boards::{self, AroundQuery, BoardQuery, FRIENDS_MAX, FriendsQuery, Place, Start};
use crate::domain::{scenarios, users};
use crate::error::{Error, Noun, Result};
use crate::http::page::Page;
use crate::http::{Json, Made, Path, Query};
use crate::ids::{ScenarioId, ScoreId, UserId};

pub async fn leaderboard(
    app: Arc<App>,
    Path((scenario,)): Path<(ScenarioId,)>,
    Query(query): Query<BoardQuery>,
) -> Result<Made<Page<ScorePlace>>> {
    let board = boards::of_scenario(&scenario.0);
    let start = query.start(&board)?;
    boards::answer(&app, query.name(&board), page(&app, &scenario, start, query.limit())).await
}

async fn page(app: &Arc<App>, scenario: &ScenarioId, start: Start, limit: i64) -> Result<Page<ScorePlace>> {
    let rows = match start {
        Start::Offset(offset) => sql::list_board(&app.db, scenario, limit, offset).await?,
        Start::Behind(Place { value, reached_at, tie }) => {
            sql::list_board_behind(&app.db, scenario, value, reached_at, score_of(tie), limit).await?
        }
    };
    let is_full = i64::try_from(rows.len()).is_ok_and(|count| count >= limit);
    let next = rows.last().filter(|_| is_full).map(|row| place(row).cursor(&boards::of_scenario(&scenario.0)));
    Ok(Page { rows: shown(app, &rows).await?, next })
}

/// The place where a row stands.
fn place(row: &PlaceRow) -> Place {
    let tie = Uuid::from_u128(u128::from(row.score_id.0.cast_unsigned()));
    Place { value: row.score_value, reached_at: row.reached_at, tie }
}

/// The score that settles a place, as [`place`] wrote it.
fn score_of(tie: Uuid) -> ScoreId {
    ScoreId(u32::try_from(tie.as_u128()).unwrap_or_default().cast_signed())
}

/// The lifters of these rows, as others see them.
async fn lifters(app: &Arc<App>, ids: impl Iterator<Item = UserId>) -> Result<HashMap<UserId, users::User>> {
    Ok(users::others(app, ids.collect()).await?.into_iter().map(|user| (user.id, user)).collect())
}

async fn shown(app: &Arc<App>, rows: &[PlaceRow]) -> Result<Vec<ScorePlace>> {
    let mut lifters = lifters(app, rows.iter().map(|row| row.user_id)).await?;
    Ok(rows.iter().filter_map(|row| Some(ScorePlace::new(row, lifters.remove(&row.user_id)?))).collect())
}

pub async fn rank(
    app: Arc<App>,
    Path((scenario, user)): Path<(ScenarioId, UserId)>,
    Query(query): Query<AroundQuery>,
) -> Result<Made<Json<ScoreRank>>> {
    let (board, around) = (boards::of_scenario(&scenario.0), query.around());
    boards::answer(&app, format!("{board} {user} {around}"), standing(&app, &scenario, user, around)).await
}

async fn standing(app: &Arc<App>, scenario: &ScenarioId, user: UserId, around: i64) -> Result<Json<ScoreRank>> {
    let rows = sql::get_rank(&app.db, scenario.clone(), user, around).await?;
    let Some(own) = rows.iter().find(|row| row.distance == 0).cloned() else {
        auth::known_if_empty(&app.db, user, true).await?;
        scenarios::get(&app.db, scenario).await?;
        return Err(Error::not_found(Noun::Score));
    };
    let near: Vec<PlaceRow> = rows.into_iter().filter(|row| row.distance != 0).map(PlaceRow::from).collect();
    let (above, below) = shown(app, &near).await?.into_iter().partition(|place| place.is_above(own.position));
    let percentile = boards::percentile(own.better, own.worse, own.total);
    let (rank, position, total, score) = (own.better + 1, own.position, own.total, own.score_value);
    Ok(Json(ScoreRank { rank, position, total, percentile, score, above, below }))
}

impl From<NearRow> for PlaceRow {
    fn from(row: NearRow) -> Self {
        let NearRow { position, score_id, user_id, score_value, weight_lifted, reached_at, .. } = row;
        Self { position, score_id, user_id, score_value, weight_lifted, reached_at }
    }
}

pub async fn friends(
    app: Arc<App>,
    User(caller): User,
    Path((scenario,)): Path<(ScenarioId,)>,
    Query(query): Query<FriendsQuery>,
) -> Result<Json<Vec<FriendScorePlace>>> {
    let (limit, offset) = query.bounds();
    let rows = sql::list_friends_board(&app.db, &scenario, caller, limit, offset, FRIENDS_MAX).await?;
    let mut lifters = lifters(&app, rows.iter().map(|row: &FriendRow| row.user_id)).await?;
    let places = rows.iter().filter_map(|row| Some(FriendScorePlace::new(row, lifters.remove(&row.user_id)?)));
    Ok(Json(places.collect()))
}
