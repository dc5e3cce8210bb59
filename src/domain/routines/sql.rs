//! Statements about routines.

use crate::ids::{RoutineId, ScenarioId, UserId};
use crate::time::Timestamp;
use crate::{row, statements};

row! { /// A routine, its exercises as JSON.
pub struct RoutineRow {
    /// Its id.
    id: RoutineId,
    /// Its name.
    name: String,
    /// A stored key, or an address in old rows.
    image_url: Option<String>,
    /// Whose it is; everybody's without one.
    user_id: Option<UserId>,
    /// When it was made.
    created_at: Timestamp,
    /// Its exercises, in order.
    scenarios: String,
} }

row! { /// A routine as it was when it was shared.
pub struct SnapshotRow {
    /// The code that it is found by.
    code: String,
    /// Its name.
    name: String,
    /// A stored key, or an address in old rows.
    image_url: Option<String>,
    /// Its exercises as JSON.
    scenarios: String,
    /// When it was shared.
    created_at: Timestamp,
} }

row! { /// How many there are.
pub struct CountRow {
    routines: i64,
} }

row! { /// A routine that is locked.
pub struct LockedRow {
    user_id: Option<UserId>,
    image_url: Option<String>,
} }

row! { /// A routine that is hidden.
pub struct HiddenRow {
    id: RoutineId,
} }

statements! {
    /// Own and global ones, but the hidden, newest first.
    pooled fn list_routines(user: UserId) -> many RoutineRow = "routines/list_routines";
    /// One, if it is this lifter's or everybody's.
    shared fn get_routine(id: RoutineId, user: UserId) -> opt RoutineRow = "routines/get_routine";
    /// How many a lifter has.
    pooled fn count_own(user: UserId) -> one CountRow = "routines/count_own";
    /// Makes one, without exercises.
    pooled fn insert_routine(id: RoutineId, name: &str, image_key: Option<&str>, user: UserId, now: Timestamp) -> exec =
        "routines/insert_routine";
    /// Gives one its exercises, in this order.
    pooled fn insert_scenarios(id: RoutineId, scenarios: &[ScenarioId], sets: &[i32], reps: &[i32]) -> exec =
        "routines/insert_scenarios";
    /// Locks one and tells whose it is.
    pooled fn lock_routine(id: RoutineId) -> opt LockedRow = "routines/lock_routine";
    /// Changes a name that is given, and the picture.
    pooled fn update_routine(id: RoutineId, name: Option<&str>, image_key: Option<&str>) -> exec = "routines/update_routine";
    /// Takes all exercises out of one.
    pooled fn delete_scenarios(id: RoutineId) -> exec = "routines/delete_scenarios";
    /// Parts workouts from one that goes.
    pooled fn detach_workouts(id: RoutineId) -> exec = "routines/update_detached_workouts";
    /// Deletes one.
    pooled fn delete_routine(id: RoutineId) -> exec = "routines/delete_routine";
    /// Keeps one as it is under a code; nothing comes back if the code is taken or the routine cannot be seen.
    pooled fn insert_snapshot(code: &str, id: RoutineId, user: UserId, now: Timestamp) -> opt SnapshotRow =
        "routines/insert_snapshot";
    /// One as it was when it was shared.
    shared fn get_snapshot(code: &str) -> opt SnapshotRow = "routines/get_snapshot";
    /// Those that a lifter does not want to see.
    pooled fn list_hidden(user: UserId) -> many HiddenRow = "routines/list_hidden";
    /// Hides one that the lifter can see.
    pooled fn insert_hidden(user: UserId, id: RoutineId) -> exec = "routines/insert_hidden";
    /// Shows one again.
    pooled fn delete_hidden(user: UserId, id: RoutineId) -> exec = "routines/delete_hidden";
}
