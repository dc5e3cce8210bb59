//! Guilds: named groups, each of which belongs to the lifter who made it.

mod handlers;
mod sql;
mod wire;

use crate::http::Route;
use crate::route;

pub use sql::STATEMENTS;

/// The routes of this domain.
pub const ROUTES: &[Route] = &[
    route!(Get "/api/v1/guilds" handlers::list "One's own guilds, newest first."),
    route!(Post "/api/v1/guilds" handlers::create "Makes a guild.").fails(&[409]),
    route!(Get "/api/v1/guilds/me" handlers::list "One's own guilds, newest first."),
];
