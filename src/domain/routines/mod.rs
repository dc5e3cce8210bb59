//! Routines: plans of exercises that a lifter makes, shares by a code, imports and hides. A routine without an owner is
//! everybody's and nobody's to change.
//!
//! A lifter's routines are made one after another: whoever makes one holds the lifter's row, so that the free limit holds. A
//! shared routine is a copy under a code: what becomes of the routine does not change it.

mod handlers;
mod making;
mod rules;
mod sharing;
mod sql;
mod wire;

use crate::error::Problem;
use crate::http::Route;
use crate::route;

pub use sql::STATEMENTS;

/// The routes of this domain.
pub const ROUTES: &[Route] = &[
    route!(Get "/api/v1/routines" handlers::list "One's own routines and everybody's, but the hidden ones, newest first."),
    route!(Post "/api/v1/routines" handlers::create "Makes a routine.")
        .fails_with(&[Problem::RoutineLimitReached]),
    route!(Post "/api/v1/routines/images" handlers::upload_image "Sends up a picture that routines can show.").upload(),
    route!(Get "/api/v1/routines/{routine_id}" handlers::show "A routine of one's own or of everybody's.").fails(&[404]),
    route!(Put "/api/v1/routines/{routine_id}" handlers::update "Changes a routine of one's own.")
        .fails_with(&[Problem::Forbidden, Problem::NotFound]),
    route!(Delete "/api/v1/routines/{routine_id}" handlers::delete "Deletes a routine of one's own; its workouts stay.")
        .fails_with(&[Problem::Forbidden, Problem::NotFound]),
    route!(Post "/api/v1/routines/{routine_id}/share" sharing::share "Keeps a routine as it is under a code that others can import.")
        .fails(&[404]),
    route!(Get "/api/v1/routines/shared/{code}" sharing::shared "A routine as it was when it was shared.").fails(&[404]),
    route!(Post "/api/v1/routines/import" sharing::import "Makes a routine out of a shared one.")
        .fails_with(&[Problem::RoutineLimitReached, Problem::NotFound]),
    route!(Get "/api/v1/users/me/hidden-routines" handlers::list_hidden "The routines that one does not want to see."),
    route!(Post "/api/v1/users/me/hidden-routines/{routine_id}" handlers::hide "Hides a routine from one's list."),
    route!(Delete "/api/v1/users/me/hidden-routines/{routine_id}" handlers::unhide "Shows a hidden routine again."),
];
