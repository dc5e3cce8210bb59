//! Statements about experience points.

use uuid::Uuid;

use crate::ids::{SessionId, UserId};
use crate::time::Timestamp;
use crate::{row, statements};

row! { /// The points a lifter has.
pub struct TotalRow {
    total_xp: i32,
} }

row! { /// The points that a lifter has now.
pub struct GainRow {
    user_id: UserId,
    total_xp: i32,
} }

row! { /// A lifter's points, and those since some time.
pub struct ProgressRow {
    total_xp: i32,
    gained: i64,
    may_see_own: bool,
} }

row! { /// A lifter whose row is locked.
pub struct LockedRow {
    #[expect(dead_code, reason = "that there is a row is the answer")]
    id: UserId,
} }

row! { /// Whether an award was given before.
pub struct GivenRow {
    given: bool,
} }

statements! {
    /// Locks the lifter against every other award and score.
    pooled fn lock_lifter(user: UserId) -> opt LockedRow = "levels/lock_lifter";
    /// The points.
    pooled fn get_total(user: UserId) -> one TotalRow = "levels/get_total";
    /// The points, and those gained since, and whether the token counts that the lifter asks with; nothing for nobody.
    shared fn get_progress(user: UserId, session: Option<SessionId>, issued_at: Timestamp, since: Timestamp) -> opt ProgressRow
        = "levels/get_progress";
    /// Whether an award with this key, or from this source, was given before.
    pooled fn get_given(user: UserId, key: Option<&str>, source_type: Option<&str>, source_id: Option<&str>) -> one GivenRow
        = "levels/get_given";
    /// Writes the awards that are new and adds them up; answers the new totals of those who gained.
    pooled fn insert_events(
        lifters: &[UserId], totals_before: &[i32], levels: &[i32], ids: &[Uuid], users: &[UserId], amounts: &[i32],
        reasons: &[&Option<String>], keys: &[&Option<String>], source_types: &[&Option<String>],
        source_ids: &[&Option<String>], now: Timestamp,
    ) -> many GainRow = "levels/insert_events";
    /// Stores a level.
    pooled fn update_level(user: UserId, level: i32) -> exec = "levels/update_level";
}
