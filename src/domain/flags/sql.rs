//! Statements about feature flags.

use crate::time::Timestamp;
use crate::{output_row, row, statements};

row! { /// A flag as it is kept in memory.
pub struct StateRow {
    /// Its name.
    name: String,
    /// Whether it is on.
    enabled: bool,
} }

output_row! { /// A feature flag.
pub struct Flag {
    /// Its name.
    name: String,
    /// Whether the feature is switched on.
    enabled: bool,
    /// What it is about.
    description: Option<String>,
    /// When it was set.
    updated_at: Timestamp,
} }

statements! {
    /// Every flag.
    pooled fn list_flags() -> many StateRow = "flags/list_flags";
    /// Sets a flag; without a description it keeps the one it has.
    pooled fn upsert_flag(name: &str, enabled: bool, description: Option<&str>, now: Timestamp) -> one Flag =
        "flags/upsert_flag";
}
