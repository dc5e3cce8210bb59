//! Making a routine: one transaction under the lifter's lock, so that the free limit holds whoever comes at the same time.

use super::rules::{Planned, check_known, check_limit};
use super::sql::{self, RoutineRow};
use crate::db::Tx;
use crate::domain::{scenarios, users};
use crate::error::{Noun, Or404, Result};
use crate::ids::{RoutineId, ScenarioId, UserId};
use crate::time::Timestamp;

/// A routine that is to be made.
pub struct Plan {
    /// Its name.
    pub name: String,
    /// The stored key of its picture.
    pub image_key: Option<String>,
    /// Its exercises, each once, all of them known.
    pub scenarios: Vec<Planned>,
}

/// Makes the routine, with the lifter locked.
///
/// # Errors
/// 401 if the account is gone, 403 if it may have no more routines.
pub async fn add(tx: &Tx, user: UserId, plan: &Plan, now: Timestamp) -> Result<RoutineRow> {
    let (is_free, own) = tokio::try_join!(biased; users::is_free(tx, user), sql::count_own(tx, user))?;
    check_limit(is_free, own.routines)?;
    let id = RoutineId(uuid::Uuid::new_v4());
    let (_, _, row) = tokio::try_join!(
        biased;
        sql::insert_routine(tx, id, &plan.name, plan.image_key.as_deref(), user, now),
        insert_scenarios(tx, id, &plan.scenarios),
        sql::get_routine(tx, id, user),
    )?;
    row.or_404(Noun::Routine)
}

/// Makes sure that all planned exercises are in the catalogue.
///
/// # Errors
/// 422 with the place of each one that is not.
pub async fn check_there(tx: &Tx, planned: &[Planned]) -> Result<()> {
    check_known(planned, &scenarios::known(tx, &ids(planned)).await?)
}

/// Gives a routine its exercises.
///
/// # Errors
/// As its statement.
pub async fn insert_scenarios(tx: &Tx, id: RoutineId, planned: &[Planned]) -> Result<u64> {
    let sets: Vec<i32> = planned.iter().map(|planned| planned.sets).collect();
    let reps: Vec<i32> = planned.iter().map(|planned| planned.reps).collect();
    sql::insert_scenarios(tx, id, &ids(planned), &sets, &reps).await
}

fn ids(planned: &[Planned]) -> Vec<ScenarioId> {
    planned.iter().map(|planned| planned.scenario_id.clone()).collect()
}
