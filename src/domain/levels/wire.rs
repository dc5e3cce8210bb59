//! Levels on the wire.

use super::rules;
use super::sql::ProgressRow;
use crate::config::LevelConfig;
use crate::ids::UserId;
use crate::schema::Text;
use crate::{input, integer, output};

output! { /// Where a lifter stands on the way through the levels.
pub struct Progress {
    /// From 1.
    level: i32,
    /// Experience points in all.
    xp: i32,
    /// Points to the next level; 0 at the highest.
    xp_to_next: i32,
    /// Share of the way through the level, 0 to 1.
    progress_pct: f64,
    /// Points gained in the last 7 × 24 hours.
    xp_gained_this_week: i64,
} }

impl Progress {
    /// The row on the curve.
    #[must_use]
    pub fn new(row: &ProgressRow, curve: &LevelConfig) -> Self {
        let rules::Progress { level, xp_to_next, progress_pct } = rules::progress(row.total_xp, curve);
        Self { level, xp: row.total_xp, xp_to_next, progress_pct, xp_gained_this_week: row.gained }
    }
}

integer! { /// Experience points of one award.
pub struct Amount = i32, 1..=2147483647; }

input! { /// Points to give.
pub struct NewAward {
    /// How many.
    amount: Amount,
    /// Why, for people.
    reason: Option<Text<0, 255>>,
    /// One award per lifter and key; the header `Idempotency-Key` goes before.
    idempotency_key: Option<Text<1, 255>>,
    /// What kind of thing brought it.
    source_type: Option<Text<1, 64>>,
    /// Which one: one award per lifter, kind and thing.
    source_id: Option<Text<1, 255>>,
} }

input! { /// To whom.
pub struct AwardQuery {
    /// The lifter.
    user_id: UserId,
} }

output! { /// What became of an award.
pub struct Awarded {
    /// Whether the points were added.
    awarded: bool,
    /// `created`, or `idempotent_replay` if they had been added before.
    reason: &'static str,
    /// Where the lifter stands now.
    progress: Progress,
} }
