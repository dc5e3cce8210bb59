//! Scores: recorded lifts, personal bests, leaderboards.
//!
//! A lifter's scores take effect one after another: whoever writes one holds the lifter's row. `personal_bests` is kept by
//! triggers (see `migrations/V002__boards.sql`), so it is true whoever writes.

mod handlers;
mod places;
mod recording;
pub mod rules;
mod sql;
mod together;
mod wire;

use crate::error::Problem;
use crate::http::Route;
use crate::route;

pub use sql::STATEMENTS;

/// The routes of this domain.
pub const ROUTES: &[Route] = &[
    route!(Post "/api/v1/scores/scenario/{scenario_id}" handlers::record "Records a lift and tells what it changed.")
        .fails_with(&[Problem::BadRequest, Problem::NotFound]),
    route!(Post "/api/v1/scores" handlers::create "Records a lift.")
        .fails_with(&[Problem::BadRequest, Problem::NotFound]),
    route!(Get "/api/v1/scores/scenario/{scenario_id}/leaderboard" places::leaderboard "The best of each active lifter, highest first."),
    route!(Get "/api/v1/scores/scenario/{scenario_id}/leaderboard/friends" places::friends "The same among the caller and those they follow, the 1,000 whom they followed last."),
    route!(Get "/api/v1/scores/scenario/{scenario_id}/rank/{user_id}" places::rank "Where a lifter stands on the board, and who stands around.")
        .fails(&[404]),
    route!(Get "/api/v1/scores/user/{user_id}/scenario/{scenario_id}" handlers::list "A lifter's scores on an exercise, newest first.")
        .fails(&[404]),
    route!(Get "/api/v1/scores/user/{user_id}/scenario/{scenario_id}/highscore" handlers::highscore "A lifter's best score on an exercise.")
        .fails(&[404]),
    route!(Delete "/api/v1/scores/user/{user_id}" handlers::delete "Deletes all of one's own scores.")
        .fails_with(&[Problem::Forbidden, Problem::NotFound]),
    route!(Get "/api/v1/personal_best_events/user/{user_id}" handlers::personal_best_events "A lifter's personal bests as they were reached, newest first.")
        .fails(&[404]),
    route!(Get "/api/v1/ranks/user/{user_id}/scenario/{scenario_id}/highscore_value" handlers::highscore_value "The value of a lifter's best score.")
        .fails(&[404]),
];
