//! Statements about the counts of boards.

use crate::{row, statements};

row! { /// What was folded.
pub struct FoldedRow {
    /// Changes.
    folded: i64,
} }

statements! {
    /// Folds up to so many changes into the counts.
    pooled fn fold(at_most: i64) -> one FoldedRow = "boards/update_counts";
}
