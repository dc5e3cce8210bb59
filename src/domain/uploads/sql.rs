//! Statements about what shows a picture.

use crate::{row, statements};

row! { /// Whether anything shows a picture.
pub struct UseRow {
    in_use: bool,
} }

row! { /// Numbers of transactions.
pub struct HorizonRow {
    /// The oldest one that is still writing.
    oldest: i64,
    /// The next one.
    next: i64,
} }

statements! {
    /// Whether anything shows the picture with this random name.
    pooled fn get_use(id: &str) -> one UseRow = "uploads/get_use";
    /// Which transactions are under way.
    pooled fn get_horizon() -> one HorizonRow = "uploads/get_horizon";
}
