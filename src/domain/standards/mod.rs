//! Strength standards: what a lifter of some body weight must lift for each rank. Knows no database.

mod handlers;
pub mod rules;
mod wire;

pub use rules::{Pack, Rank, Sex, Unit};

use crate::error::Problem;
use crate::http::Route;
use crate::route;

/// The routes of this domain.
pub const ROUTES: &[Route] =
    &[route!(Get "/api/v1/standards/{bodyweight}" handlers::show "The standards of a body weight, for each rank.")
        .fails_with(&[Problem::BadRequest])];
