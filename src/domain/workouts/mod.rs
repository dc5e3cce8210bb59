//! Workouts: what a lifter did, exercise by exercise, with or without a routine.
//!
//! Storing a workout leaves the event `workout.submitted` in the same transaction; the worker counts it for quests. The same
//! workout sent twice is stored once.

mod handlers;
mod rules;
mod sql;
mod wire;

use crate::http::Route;
use crate::route;

pub use handlers::count;
pub use sql::STATEMENTS;

/// The routes of this domain.
pub const ROUTES: &[Route] = &[
    route!(Post "/api/v1/routine_submission" handlers::submit "Logs a workout.").fails(&[400]),
    route!(Get "/api/v1/routine_submission/user/{user_id}" handlers::list "A lifter's workouts, newest first.")
        .fails(&[404]),
];
