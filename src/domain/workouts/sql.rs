//! Statements about workouts.

use crate::ids::{RoutineId, ScenarioId, UserId, WorkoutId};
use crate::time::Timestamp;
use crate::{row, statements};

row! { /// A routine's name.
pub struct RoutineRow {
    name: String,
} }

row! { /// An exercise that there is.
pub struct MuscleRow {
    id: ScenarioId,
    muscle: Option<String>,
} }

row! { /// The title of a workout.
pub struct TitleRow {
    title: String,
} }

row! { /// A workout with one of its exercises, if it has any.
pub struct WorkoutRow {
    /// Its id.
    id: WorkoutId,
    /// The routine that it followed.
    routine_id: Option<RoutineId>,
    /// Whose it is.
    user_id: UserId,
    /// Minutes.
    duration: f64,
    /// When it ended.
    completion_timestamp: Timestamp,
    /// The client's word.
    status: String,
    /// Its title.
    title: String,
    /// The exercise.
    scenario_id: Option<ScenarioId>,
    /// Sets.
    sets: Option<i32>,
    /// Repetitions.
    reps: Option<i32>,
    /// Kilograms.
    weight: Option<f64>,
    /// Kilograms in all.
    total_volume: Option<f64>,
} }

row! { /// A workout as quests see it.
pub struct CountableRow {
    user_id: UserId,
    duration: f64,
    completion_timestamp: Timestamp,
} }

statements! {
    /// The name of a routine that a lifter may train by.
    pooled fn get_routine_name(id: RoutineId, user: UserId) -> opt RoutineRow = "workouts/get_routine_name";
    /// Those of these exercises that there are, each with a muscle.
    pooled fn list_muscles(ids: &[ScenarioId]) -> many MuscleRow = "workouts/list_muscles";
    /// The title under which the same workout was stored before.
    pooled fn get_title(user: UserId, fingerprint: &[u8]) -> opt TitleRow = "workouts/get_title";
    /// Stores one, without exercises.
    pooled fn insert_workout(
        id: WorkoutId, routine: Option<RoutineId>, user: UserId, duration_minutes: f64, completed_at: Timestamp, status: &str,
        title: &str, fingerprint: &[u8], counts_for_quests: bool,
    ) -> exec = "workouts/insert_workout";
    /// Gives one its exercises, in this order.
    pooled fn insert_exercises(
        id: WorkoutId, scenarios: &[ScenarioId], sets: &[i32], reps: &[i32], weights_kg: &[f64], volumes_kg: &[f64],
    ) -> exec = "workouts/insert_exercises";
    /// A lifter's, newest first, a row for each exercise.
    pooled fn list_workouts(user: UserId, limit: i64, before: Option<Timestamp>) -> many WorkoutRow = "workouts/list_workouts";
    /// One that quests count.
    pooled fn get_countable(id: WorkoutId) -> opt CountableRow = "workouts/get_countable";
}
