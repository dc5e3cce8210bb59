//! Energy: how strong a lifter is for their body weight, from their best squat, bench press and deadlift, and the overall rank
//! that follows. The server is the authority: it computes both anew, in the same transaction, whenever something they depend
//! on changes.

mod handlers;
mod places;
pub mod rules;
mod sql;
mod wire;

use uuid::Uuid;

use crate::db::Tx;
use crate::db::statement::column;
use crate::domain::auth;
use crate::error::{Problem, Result};
use crate::http::Route;
use crate::ids::UserId;
use crate::route;
use crate::time::Timestamp;

pub use rules::{CoreBests, Standing, overall_rank};
pub use sql::{BasisRow, STATEMENTS};

/// The routes of this domain.
pub const ROUTES: &[Route] = &[
    route!(Get "/api/v1/energy/leaderboard" places::leaderboard "The active lifters, highest energy first."),
    route!(Get "/api/v1/energy/leaderboard/friends" places::friends "The same among the caller and those they follow, the 1,000 whom they followed last."),
    route!(Get "/api/v1/energy/rank/{user_id}" places::rank "Where a lifter stands on the board, and who stands around.")
        .fails(&[404]),
    route!(Get "/api/v1/energy/daily/{user_id}" handlers::daily "A lifter's highest energy of each UTC day.")
        .fails(&[404]),
    route!(Get "/api/v1/energy/history/{user_id}" handlers::history "A lifter's energies, newest first.").fails(&[404]),
    route!(Get "/api/v1/energy/latest/{user_id}" handlers::latest "A lifter's present energy; 0 for nobody."),
    route!(Post "/api/v1/energy/submit" handlers::submit "Takes what old clients computed, and ignores it.")
        .fails_with(&[Problem::Forbidden]),
];

/// What the energy of a lifter depends on, and what it is now. Read it after the lifter's row has been locked.
///
/// # Errors
/// 401 if the account is gone.
pub async fn basis(tx: &Tx, user: UserId) -> Result<BasisRow> {
    sql::get_basis(tx, user).await?.ok_or_else(auth::no_account)
}

/// An energy and a rank that differ from what is stored.
pub struct Change {
    user: UserId,
    standing: Standing,
    /// Of the line of history, if the energy differs.
    history_id: Option<Uuid>,
}

/// What follows from the basis with these bests, if it differs from what is stored.
#[must_use]
pub fn change(user: UserId, basis: &BasisRow, bests: CoreBests) -> Option<Change> {
    let standing = basis.standing(bests);
    if basis.energy == Some(standing.energy) && basis.rank.as_deref() == Some(standing.rank_name()) {
        return None;
    }
    let history_id = (basis.energy.unwrap_or(0.0) != standing.energy).then(Uuid::new_v4);
    Some(Change { user, standing, history_id })
}

/// Stores changes, of a lifter each.
///
/// # Errors
/// As its statement.
pub async fn store(tx: &Tx, changes: &[Change], now: Timestamp) -> Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    sql::update_standings(
        tx,
        &column(changes, |change| change.user),
        &column(changes, |change| change.standing.energy),
        &column(changes, |change| change.standing.rank_name()),
        &column(changes, |change| change.history_id),
        now,
    )
    .await?;
    Ok(())
}

/// Computes the energy of a lifter anew. The lifter's row is locked by the caller.
///
/// # Errors
/// 401 if the account is gone.
pub async fn refresh(tx: &Tx, user: UserId, now: Timestamp) -> Result<()> {
    let basis = basis(tx, user).await?;
    store(tx, change(user, &basis, basis.bests()).as_slice(), now).await
}
