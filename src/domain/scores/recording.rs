//! Recording lifts: scores, personal bests, experience points and energies in one transaction of three round trips. One begins
//! it, locks the lifters and reads what the rules need, one writes what they decide, one commits. What shares a round trip is
//! sent together and runs in the order it stands in, so everything after the lock sees what the last holder of it wrote.

use std::collections::HashMap;

use crate::app::App;
use crate::db::Tx;
use crate::db::statement::column;
use crate::domain::auth::Caller;
use crate::domain::levels::{Award, Grant};
use crate::domain::{energy, levels, users};
use crate::error::{Noun, Or404, Result};
use crate::ids::{ScenarioId, ScoreId};
use crate::time::Timestamp;

use super::rules::{Lift, PERSONAL_BEST_XP, is_personal_best, score_value, volume_xp};
use super::sql::{self, GroundRow, Score};

/// A lift that somebody wants recorded.
#[derive(Clone)]
pub struct NewLift {
    /// The lifter.
    pub caller: Caller,
    /// The exercise.
    pub scenario_id: ScenarioId,
    /// What was lifted.
    pub lift: Lift,
}

/// What recording a lift changed.
pub struct Recorded {
    /// The new score.
    pub score: Score,
    /// Whether it is a personal best.
    pub is_personal_best: bool,
    /// What it was recorded on, the best before it among the rest.
    pub ground: GroundRow,
    awards: Vec<Award>,
}

/// Records a lift, in this transaction.
///
/// # Errors
/// 401 if the account is gone, 404 if there is no such exercise.
pub async fn record(tx: Tx, app: &App, new: &NewLift) -> Result<Recorded> {
    let lifts = std::slice::from_ref(new);
    let ((), mut grounds) = tokio::try_join!(biased; users::lock(&tx, new.caller), grounds(&tx, lifts))?;
    let ground = grounds.pop().flatten().or_404(Noun::Scenario)?;
    let recorded = Recorded::new(new, ground, app.clock.now());
    write(&tx, app, &[&recorded]).await?;
    Ok(recorded)
}

/// What each of these is recorded on; nothing where there is no such exercise. Read it after the lifters have been locked.
///
/// # Errors
/// As its statement.
pub async fn grounds(tx: &Tx, lifts: &[NewLift]) -> Result<Vec<Option<GroundRow>>> {
    let users = column(lifts, |new| new.caller.user);
    let scenarios: Vec<&ScenarioId> = lifts.iter().map(|new| &new.scenario_id).collect();
    let mut grounds: HashMap<i64, GroundRow> =
        sql::list_grounds(tx, &users, &scenarios).await?.into_iter().map(|ground| (ground.asked, ground)).collect();
    Ok((1..).zip(lifts).map(|(asked, _)| grounds.remove(&asked)).collect())
}

/// Writes what these change, in this transaction; no lifter is there twice.
///
/// # Errors
/// As its statements.
pub async fn write(tx: &Tx, app: &App, all: &[&Recorded]) -> Result<()> {
    let Some(now) = all.first().map(|recorded| recorded.score.created_at) else { return Ok(()) };
    let changes: Vec<_> = all.iter().filter_map(|recorded| recorded.change()).collect();
    let grants = column(all, |recorded| recorded.grant());
    tokio::try_join!(
        biased;
        insert_scores(tx, all, now),
        insert_events(tx, all, now),
        energy::store(tx, &changes, now),
        levels::grant_all(tx, &grants, &app.config.levels, now),
    )?;
    Ok(())
}

impl Recorded {
    /// The lift as it will have been recorded at this time.
    #[must_use]
    pub fn new(new: &NewLift, ground: GroundRow, now: Timestamp) -> Self {
        let (lift, is_bodyweight) = (new.lift, ground.is_bodyweight);
        let score_value = score_value(lift, is_bodyweight);
        let is_personal_best = is_personal_best(score_value, ground.best_value);
        let volume = volume_xp(lift, is_bodyweight, ground.volume_multiplier, ground.weight);
        let score = Score {
            id: ground.score_id,
            user_id: new.caller.user,
            scenario_id: new.scenario_id.clone(),
            weight_lifted: lift.weight_kg,
            score_value,
            is_bodyweight,
            created_at: now,
            sets: lift.sets,
            reps: lift.reps,
        };
        let awards = awards(score.id, volume, is_personal_best, ground.total_xp);
        Self { score, is_personal_best, ground, awards }
    }

    fn change(&self) -> Option<energy::Change> {
        let (basis, score) = (self.ground.basis(), &self.score);
        energy::change(score.user_id, &basis, basis.bests().with(&score.scenario_id.0, score.score_value))
    }

    fn grant(&self) -> Grant<'_> {
        Grant { user: self.score.user_id, total_before: self.ground.total_xp, awards: &self.awards }
    }
}

/// The awards a score brings, as far as the lifter's total can hold them.
fn awards(score: ScoreId, volume: Option<i32>, is_personal_best: bool, total: i32) -> Vec<Award> {
    let best = is_personal_best.then_some(PERSONAL_BEST_XP);
    let mut room = i32::MAX - total.max(0);
    [("score_volume", volume), ("score_pr", best)]
        .into_iter()
        .filter_map(|(source, amount)| {
            let amount = amount?.min(room);
            room -= amount;
            (amount > 0).then(|| Award::from_source(amount, source, score))
        })
        .collect()
}

async fn insert_scores(tx: &Tx, all: &[&Recorded], now: Timestamp) -> Result<u64> {
    let scores = column(all, |recorded| &recorded.score);
    sql::insert_scores(
        tx,
        &column(&scores, |score| score.id),
        &column(&scores, |score| score.user_id),
        &column(&scores, |score| &score.scenario_id),
        &column(&scores, |score| score.score_value),
        &column(&scores, |score| score.weight_lifted),
        &column(&scores, |score| score.reps),
        &column(&scores, |score| score.sets),
        &column(&scores, |score| score.is_bodyweight),
        now,
    )
    .await
}

async fn insert_events(tx: &Tx, all: &[&Recorded], now: Timestamp) -> Result<u64> {
    let bests = all.iter().filter(|recorded| recorded.is_personal_best).map(|recorded| &recorded.score);
    let bests: Vec<&Score> = bests.collect();
    if bests.is_empty() {
        return Ok(0);
    }
    sql::insert_events(
        tx,
        &column(&bests, |score| score.user_id),
        &column(&bests, |score| &score.scenario_id),
        &column(&bests, |score| score.score_value),
        &column(&bests, |score| score.weight_lifted),
        &column(&bests, |score| score.reps),
        &column(&bests, |score| score.is_bodyweight),
        now,
    )
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amounts(volume: Option<i32>, is_personal_best: bool, total: i32) -> Vec<(i32, Option<String>)> {
        let awards = awards(ScoreId(7), volume, is_personal_best, total);
        awards.into_iter().map(|award| (award.amount, award.source_type)).collect()
    }

    #[test]
    fn awards_fit_into_what_the_total_can_hold() {
        let (volume, best) = (Some("score_volume".to_owned()), Some("score_pr".to_owned()));
        assert_eq!(amounts(Some(5), true, 0), [(5, volume.clone()), (10, best.clone())]);
        assert_eq!(amounts(None, true, 0), [(10, best)]);
        assert_eq!(amounts(Some(5), true, i32::MAX - 3), [(3, volume)]);
        assert_eq!(amounts(None, false, 0), []);
    }
}
