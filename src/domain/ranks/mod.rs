//! Ranks: how far a lifter is on one exercise, and what clients show of a rank.

mod handlers;
mod rules;
mod wire;

use crate::http::Route;
use crate::route;

/// The routes of this domain.
pub const ROUTES: &[Route] = &[
    route!(Get "/api/v1/ranks/get_rank_progress" handlers::progress "The rank of a score on an exercise, and the next one's.")
        .fails(&[404]),
    route!(Get "/api/v1/ranks/rank_from_energy/{energy}" handlers::from_energy "The overall rank of an energy."),
    route!(Get "/api/v1/ranks/rank_color/{user_id}" handlers::colour "The colour of a lifter's overall rank.").fails(&[404]),
    route!(Get "/api/v1/ranks/rank_icon/{user_id}" handlers::icon "The picture of a lifter's overall rank.").fails(&[404]),
];
