//! Statements about the database itself.

use crate::{row, statements};

row! { /// An answer.
pub struct PingRow {
    #[expect(dead_code, reason = "that there is a row is the answer")]
    alive: i32,
} }

statements! {
    /// Answers.
    shared fn get_ping() -> one PingRow = "ops/get_ping";
}
