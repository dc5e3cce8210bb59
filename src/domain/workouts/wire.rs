//! Workouts on the wire.

use super::sql::WorkoutRow;
use crate::http::page::{HISTORY_LIMIT_DEFAULT, HistoryLimit};
use crate::ids::{RoutineId, ScenarioId, UserId};
use crate::schema::{List, Text};
use crate::time::Timestamp;
use crate::{input, integer, number, output};

/// Exercises of a workout: nearly as many as there are, so that a list without end is refused.
pub const EXERCISES_MAX: usize = 200;

number! { /// Minutes, up to a year: a clock that was forgotten still makes a workout.
pub struct Minutes in 0.0..=525600.0; }
integer! { /// Sets of an exercise.
pub struct DoneSets = i32, 0..=10000; }
integer! { /// Repetitions of an exercise.
pub struct DoneReps = i32, 0..=1000000; }
number! { /// Load in kilograms.
pub struct LoadKg in 0.0..=10000.0; }
number! { /// Load lifted in all, in kilograms.
pub struct VolumeKg in 0.0..=1000000000.0; }

input! { /// What was done of an exercise.
pub struct NewExercise {
    /// The exercise.
    scenario_id: ScenarioId,
    /// Sets.
    sets: DoneSets,
    /// Repetitions.
    reps: DoneReps,
    /// Load in kilograms.
    weight: LoadKg,
    /// Load lifted in all, in kilograms.
    total_volume: VolumeKg,
} }

input! { /// A workout to log. A `user_id` that is sent is ignored.
pub struct NewWorkout {
    /// The routine that it followed.
    routine_id: Option<RoutineId>,
    /// Minutes.
    duration: Minutes,
    /// When it ended; without an offset, in UTC.
    completion_timestamp: Timestamp,
    /// The client's word for how it ended.
    status: Text<1, 64>,
    /// What was done, in order.
    scenario_submissions: List<NewExercise, EXERCISES_MAX>,
} }

input! { /// Which part of a history of workouts.
pub struct WorkoutsQuery {
    /// Workouts, and those that ended at the same instant as the last of them; 1,000 if absent.
    limit: Option<HistoryLimit>,
    /// An instant: workouts that ended before it are listed.
    before: Option<Timestamp>,
} }

impl WorkoutsQuery {
    /// Workouts to list.
    #[must_use]
    pub fn limit(&self) -> i64 {
        self.limit.map_or(HISTORY_LIMIT_DEFAULT, |limit| limit.0)
    }
}

output! { /// What was done of an exercise.
pub struct Exercise {
    /// The exercise.
    scenario_id: ScenarioId,
    /// Sets.
    sets: i32,
    /// Repetitions.
    reps: i32,
    /// Load in kilograms.
    weight: f64,
    /// Load lifted in all, in kilograms.
    total_volume: f64,
} }

output! { /// A logged workout.
pub struct Workout {
    /// The routine that it followed, if it is still there.
    routine_id: Option<RoutineId>,
    /// Whose it is.
    user_id: UserId,
    /// The routine's name, or what it was like.
    title: String,
    /// Minutes.
    duration: f64,
    /// When it ended.
    completion_timestamp: Timestamp,
    /// The client's word for how it ended.
    status: String,
    /// What was done, in order.
    scenario_submissions: Vec<Exercise>,
} }

impl Workout {
    /// What was sent, as it was stored.
    #[must_use]
    pub fn stored(new: &NewWorkout, user_id: UserId, title: String) -> Self {
        let exercises = new.scenario_submissions.0.iter();
        Self {
            routine_id: new.routine_id,
            user_id,
            title,
            duration: new.duration.0,
            completion_timestamp: new.completion_timestamp,
            status: new.status.0.clone(),
            scenario_submissions: exercises
                .map(|done| Exercise {
                    scenario_id: done.scenario_id.clone(),
                    sets: done.sets.0,
                    reps: done.reps.0,
                    weight: done.weight.0,
                    total_volume: done.total_volume.0,
                })
                .collect(),
        }
    }

    /// The workouts of these rows, which are ordered by workout.
    #[must_use]
    pub fn gathered(rows: Vec<WorkoutRow>) -> Vec<Self> {
        let mut gathered: Vec<Self> = Vec::new();
        let mut last = None;
        for row in rows {
            let exercise = exercise(&row);
            if last == Some(row.id) {
                gathered
                    .last_mut()
                    .into_iter()
                    .for_each(|workout| workout.scenario_submissions.extend(exercise.clone()));
                continue;
            }
            last = Some(row.id);
            gathered.push(Self {
                routine_id: row.routine_id,
                user_id: row.user_id,
                title: row.title,
                duration: row.duration,
                completion_timestamp: row.completion_timestamp,
                status: row.status,
                scenario_submissions: exercise.into_iter().collect(),
            });
        }
        gathered
    }
}

fn exercise(row: &WorkoutRow) -> Option<Exercise> {
    Some(Exercise {
        scenario_id: row.scenario_id.clone()?,
        sets: row.sets.unwrap_or_default(),
        reps: row.reps.unwrap_or_default(),
        weight: row.weight.unwrap_or_default(),
        total_volume: row.total_volume.unwrap_or_default(),
    })
}
