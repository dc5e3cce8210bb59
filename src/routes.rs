//! The whole API: the domains' routes, in reading order.

use crate::domain::{
    energy, flags, guilds, levels, ops, payments, quests, ranks, routines, scenarios, scores, sessions, site, social,
    standards, users, workouts,
};
use crate::http::Route;
use crate::http::route::Table;

/// Every route.
pub const TABLE: Table = &[
    ops::ROUTES,
    flags::ROUTES,
    site::ROUTES,
    users::ROUTES,
    sessions::ROUTES,
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
    payments::ROUTES,
];

/// What answers where no route is, if there is a web app: its files are its build's business, not the API's.
pub const WEB_APP: &Route = &site::WEB_APP;

#[cfg(test)]
mod properties;
