//! What a routine may hold, how many of them are free, and how share codes come about.

use std::collections::HashSet;

use serde_json::Value;

use super::wire::RoutineScenario;
use crate::error::{Error, FieldError, Problem, Result};
use crate::ids::ScenarioId;
use crate::schema::{At, Input, Raw};

/// Routines of their own that a lifter may have without paying.
pub const FREE_ROUTINES: i64 = 3;

/// Characters of a share code: 41 bits, so that trying codes out finds nothing.
pub const CODE_LENGTH: usize = 8;

/// What share codes are made of.
const CODE_LETTERS: &[u8; 36] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// An exercise that a routine is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// The exercise.
    pub scenario_id: ScenarioId,
    /// Sets.
    pub sets: i32,
    /// Repetitions in a set.
    pub reps: i32,
}

/// Whether a lifter with so many routines may have one more.
///
/// # Errors
/// `RoutineLimitReached`, which clients know the words of.
pub fn check_limit(is_free: bool, routines: i64) -> Result<()> {
    if is_free && routines >= FREE_ROUTINES { Err(Error::new(Problem::RoutineLimitReached)) } else { Ok(()) }
}

/// Whether each exercise stands there once.
///
/// # Errors
/// 422 with every place of an exercise that stood there before.
pub fn check_repeated(planned: &[Planned]) -> Result<()> {
    let mut seen = HashSet::new();
    check_each(planned, "repeated", "stand once in a routine", |planned| seen.insert(&planned.scenario_id))
}

/// Whether there are all of the exercises.
///
/// # Errors
/// 422 with every place of one that there is not.
pub fn check_known(planned: &[Planned], known: &HashSet<ScenarioId>) -> Result<()> {
    check_each(planned, "unknown", "be an exercise that there is", |planned| known.contains(&planned.scenario_id))
}

fn check_each<'p>(
    planned: &'p [Planned],
    code: &'static str,
    must: &str,
    mut is_good: impl FnMut(&'p Planned) -> bool,
) -> Result<()> {
    let bad = planned.iter().enumerate().filter(|(_, planned)| !is_good(planned));
    let errors = bad.map(|(index, _)| FieldError {
        pointer: format!("/scenarios/{index}/scenario_id"),
        code,
        detail: format!("scenario_id must {must}"),
    });
    let errors: Vec<FieldError> = errors.collect();
    if errors.is_empty() { Ok(()) } else { Err(Error::invalid(errors)) }
}

/// The exercises in stored JSON, whatever it is: shared routines of the earlier server may lack names and numbers, or be no
/// list at all. What names no exercise is left out, and what names one again.
#[must_use]
pub fn read_scenarios(stored: &str) -> Vec<RoutineScenario> {
    let Ok(Value::Array(elements)) = serde_json::from_str(stored) else { return Vec::new() };
    let mut seen = HashSet::new();
    let read = elements.iter().filter_map(read_scenario);
    read.filter(|scenario| seen.insert(scenario.scenario_id.clone())).collect()
}

fn read_scenario(element: &Value) -> Option<RoutineScenario> {
    let number = |key| element.get(key).and_then(|value| Raw::Json(value).integer()).unwrap_or_default();
    let whole = |key| i32::try_from(number(key)).unwrap_or_default();
    let mut errors = Vec::new();
    let mut at = At::new(String::new(), "scenario_id", &mut errors);
    let scenario_id = ScenarioId::read(Raw::Json(element.get("scenario_id")?), &mut at)?;
    let name = element.get("name").and_then(Value::as_str).unwrap_or(&scenario_id.0).to_owned();
    Some(RoutineScenario { name, sets: whole("sets"), reps: whole("reps"), scenario_id })
}

/// What a shared routine plans, in today's bounds, without exercises that are gone since.
#[must_use]
pub fn import(shared: Vec<RoutineScenario>, known: &HashSet<ScenarioId>) -> Vec<Planned> {
    let there = shared.into_iter().filter(|scenario| known.contains(&scenario.scenario_id));
    let planned = there.map(|scenario| Planned {
        scenario_id: scenario.scenario_id,
        sets: scenario.sets.max(0),
        reps: scenario.reps.max(0),
    });
    planned.collect()
}

/// A code out of random bytes; `None` if too few of them can be used. Those at the end of a byte's range are passed over,
/// because they would make some letters likelier than others.
#[must_use]
pub fn share_code(random: &[u8]) -> Option<String> {
    let letters = CODE_LETTERS.len();
    let even = u8::MAX as usize / letters * letters;
    let usable = random.iter().map(|byte| usize::from(*byte)).filter(|byte| *byte < even);
    let code: String =
        usable.filter_map(|byte| CODE_LETTERS.get(byte % letters).copied().map(char::from)).take(CODE_LENGTH).collect();
    (code.len() == CODE_LENGTH).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn read(stored: &str) -> Vec<(String, String, i32, i32)> {
        let scenarios = read_scenarios(stored).into_iter();
        scenarios.map(|scenario| (scenario.scenario_id.0, scenario.name, scenario.sets, scenario.reps)).collect()
    }

    #[test]
    fn stored_exercises_are_read_whatever_they_lack() {
        let row = |id: &str, name: &str, sets, reps| (id.to_owned(), name.to_owned(), sets, reps);
        assert_eq!(read(r#"[{"scenario_id":"a","name":"A","sets":3,"reps":8}]"#), [row("a", "A", 3, 8)]);
        assert_eq!(read(r#"[{"scenario_id":"a","name":null,"sets":"3","reps":8.0}]"#), [row("a", "a", 0, 8)]);
        assert_eq!(read(r#"[7,{},{"scenario_id":""},{"scenario_id":"a"},{"scenario_id":"a"}]"#), [row("a", "a", 0, 0)]);
        assert_eq!(read(r#"[{"scenario_id":"a\u0000"},{"scenario_id":"b","sets":1e18}]"#), [row("b", "b", 0, 0)]);
        for odd in ["{}", "null", "7", r#"["\ud800"]"#, "[1e999]", ""] {
            assert_eq!(read(odd), [], "{odd}");
        }
    }

    #[test]
    fn imports_keep_what_there_is_within_the_bounds() {
        let known = HashSet::from([ScenarioId("a".to_owned())]);
        let shared = read_scenarios(r#"[{"scenario_id":"gone"},{"scenario_id":"a","sets":-1,"reps":99999}]"#);
        let planned = Planned { scenario_id: ScenarioId("a".to_owned()), sets: 0, reps: 99_999 };
        assert_eq!(import(shared, &known), [planned]);
    }

    #[test]
    fn three_routines_are_free() {
        assert!(check_limit(true, 2).is_ok() && check_limit(false, 100).is_ok());
        let refused = check_limit(true, 3).unwrap_err();
        assert_eq!(refused.detail(), "Free users are limited to 3 custom routines. Upgrade to create more.");
    }

    #[test]
    fn every_letter_of_a_code_is_as_likely_as_another() {
        let mut counts = BTreeMap::new();
        for byte in 0..=u8::MAX {
            for letter in share_code(&[byte; CODE_LENGTH]).unwrap_or_default().chars() {
                *counts.entry(letter).or_insert(0) += 1;
            }
        }
        assert_eq!(counts.len(), 36);
        assert!(counts.values().all(|count| *count == 7 * CODE_LENGTH), "{counts:?}");
        assert_eq!(share_code(&[0, 25, 26, 35, 252, 255, 36, 71, 0, 1]).as_deref(), Some("AZ09A9AB"));
        assert_eq!(share_code(&[0; CODE_LENGTH - 1]), None);
    }
}
