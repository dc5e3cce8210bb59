//! The routes of the energy board: its pages, one lifter's place, friends.

use std::sync::Arc;

use super::sql::{self, BoardRow, NearRow};
use super::wire::{EnergyPlace, EnergyRank, FriendEnergyPlace};
use crate::app::App;
use crate::domain::auth::User;
use crate::domain::boards::{self, AroundQuery, BoardQuery, ENERGY, FRIENDS_MAX, FriendsQuery, Place, Start};
use crate::error::{Error, Noun, Result};
use crate::http::page::Page;
use crate::http::{Json, Made, Path, Query};
use crate::ids::UserId;

pub async fn leaderboard(app: Arc<App>, Query(query): Query<BoardQuery>) -> Result<Made<Page<EnergyPlace>>> {
    let start = query.start(ENERGY)?;
    boards::answer(&app, query.name(ENERGY), page(&app, start, query.limit())).await
}

async fn page(app: &App, start: Start, limit: i64) -> Result<Page<EnergyPlace>> {
    let rows = match start {
        Start::Offset(offset) => sql::list_board(&app.db, limit, offset).await?,
        Start::Behind(Place { value, reached_at, tie }) => {
            sql::list_board_behind(&app.db, value, reached_at, tie, limit).await?
        }
    };
    let is_full = i64::try_from(rows.len()).is_ok_and(|count| count >= limit);
    let next = rows.last().filter(|_| is_full).map(|row| place(row).cursor(ENERGY));
    Ok(Page { rows: rows.into_iter().map(|row| EnergyPlace::new(row, &app.config.pictures)).collect(), next })
}

/// The place where a row stands.
fn place(row: &BoardRow) -> Place {
    Place { value: row.energy, reached_at: row.reached_at, tie: row.user_id.0 }
}

pub async fn rank(
    app: Arc<App>,
    _: User,
    Path((user,)): Path<(UserId,)>,
    Query(query): Query<AroundQuery>,
) -> Result<Made<Json<EnergyRank>>> {
    let around = query.around();
    boards::answer(&app, format!("{ENERGY} {user} {around}"), standing(&app, user, around)).await
}

async fn standing(app: &App, user: UserId, around: i64) -> Result<Json<EnergyRank>> {
    let rows = sql::get_rank(&app.db, user, around).await?;
    let own = rows.iter().find(|row| row.distance == 0).cloned();
    let own = own.ok_or_else(|| Error::not_found(Noun::User))?;
    let (above, below): (Vec<_>, Vec<_>) =
        rows.into_iter().filter(|row| row.distance != 0).partition(|row| row.distance < 0);
    let shown = |rows: Vec<NearRow>| {
        rows.into_iter().map(|row| EnergyPlace::new(BoardRow::from(row), &app.config.pictures)).collect()
    };
    Ok(Json(EnergyRank {
        rank: own.better + 1,
        position: own.position,
        total: own.total,
        percentile: boards::percentile(own.better, own.worse, own.total),
        score: own.energy,
        above: shown(above),
        below: shown(below),
    }))
}

impl From<NearRow> for BoardRow {
    fn from(row: NearRow) -> Self {
        let NearRow { position, user_id, username, display_name, energy, reached_at, avatar_url, rank, .. } = row;
        Self { position, user_id, username, display_name, energy, reached_at, avatar_url, rank }
    }
}

pub async fn friends(
    app: Arc<App>,
    User(caller): User,
    Query(query): Query<FriendsQuery>,
) -> Result<Json<Vec<FriendEnergyPlace>>> {
    let (limit, offset) = query.bounds();
    let rows = sql::list_friends_board(&app.db, caller, limit, offset, FRIENDS_MAX).await?;
    Ok(Json(rows.into_iter().map(|row| FriendEnergyPlace::new(row, &app.config.pictures)).collect()))
}
