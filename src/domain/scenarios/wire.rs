//! Exercises on the wire.

use super::sql::{Calibration, DetailsRow};
use crate::ids::ScenarioId;
use crate::schema::Text;
use crate::{input, number, output};

output! { /// All about an exercise.
pub struct ScenarioDetails {
    /// A slug.
    id: ScenarioId,
    /// Its name.
    name: String,
    /// How it is done.
    description: Option<String>,
    /// Its share of the three-lift total.
    multiplier: f64,
    /// What its volume counts for experience points.
    volume_multiplier: f64,
    /// Whether it is done without load.
    is_bodyweight: bool,
    /// Names of the muscles that do the work.
    primary_muscles: Vec<String>,
    /// Names of the muscles that help.
    secondary_muscles: Vec<String>,
    /// Names of what is needed.
    equipment: Vec<String>,
    /// How repetitions become a rank.
    calibration: Option<Calibration>,
} }

impl ScenarioDetails {
    /// The exercise with its calibration.
    #[must_use]
    pub fn new(row: DetailsRow, calibration: Option<Calibration>) -> Self {
        Self {
            id: row.id,
            name: row.name,
            description: row.description,
            multiplier: row.multiplier,
            volume_multiplier: row.volume_multiplier,
            is_bodyweight: row.is_bodyweight,
            primary_muscles: row.primary_muscles,
            secondary_muscles: row.secondary_muscles,
            equipment: row.equipment,
            calibration,
        }
    }
}

number! { /// A factor.
pub struct Factor in 0.0..=100.0; }

input! { /// An exercise to add.
pub struct NewScenario {
    /// Its id; made from the name if absent.
    id: Option<ScenarioId>,
    /// Its name.
    name: Text<1, 128>,
    /// How it is done.
    description: Option<Text<0, 2000>>,
    /// Whether it is done without load; it is not if absent.
    is_bodyweight: Option<bool>,
    /// Its share of the three-lift total; 1 if absent.
    multiplier: Option<Factor>,
    /// What its volume counts for experience points; 1 if absent.
    volume_multiplier: Option<Factor>,
} }

/// The slug of a name: its letters and digits in lower case, joined by underscores. `None` if that makes no id.
#[must_use]
pub fn slug(name: &str) -> Option<ScenarioId> {
    let words = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let slug = words.map(str::to_lowercase).collect::<Vec<_>>().join("_");
    ScenarioId::new(&slug)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_slugs() {
        assert_eq!(slug("  T-Bar Row (Chest) ").unwrap().0, "t_bar_row_chest");
        assert_eq!(slug("!!"), None);
    }
}
