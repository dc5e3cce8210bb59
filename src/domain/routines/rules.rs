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

#[cfg(test)]
mod properties {
    use super::*;
    use crate::property;
    use proptest::collection::{hash_set, vec};
    use proptest::prelude::*;
    use proptest::sample::select;
    use serde_json::json;

    /// Few different exercises, so that some come twice and some are not known.
    fn ids() -> impl Strategy<Value = ScenarioId> {
        "[a-f]".prop_map(ScenarioId)
    }

    fn planned() -> impl Strategy<Value = Vec<Planned>> {
        vec((ids(), 0..=i32::MAX, 0..=i32::MAX), 0..8).prop_map(|all| {
            all.into_iter().map(|(scenario_id, sets, reps)| Planned { scenario_id, sets, reps }).collect()
        })
    }

    /// The places that a check objects to.
    fn refused(outcome: Result<()>) -> Vec<String> {
        let Err(error) = outcome else { return Vec::new() };
        let document = error.document("/", "-");
        document["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|error| error["pointer"].as_str().unwrap().to_owned())
            .collect()
    }

    fn places(planned: &[Planned], is_bad: impl Fn(usize) -> bool) -> Vec<String> {
        let bad = (0..planned.len()).filter(|index| is_bad(*index));
        bad.map(|index| format!("/scenarios/{index}/scenario_id")).collect()
    }

    #[test]
    fn every_exercise_that_stood_there_before_is_told() {
        property::holds(planned(), |planned| {
            let again =
                |index: usize| planned[..index].iter().any(|earlier| earlier.scenario_id == planned[index].scenario_id);
            assert_eq!(refused(check_repeated(&planned)), places(&planned, again));
        });
    }

    #[test]
    fn every_exercise_that_there_is_not_is_told() {
        property::holds((planned(), hash_set(ids(), 0..6)), |(planned, known)| {
            let unknown = |index: usize| !known.contains(&planned[index].scenario_id);
            assert_eq!(refused(check_known(&planned, &known)), places(&planned, unknown));
        });
    }

    /// JSON of any shape with the names that stored exercises have.
    fn stored() -> impl Strategy<Value = Value> {
        let names = select(vec!["scenario_id", "name", "sets", "reps", "other"]).prop_map(str::to_owned);
        let leaves = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            prop::num::f64::NORMAL.prop_map(Value::from),
            "[a-c\u{0}]{0,2}".prop_map(Value::from),
        ];
        leaves.prop_recursive(3, 24, 6, move |inner| {
            let object = prop::collection::hash_map(names.clone(), inner.clone(), 0..5);
            prop_oneof![
                vec(inner, 0..6).prop_map(Value::from),
                object.prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    /// Lists of what may be exercises, some of which are the same.
    fn listed() -> impl Strategy<Value = Value> {
        let exercise = (ids(), any::<i32>(), stored());
        let exercise = exercise.prop_map(|(id, sets, reps)| json!({ "scenario_id": id.0, "sets": sets, "reps": reps }));
        vec(prop_oneof![3 => exercise, 1 => stored()], 0..8).prop_map(Value::from)
    }

    #[test]
    fn whatever_is_stored_reads_as_exercises_that_each_stand_once() {
        property::holds((prop_oneof![stored(), listed()], ".{0,20}"), |(stored, text)| {
            let read = read_scenarios(&stored.to_string());
            let distinct: HashSet<&ScenarioId> = read.iter().map(|scenario| &scenario.scenario_id).collect();
            assert_eq!(distinct.len(), read.len());
            assert!(distinct.iter().all(|id| ScenarioId::new(&id.0).as_ref() == Some(*id)));
            // What was read can be stored and reads the same.
            let again = read_scenarios(&serde_json::to_string(&read).unwrap());
            assert_eq!(json!(again), json!(read));
            assert!(read_scenarios(&text).is_empty());
        });
    }

    #[test]
    fn an_import_is_what_there_is_in_its_order_and_within_the_bounds() {
        let shared = vec((ids(), any::<i32>(), -5..1010), 0..8);
        property::holds((shared, hash_set(ids(), 0..6)), |(shared, known)| {
            let there: Vec<&ScenarioId> = shared.iter().map(|(id, ..)| id).filter(|id| known.contains(id)).collect();
            let shared = shared.iter().cloned().map(|(scenario_id, sets, reps)| RoutineScenario {
                name: scenario_id.0.clone(),
                scenario_id,
                sets,
                reps,
            });
            let shared: Vec<RoutineScenario> = shared.collect();
            let planned = import(shared.clone(), &known);
            assert_eq!(planned.iter().map(|planned| &planned.scenario_id).collect::<Vec<_>>(), there);
            for planned in &planned {
                assert!(planned.sets >= 0 && planned.reps >= 0, "{planned:?}");
                // What was within the bounds is there as it was.
                assert!(shared.iter().any(|shared| {
                    let kept = |shared: i32, planned| shared < 0 || shared == planned;
                    shared.scenario_id == planned.scenario_id
                        && kept(shared.sets, planned.sets)
                        && kept(shared.reps, planned.reps)
                }));
            }
        });
    }

    #[test]
    fn a_code_is_the_first_bytes_that_can_be_used() {
        property::holds((vec(any::<u8>(), 0..24), vec(any::<u8>(), 0..8)), |(random, more)| {
            let usable = random.iter().filter(|byte| **byte < 252).count();
            let code = share_code(&random);
            assert_eq!(code.is_some(), usable >= CODE_LENGTH);
            let Some(code) = code else { return };
            assert!(code.len() == 8 && code.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit()), "{code}");
            let of_usable: Vec<u8> = random.iter().copied().filter(|byte| *byte < 252).collect();
            assert_eq!(share_code(&of_usable).as_ref(), Some(&code));
            assert_eq!(share_code(&[random, more].concat()), Some(code));
        });
    }
}
