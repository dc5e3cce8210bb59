//! Quests: what lifters are asked to do in a day, a week or a stretch of time, and what they get for it.
//!
//! A template is what everybody is asked; a quest is a template for one lifter in one cycle, made when they first look at it or
//! do something for it. A reward is an award of experience points from the source `quest`, so it is paid once whatever happens.

mod handlers;
mod progress;
pub mod rules;
mod sql;
mod wire;

use crate::http::Route;
use crate::route;

pub use progress::count_session;
pub use sql::STATEMENTS;

/// The routes of this domain.
pub const ROUTES: &[Route] = &[
    route!(Get "/api/v1/quests/me" handlers::list "One's own quests, newest cycle first."),
    route!(Post "/api/v1/quests/me/{quest_id}/claim" handlers::claim "Takes the reward of a completed quest, once.")
        .fails(&[400, 404]),
];
