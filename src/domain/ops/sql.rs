//! Statements about the database itself.

use crate::{row, statements};

row! { /// An answer.
pub struct PingRow {
    #[expect(dead_code, reason = "that there is a row is the answer")]
    alive: i32,
} }

row! { /// The newest migration that was applied.
pub struct SchemaRow {
    /// Its version.
    version: i32,
    /// When, as the tool for migrations writes it.
    applied_on: Option<String>,
} }

statements! {
    /// Answers.
    shared fn get_ping() -> one PingRow = "ops/get_ping";
    /// The newest migration that was applied.
    shared fn get_schema() -> opt SchemaRow = "ops/get_schema";
}
