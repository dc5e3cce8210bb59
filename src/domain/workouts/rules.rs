//! What a workout is called, whether quests count it, and how it is known again. Pure.

use std::collections::HashMap;

use aws_lc_rs::digest::{Context, SHA256};

use super::wire::NewWorkout;
use crate::error::{Error, Problem, Result};
use crate::ids::ScenarioId;
use crate::time::Timestamp;

/// A workout that was completed longer ago counts for no quest.
const AGE_MAX_S: i64 = 7 * 24 * 3600;
/// One that ends further ahead of our clock does not either: phones' clocks differ, but not by more.
const AHEAD_MAX_S: i64 = 10 * 60;

/// Whether quests count a workout that the client says was completed then.
#[must_use]
pub fn counts_for_quests(completed_at: Timestamp, now: Timestamp) -> bool {
    (now.minus_s(AGE_MAX_S)..=now.plus_s(AHEAD_MAX_S)).contains(&completed_at)
}

/// The title of a workout without a routine, by the UTC hour and the first muscle that it trained.
#[must_use]
pub fn title(hour: u8, muscle: Option<&str>) -> String {
    let time = match hour {
        5..12 => "Morning",
        12..17 => "Afternoon",
        17..21 => "Evening",
        _ => "Night",
    };
    muscle.map_or_else(|| format!("{time} Workout"), |muscle| format!("{time} {muscle} Workout"))
}

/// The first primary muscle of the first exercise that has one.
///
/// # Errors
/// `UnknownScenario` if an exercise is not among those that there are.
pub fn first_muscle<'m>(
    done: &NewWorkout,
    muscles: &'m HashMap<ScenarioId, Option<String>>,
) -> Result<Option<&'m str>> {
    let mut first = None;
    for exercise in &done.scenario_submissions.0 {
        let muscle = muscles.get(&exercise.scenario_id).ok_or_else(|| Error::new(Problem::UnknownScenario))?;
        first = first.or(muscle.as_deref());
    }
    Ok(first)
}

/// What is the same for the same workout, and for no other: the digest of everything that was sent. Two phones that send one
/// workout, or one phone that sends it twice, agree to the microsecond on when it ended.
#[must_use]
pub fn fingerprint(workout: &NewWorkout) -> Vec<u8> {
    let mut digest = Context::new(&SHA256);
    let mut add = |bytes: &[u8]| {
        digest.update(&u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
        digest.update(bytes);
    };
    add(workout.routine_id.as_ref().map_or(&[][..], |id| id.0.as_bytes()));
    add(&workout.duration.0.to_be_bytes());
    add(&(workout.completion_timestamp.0.unix_timestamp_nanos() / 1000).to_be_bytes());
    add(workout.status.0.as_bytes());
    for done in &workout.scenario_submissions.0 {
        add(done.scenario_id.0.as_bytes());
        add(&done.sets.0.to_be_bytes());
        add(&done.reps.0.to_be_bytes());
        add(&done.weight.0.to_be_bytes());
        add(&done.total_volume.0.to_be_bytes());
    }
    digest.finish().as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::InputObject;
    use serde_json::{Value, json};

    #[test]
    fn titles_follow_the_hour_and_the_muscle() {
        let cases = [
            (0, "Night"),
            (4, "Night"),
            (5, "Morning"),
            (11, "Morning"),
            (12, "Afternoon"),
            (16, "Afternoon"),
            (17, "Evening"),
            (20, "Evening"),
            (21, "Night"),
            (23, "Night"),
        ];
        for (hour, time) in cases {
            assert_eq!(title(hour, None), format!("{time} Workout"));
            assert_eq!(title(hour, Some("Chest")), format!("{time} Chest Workout"));
        }
    }

    #[test]
    fn workouts_count_from_a_week_ago_to_ten_minutes_ahead() {
        let now = Timestamp::EPOCH.plus_s(1_800_000_000);
        let cases = [(0, true), (600, true), (601, false), (-604_800, true), (-604_801, false)];
        for (seconds, counts) in cases {
            assert_eq!(counts_for_quests(now.plus_s(seconds), now), counts, "{seconds}");
        }
    }

    fn workout(change: impl Fn(&mut Value)) -> NewWorkout {
        let mut sent = json!({
            "duration": 45, "completion_timestamp": "2026-11-21T09:00:00Z", "status": "completed",
            "scenario_submissions": [
                { "scenario_id": "back_squat", "sets": 3, "reps": 8, "weight": 100, "total_volume": 2400 },
                { "scenario_id": "deadlift", "sets": 1, "reps": 5, "weight": 150, "total_volume": 750 },
            ],
        });
        change(&mut sent);
        NewWorkout::from_fields(sent.as_object().unwrap(), "").unwrap()
    }

    #[test]
    fn a_workout_is_known_by_everything_that_was_sent() {
        let one = fingerprint(&workout(|_| {}));
        assert_eq!(
            one,
            fingerprint(&workout(|sent| sent["completion_timestamp"] = json!("2026-11-21T10:00:00+01:00")))
        );
        assert_eq!(one, fingerprint(&workout(|sent| sent["extra"] = json!(1))));
        let others: [fn(&mut Value); 6] = [
            |sent| sent["duration"] = json!(45.5),
            |sent| sent["completion_timestamp"] = json!("2026-11-21T09:00:00.000001Z"),
            |sent| sent["status"] = json!("partial"),
            |sent| sent["routine_id"] = json!("00000000-0000-0000-0000-000000000000"),
            |sent| sent["scenario_submissions"][1]["reps"] = json!(6),
            |sent| sent["scenario_submissions"].as_array_mut().unwrap().reverse(),
        ];
        for (index, change) in others.into_iter().enumerate() {
            assert_ne!(one, fingerprint(&workout(change)), "{index}");
        }
    }

    #[test]
    fn the_muscle_is_the_first_that_an_exercise_has() {
        let id = |id: &str| ScenarioId(id.to_owned());
        let mut muscles = HashMap::from([(id("back_squat"), None), (id("deadlift"), Some("Back".to_owned()))]);
        assert_eq!(first_muscle(&workout(|_| {}), &muscles).unwrap(), Some("Back"));
        muscles.insert(id("back_squat"), Some("Legs".to_owned()));
        assert_eq!(first_muscle(&workout(|_| {}), &muscles).unwrap(), Some("Legs"));
        muscles.remove(&id("deadlift"));
        assert_eq!(first_muscle(&workout(|_| {}), &muscles).unwrap_err().problem(), Problem::UnknownScenario);
        assert_eq!(first_muscle(&workout(|sent| sent["scenario_submissions"] = json!([])), &muscles).unwrap(), None);
    }
}
