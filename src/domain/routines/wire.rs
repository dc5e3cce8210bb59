//! Routines on the wire.

use super::rules::{Planned, read_scenarios};
use super::sql::{RoutineRow, SnapshotRow};
use crate::config::PictureConfig;
use crate::ids::{RoutineId, ScenarioId, UserId};
use crate::schema::{List, Patch, Text};
use crate::time::Timestamp;
use crate::{input, integer, output, pictures};

/// Exercises of a routine: nearly as many as there are, so that a list without end is refused.
pub const SCENARIOS_MAX: usize = 200;

/// A routine's name, as long as its place on a screen allows.
pub type RoutineName = Text<1, 255>;

/// The exercises that a routine is to have.
pub type NewScenarios = List<NewRoutineScenario, SCENARIOS_MAX>;

integer! { /// Sets of an exercise, as many as the column holds: what is stored can be sent back.
pub struct PlannedSets = i32, 0..=2147483647; }
integer! { /// Repetitions in a set, as many as the column holds: some plan seconds here.
pub struct PlannedReps = i32, 0..=2147483647; }

input! { /// An exercise of a routine. A `name` that is sent is ignored: the exercise has its own.
pub struct NewRoutineScenario {
    /// The exercise.
    scenario_id: ScenarioId,
    /// Sets.
    sets: PlannedSets,
    /// Repetitions in a set.
    reps: PlannedReps,
} }

impl NewRoutineScenario {
    /// What it plans.
    #[must_use]
    pub fn planned(self) -> Planned {
        Planned { scenario_id: self.scenario_id, sets: self.sets.0, reps: self.reps.0 }
    }
}

input! { /// A routine to make.
pub struct NewRoutine {
    /// Its name.
    name: RoutineName,
    /// The key or address of a picture of ours.
    image_url: Option<Text<0, 2048>>,
    /// Its exercises in their order, each once.
    scenarios: NewScenarios,
} }

input! { /// What to change of a routine; what is absent stays.
pub struct RoutinePatch {
    /// Its name.
    name: Patch<RoutineName>,
    /// The key or address of a picture of ours.
    image_url: Patch<Option<Text<0, 2048>>>,
    /// Its exercises in their order, each once, in the place of those it has.
    scenarios: Patch<NewScenarios>,
} }

input! { /// A shared routine to import.
pub struct RoutineImport {
    /// The code, in any case.
    share_code: Text<4, 32>,
} }

output! { /// An exercise of a routine.
pub struct RoutineScenario {
    /// The exercise.
    scenario_id: ScenarioId,
    /// Its name.
    name: String,
    /// Sets.
    sets: i32,
    /// Repetitions in a set.
    reps: i32,
} }

output! { /// A plan of exercises.
pub struct Routine {
    /// Its id.
    id: RoutineId,
    /// Its name.
    name: String,
    /// Absolute address of the picture.
    image_url: Option<String>,
    /// Whose it is; null: everybody's.
    user_id: Option<UserId>,
    /// When it was made.
    created_at: Timestamp,
    /// Its exercises, in order.
    scenarios: Vec<RoutineScenario>,
} }

impl Routine {
    /// The routine of this row.
    #[must_use]
    pub fn new(row: RoutineRow, pictures: &PictureConfig) -> Self {
        Self {
            image_url: pictures::address(pictures, row.image_url.as_deref()),
            scenarios: read_scenarios(&row.scenarios),
            id: row.id,
            name: row.name,
            user_id: row.user_id,
            created_at: row.created_at,
        }
    }
}

output! { /// A picture that routines can show.
pub struct RoutineImage {
    /// Its absolute address.
    image_url: String,
    /// What routines name it by.
    image_key: String,
} }

output! { /// A routine as it was when it was shared.
pub struct SharedRoutine {
    /// The code that it is found by.
    code: String,
    /// Its name.
    name: String,
    /// Absolute address of the picture.
    image_url: Option<String>,
    /// Its exercises, in order.
    scenarios: Vec<RoutineScenario>,
    /// When it was shared.
    created_at: Timestamp,
} }

impl SharedRoutine {
    /// The shared routine of this row.
    #[must_use]
    pub fn new(row: SnapshotRow, pictures: &PictureConfig) -> Self {
        Self {
            image_url: pictures::address(pictures, row.image_url.as_deref()),
            scenarios: read_scenarios(&row.scenarios),
            code: row.code,
            name: row.name,
            created_at: row.created_at,
        }
    }
}
