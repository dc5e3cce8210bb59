//! The workout routes, and what the worker does with a workout.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::json;
use uuid::Uuid;

use super::rules::{counts_for_quests, fingerprint, first_muscle, title};
use super::sql;
use super::wire::{NewWorkout, Workout, WorkoutsQuery};
use crate::app::App;
use crate::db::Tx;
use crate::domain::auth::{self, Caller, User};
use crate::domain::idempotency::Once;
use crate::domain::outbox::{self, Event, NewEvent, Settled, Topic};
use crate::domain::{quests, users};
use crate::error::{Error, Problem, Result};
use crate::http::{Created, Json, Made, Path, Query};
use crate::ids::{RoutineId, ScenarioId, UserId, WorkoutId};

pub async fn submit(
    app: Arc<App>,
    caller: Caller,
    Json(new): Json<NewWorkout>,
    once: Once,
) -> Result<Made<Created<Workout>>> {
    let submit = async |tx| submit_in(tx, &app, caller, &new).await;
    let kept = once.tx(&app, caller, |tx| async { Ok(Created(Workout::stored(&new, caller.user, submit(tx).await?))) });
    let kept = kept.await?;
    app.outbox_bell.notify_one();
    Ok(kept)
}

/// Stores a workout and leaves its event, in three round trips; answers its title. One that was stored before stays as it is.
async fn submit_in(tx: Tx, app: &App, caller: Caller, new: &NewWorkout) -> Result<String> {
    let (tx, user, fingerprint) = (&tx, caller.user, fingerprint(new));
    let exercises = &new.scenario_submissions.0;
    let scenarios: Vec<ScenarioId> = exercises.iter().map(|done| done.scenario_id.clone()).collect();
    let ((), before, routine, muscles) = tokio::try_join!(
        biased;
        users::lock(tx, caller),
        sql::get_title(tx, user, &fingerprint),
        routine_name(tx, new.routine_id, user),
        sql::list_muscles(tx, &scenarios),
    )?;
    if let Some(before) = before {
        return Ok(before.title); // also when its routine is gone since
    }
    if new.routine_id.is_some() && routine.is_none() {
        return Err(Error::new(Problem::UnknownRoutine));
    }
    let muscles: HashMap<_, _> = muscles.into_iter().map(|row| (row.id, row.muscle)).collect();
    let muscle = first_muscle(new, &muscles)?;
    let completed_at = new.completion_timestamp;
    let title = routine.unwrap_or_else(|| title(completed_at.utc_hour(), muscle));
    let (id, now) = (WorkoutId(Uuid::new_v4()), app.clock.now());
    let counts = counts_for_quests(completed_at, now);
    let minutes = new.duration.0;
    let key = id.to_string();
    let event = NewEvent {
        topic: Topic::WorkoutSubmitted,
        key: &key,
        aggregate: format!("user:{user}"),
        payload: json!({ "workout_id": id }),
    };
    tokio::try_join!(
        biased;
        sql::insert_workout(tx, id, new.routine_id, user, minutes, completed_at, &new.status.0, &title, &fingerprint, counts),
        insert_exercises(tx, id, &scenarios, new),
        outbox::publish(tx, &event, now),
    )?;
    Ok(title)
}

/// The name of the routine that the workout followed, if it followed one that is there.
async fn routine_name(tx: &Tx, routine: Option<RoutineId>, user: UserId) -> Result<Option<String>> {
    let Some(id) = routine else { return Ok(None) };
    Ok(sql::get_routine_name(tx, id, user).await?.map(|row| row.name))
}

async fn insert_exercises(tx: &Tx, id: WorkoutId, scenarios: &[ScenarioId], new: &NewWorkout) -> Result<u64> {
    let exercises = &new.scenario_submissions.0;
    let sets: Vec<i32> = exercises.iter().map(|done| done.sets.0).collect();
    let reps: Vec<i32> = exercises.iter().map(|done| done.reps.0).collect();
    let weights: Vec<f64> = exercises.iter().map(|done| done.weight.0).collect();
    let volumes: Vec<f64> = exercises.iter().map(|done| done.total_volume.0).collect();
    sql::insert_exercises(tx, id, scenarios, &sets, &reps, &weights, &volumes).await
}

pub async fn list(
    app: Arc<App>,
    _: User,
    Path((user,)): Path<(UserId,)>,
    Query(query): Query<WorkoutsQuery>,
) -> Result<Json<Vec<Workout>>> {
    let rows = sql::list_workouts(&app.db, user, query.limit(), query.before).await?;
    auth::known_if_empty(&app.db, user, rows.is_empty()).await?;
    Ok(Json(Workout::gathered(rows)))
}

/// Counts a workout for quests and settles its event, all in one transaction: whatever dies, it is counted once.
///
/// # Errors
/// As its statements.
pub async fn count(app: &App, event: &Event) -> Result<Settled> {
    let id = event.payload.get("workout_id").and_then(|id| Uuid::try_parse(id.as_str()?).ok());
    let id = id.map(WorkoutId).ok_or_else(|| Error::internal("the event names no workout"))?;
    app.db.tx(|tx| count_in(tx, app, id, event)).await
}

async fn count_in(tx: Tx, app: &App, id: WorkoutId, event: &Event) -> Result<Settled> {
    let now = app.clock.now();
    if let Some(workout) = sql::get_countable(&tx, id).await? {
        let (user, minutes) = (workout.user_id, workout.duration);
        quests::count_session(&tx, user, workout.completion_timestamp, minutes, &app.config.levels, now).await?;
    }
    outbox::complete(&tx, event, now).await
}
