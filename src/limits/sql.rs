//! Statements about windows that all instances share.

use crate::time::Timestamp;
use crate::{row, statements};

row! { /// A window after a request.
pub struct WindowRow {
    /// Whether the request counts.
    was_taken: bool,
    /// How many count.
    used: i32,
    /// When the one came whose leaving makes room.
    first_leaves_from: Timestamp,
} }

statements! {
    /// Counts a request of `now` if fewer than `limit` came after `since`; the window is over at `until` at the earliest.
    pooled fn upsert_window(key: &[u8], now: Timestamp, since: Timestamp, until: Timestamp, limit: i32) -> one WindowRow = "limits/upsert_window";
    /// Removes so many windows that are over.
    pooled fn delete_windows(now: Timestamp, max: i64) -> exec = "limits/delete_windows";
}
