//! Recording a lift: score, personal best, experience points and energy in one transaction of three round trips. One begins
//! it, locks the lifter and reads what the rules need, one writes what they decide, one commits. What shares a round trip is
//! sent together and runs in the order it stands in, so everything after the lock sees what the last holder of it wrote.

use crate::app::App;
use crate::db::Tx;
use crate::domain::auth::Caller;
use crate::domain::levels::Award;
use crate::domain::{energy, levels, users};
use crate::error::{Noun, Or404, Result};
use crate::ids::{ScenarioId, ScoreId, UserId};
use crate::time::Timestamp;

use super::rules::{Lift, PERSONAL_BEST_XP, is_personal_best, score_value, volume_xp};
use super::sql::{self, GroundRow, Score};

/// What recording a lift changed.
pub struct Recorded {
    /// The new score.
    pub score: Score,
    /// Whether it is a personal best.
    pub is_personal_best: bool,
    /// What it was recorded on, the best before it among the rest.
    pub ground: GroundRow,
}

/// Records a lift, in this transaction.
///
/// # Errors
/// 401 if the account is gone, 404 if there is no such exercise.
pub async fn record(tx: Tx, app: &App, caller: Caller, scenario_id: &ScenarioId, lift: Lift) -> Result<Recorded> {
    let (tx, user) = (&tx, caller.user);
    let (lock, ground) = (users::lock(tx, caller), sql::get_ground(tx, user, scenario_id));
    let ((), ground) = tokio::try_join!(biased; lock, ground)?;
    let ground = ground.or_404(Noun::Scenario)?;
    let now = app.clock.now();
    let value = score_value(lift, ground.is_bodyweight);
    let is_personal_best = is_personal_best(value, ground.best_value);
    let score = score_row(ground.score_id, user, scenario_id, lift, value, ground.is_bodyweight, now);
    let volume = volume_xp(lift, ground.is_bodyweight, ground.volume_multiplier, ground.weight);
    let (xp, basis) = (ground.total_xp, ground.basis());
    let awards = awards(score.id, volume, is_personal_best, xp);
    let bests = basis.bests().with(&scenario_id.0, value);

    tokio::try_join!(
        biased;
        insert_score(tx, &score),
        async { if is_personal_best { insert_event(tx, &score).await } else { Ok(0) } },
        energy::store(tx, user, &basis, bests, now),
        levels::grant(tx, user, xp, &awards, &app.config.levels, now),
    )?;
    Ok(Recorded { score, is_personal_best, ground })
}

fn score_row(
    id: ScoreId,
    user_id: UserId,
    scenario_id: &ScenarioId,
    lift: Lift,
    score_value: f64,
    is_bodyweight: bool,
    created_at: Timestamp,
) -> Score {
    Score {
        id,
        user_id,
        scenario_id: scenario_id.clone(),
        weight_lifted: lift.weight_kg,
        score_value,
        is_bodyweight,
        created_at,
        sets: lift.sets,
        reps: lift.reps,
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

async fn insert_score(tx: &Tx, score: &Score) -> Result<u64> {
    sql::insert_score(
        tx,
        score.id,
        score.user_id,
        &score.scenario_id,
        score.score_value,
        score.weight_lifted,
        score.reps,
        score.sets,
        score.created_at,
        score.is_bodyweight,
    )
    .await
}

async fn insert_event(tx: &Tx, score: &Score) -> Result<u64> {
    sql::insert_event(
        tx,
        score.user_id,
        &score.scenario_id,
        score.score_value,
        score.weight_lifted,
        score.reps,
        score.is_bodyweight,
        score.created_at,
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
