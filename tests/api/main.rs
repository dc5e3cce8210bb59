//! The service over its socket, with a PostgreSQL of its own: `make test` starts one and names it in TEST_DATABASE_URL.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics is a test that fails"
)]

mod support;

mod backups;
mod boards;
mod bootstrap;
mod browser;
mod caddy;
mod checks;
mod contract;
mod costs;
mod crashes;
mod docs;
mod edge;
mod energy;
mod faults;
mod flags;
mod gathered;
mod guilds;
mod hangups;
mod histories;
mod house;
mod idempotency;
mod images;
mod levels;
mod limits;
mod matrix;
mod migration_rules;
mod migrations;
mod migrations_under_load;
mod outbox;
mod payments;
mod poolers;
mod proxies;
mod quest_orders;
mod quests;
mod recovery;
mod redeploy;
mod replicas;
mod routines;
mod scenarios;
mod scores;
mod service_manager;
mod sessions;
mod slow_clients;
mod smuggling;
mod social;
mod static_files;
mod switching;
mod telemetry;
mod transactions;
mod units;
mod uploads;
mod users;
mod web_app;
mod workouts;
