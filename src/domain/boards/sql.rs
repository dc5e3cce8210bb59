//! Statements about the counts of boards.

use crate::{row, statements};

row! { /// What was folded.
pub struct FoldedRow {
    /// Changes.
    folded: i64,
} }

row! { /// A state of the database.
pub struct SnapshotRow {
    /// Names it.
    snapshot: String,
} }

statements! {
    /// The state of the database, for anybody.
    gathered fn get_snapshot(anybody: bool) -> one SnapshotRow = "boards/get_snapshot";
    /// Folds up to so many changes into the counts.
    pooled fn fold(at_most: i64) -> one FoldedRow = "boards/update_counts";
}
