//! The whole API: the domains' routes, in reading order.

use crate::domain::{energy, guilds, levels, ops, ranks, routines, scenarios, scores, social, standards, users};
use crate::http::route::Table;

/// Every route.
pub const TABLE: Table = &[
    ops::ROUTES,
    users::ROUTES,
    scenarios::ROUTES,
    scores::ROUTES,
    energy::ROUTES,
    standards::ROUTES,
    ranks::ROUTES,
    levels::ROUTES,
    routines::ROUTES,
    social::ROUTES,
    guilds::ROUTES,
];
