//! Statements about exercises.

use crate::ids::ScenarioId;
use crate::{output_row, row, statements};

row! { /// What scoring needs to know of an exercise.
pub struct ScenarioRow {
    /// Whether it is done without load.
    is_bodyweight: bool,
    /// Its share of the three-lift total.
    multiplier: f64,
    /// What its volume counts.
    volume_multiplier: f64,
} }

row! { /// An exercise that there is.
pub struct KnownRow {
    /// A slug.
    id: ScenarioId,
} }

output_row! { /// An exercise in the list.
pub struct Scenario {
    /// A slug.
    id: ScenarioId,
    /// Its name.
    name: String,
    /// How it is done.
    description: Option<String>,
} }

row! { /// All about an exercise, but its calibration.
pub struct DetailsRow {
    id: ScenarioId,
    name: String,
    description: Option<String>,
    is_bodyweight: bool,
    multiplier: f64,
    volume_multiplier: f64,
    primary_muscles: Vec<String>,
    secondary_muscles: Vec<String>,
    equipment: Vec<String>,
} }

output_row! { /// Repetitions in one set: a beginner's and an elite's at 50 and 140 kg of body weight, an intermediate's at 95 kg.
pub struct Calibration {
    /// A beginner's at 50 kg.
    beginner_50: i32,
    /// An elite's at 50 kg.
    elite_50: i32,
    /// A beginner's at 140 kg.
    beginner_140: i32,
    /// An elite's at 140 kg.
    elite_140: i32,
    /// An intermediate's at 95 kg.
    intermediate_95: i32,
} }

statements! {
    /// What scoring needs.
    shared fn get_scenario(id: &ScenarioId) -> opt ScenarioRow = "scenarios/get_scenario";
    /// Those of these exercises that there are.
    pooled fn list_known(ids: &[ScenarioId]) -> many KnownRow = "scenarios/list_known";
    /// Every exercise, by name. Not of a replica: what is kept in memory must not be what was before a notice.
    pooled fn list_scenarios() -> many Scenario = "scenarios/list_scenarios";
    /// All about one, but its calibration.
    shared fn get_details(id: &ScenarioId) -> opt DetailsRow = "scenarios/get_details";
    /// Its calibration.
    shared fn get_calibration(id: &ScenarioId) -> opt Calibration = "scenarios/get_calibration";
    /// Adds one; nothing comes back if its id or name is taken.
    pooled fn insert_scenario(
        id: &ScenarioId, name: &str, description: Option<&str>, is_bodyweight: bool, multiplier: f64, volume_multiplier: f64,
    ) -> opt Scenario = "scenarios/insert_scenario";
}
