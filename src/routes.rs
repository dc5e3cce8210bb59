//! The whole API: the domains' routes, in reading order.

use crate::domain::{
    energy, guilds, levels, ops, quests, ranks, routines, scenarios, scores, social, standards, users, workouts,
};
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
    quests::ROUTES,
    routines::ROUTES,
    workouts::ROUTES,
    social::ROUTES,
    guilds::ROUTES,
];
