//! Who follows whom, and looking lifters up by name.
//!
//! An edge leads from a follower to a followee and counts while its status is `active`; friends are two active edges. Whoever
//! is not active is neither found nor listed nor counted.

mod following;
mod handlers;
mod rules;
mod sql;
mod wire;

use crate::http::{Policy, Route};
use crate::route;

pub use sql::STATEMENTS;

/// The routes of this domain.
pub const ROUTES: &[Route] = &[
    route!(Get "/api/v1/users/lookup" handlers::lookup "The lifters whose name or shown name contains a text, by name."),
    route!(Get "/api/v1/users/{user_id}/relationship" handlers::relationship "A lifter, and how they and the caller follow each other.")
        .fails(&[404]),
    route!(Post "/api/v1/users/{user_id}/follow" handlers::follow "Follows a lifter, if one does not already.")
        .policy(Policy::Follow)
        .fails(&[404, 409]),
    route!(Delete "/api/v1/users/{user_id}/follow" handlers::unfollow "Follows a lifter no more, if one did."),
    route!(Get "/api/v1/users/{user_id}/followers" handlers::followers "Who follows a lifter, newest first.").fails(&[404]),
    route!(Get "/api/v1/users/{user_id}/following" handlers::following "Whom a lifter follows, newest first.").fails(&[404]),
    route!(Get "/api/v1/users/{user_id}/friends" handlers::friends "Whom a lifter follows and is followed by, whom they followed last first.")
        .fails(&[404]),
];
