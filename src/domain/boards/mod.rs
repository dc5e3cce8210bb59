//! What both kinds of boards have in common: places, cursors, where one stands in percent, and the counts that tell a position
//! without walking down to it. The boards themselves belong to `scores` and `energy`.
//!
//! The counts are kept by triggers and folded by the worker (see `migrations/V017__board_counts.sql`): what is not folded yet is
//! added up by whoever counts, so a place is right at once, and folding only keeps it quick.

mod cursor;
mod rules;
mod sql;
mod wire;

use crate::app::App;
use crate::db::Db;
use crate::error::Result;
use crate::http::{Made, Reply};

pub use cursor::Place;
pub use rules::percentile;
pub use sql::STATEMENTS;
pub use wire::{AroundQuery, BoardQuery, FriendsQuery, Start};

/// The energy board's name.
pub const ENERGY: &str = "energy";
/// Of those whom a lifter follows, how many a board of friends looks at, the last first: it has to look at all of them to put
/// them in order.
pub const FRIENDS_MAX: i64 = 1_000;
/// Changes that are folded in one go: a tenth of a second's work.
const FOLD_MAX: i64 = 5_000;

/// The name of an exercise's board.
#[must_use]
pub fn of_scenario(scenario: &str) -> String {
    format!("scenario:{scenario}")
}

/// Folds changes into the counts; answers whether there may be more.
///
/// # Errors
/// As its statement.
pub async fn fold(db: &Db) -> Result<bool> {
    Ok(sql::fold(db, FOLD_MAX).await?.folded >= FOLD_MAX)
}

/// The answer to a question about a board: from memory while nothing has been committed since it was made, by whomever, which
/// costs a round trip to ask; else made anew. The state is asked for first, so whatever is committed meanwhile makes the answer
/// one of a state that never comes back. A copy of the database may be behind the state, so with one nothing is kept.
///
/// # Errors
/// Those of making it.
pub async fn answer<R: Reply>(app: &App, question: String, make: impl Future<Output = Result<R>>) -> Result<Made<R>> {
    if app.db.has_replica() {
        return Made::of(make.await?);
    }
    app.answers.answer(&question, || state(&app.db), make).await
}

/// The state of the database.
async fn state(db: &Db) -> Result<String> {
    Ok(sql::get_snapshot(db, true).await?.snapshot)
}
