//! The domains, each with its nouns and routes in `mod.rs`, its handlers, the types on its wire, its pure rules and its SQL.
//! A domain calls another one only through the functions of the other's `mod.rs`, and only along the directions that
//! `tests/api/house.rs` lists.

pub mod auth;
pub mod boards;
pub mod energy;
pub mod flags;
pub mod guilds;
pub mod idempotency;
pub mod levels;
pub mod ops;
pub mod outbox;
pub mod payments;
pub mod quests;
pub mod ranks;
pub mod routines;
pub mod scenarios;
pub mod scores;
pub mod sessions;
pub mod site;
pub mod social;
pub mod standards;
pub mod uploads;
pub mod users;
pub mod workouts;

use crate::db::statement::Statement;
use crate::limits;

/// Statements of what callers ask for most: lifts, accounts, boards.
pub const FREQUENT: &[&[&Statement]] = &[
    auth::STATEMENTS,
    idempotency::STATEMENTS,
    users::STATEMENTS,
    boards::STATEMENTS,
    scores::STATEMENTS,
    energy::STATEMENTS,
    levels::STATEMENTS,
];

/// Every SQL statement, floor by floor and domain by domain; a test prepares each against the migrated schema.
pub const STATEMENTS: &[&[&Statement]] = &[
    limits::STATEMENTS,
    auth::STATEMENTS,
    idempotency::STATEMENTS,
    sessions::STATEMENTS,
    users::STATEMENTS,
    uploads::STATEMENTS,
    scenarios::STATEMENTS,
    boards::STATEMENTS,
    scores::STATEMENTS,
    energy::STATEMENTS,
    levels::STATEMENTS,
    quests::STATEMENTS,
    routines::STATEMENTS,
    workouts::STATEMENTS,
    social::STATEMENTS,
    guilds::STATEMENTS,
    flags::STATEMENTS,
    payments::STATEMENTS,
    outbox::STATEMENTS,
    ops::STATEMENTS,
];
