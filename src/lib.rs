//! The backend of RepDuel, a strength-training game: modules in reading order, from the ground up.

pub mod budget;
pub mod config;
pub mod crowd;
pub mod error;
pub mod network;
#[cfg(test)]
mod property;
pub mod schema;
pub mod threads;
pub mod time;

pub mod db;
pub mod ids;
pub mod images;
pub mod limits;
pub mod outbound;
pub mod password;
pub mod pictures;
pub mod storage;
pub mod telemetry;
pub mod token;

pub mod app;
pub mod docs;
pub mod examples;
pub mod flags;
pub mod http;
pub mod mirror;
pub mod openapi;

pub mod domain;
pub mod routes;
pub mod start;
pub mod worker;
