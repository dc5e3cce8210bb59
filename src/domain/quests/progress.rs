//! How quests come further: what a lifter did within a cycle is counted anew each time, so that it does not matter how often, in
//! which order, or after which accident it is counted.

use super::rules::{self, Availability, Deeds, LONG_SESSION_MINUTES, Span, Status};
use super::sql::{self, OpenRow, TemplateRow};
use crate::config::LevelConfig;
use crate::db::Tx;
use crate::domain::levels::{self, Award, Grant};
use crate::error::Result;
use crate::ids::{QuestId, UserId};
use crate::time::Timestamp;

/// A session that counts: its day notes it, and the quests of its cycles come further. A lifter who is gone has none.
///
/// # Errors
/// As its statements.
pub async fn count_session(
    tx: &Tx,
    user: UserId,
    completed_at: Timestamp,
    minutes: f64,
    curve: &LevelConfig,
    now: Timestamp,
) -> Result<()> {
    if !levels::lock(tx, user).await? {
        return Ok(());
    }
    let minutes = rules::whole_minutes(minutes);
    let day = completed_at.midnight();
    sql::upsert_day(tx, user, day, minutes, minutes >= LONG_SESSION_MINUTES, now).await?;
    advance(tx, user, completed_at, now, curve).await
}

/// The templates that can be had at this instant, with their cycles.
pub fn due_cycles(templates: &[TemplateRow], at: Timestamp) -> impl Iterator<Item = (&TemplateRow, Span)> {
    templates.iter().filter_map(move |template| {
        let available = Availability { from: template.available_from, until: template.expires_at };
        Some((template, rules::cycle(&template.cadence, available, template.created_at, at)?))
    })
}

/// Gives a lifter, who is locked, the quests of the cycles around `at`, and brings each as far as what was done within its cycle.
///
/// # Errors
/// As its statements.
pub async fn advance(tx: &Tx, user: UserId, at: Timestamp, now: Timestamp, curve: &LevelConfig) -> Result<()> {
    let templates = sql::list_templates(tx).await?;
    let due: Vec<_> = due_cycles(&templates, at).collect();
    let ids: Vec<_> = due.iter().map(|(template, _)| template.id).collect();
    let required: Vec<i32> = due.iter().map(|(template, _)| template.target_value).collect();
    let starts: Vec<_> = due.iter().map(|(_, cycle)| cycle.start).collect();
    let ends: Vec<_> = due.iter().map(|(_, cycle)| cycle.end).collect();
    let (_, open, total) = tokio::try_join!(
        biased;
        sql::insert_quests(tx, user, &ids, &required, &starts, &ends, now),
        sql::list_open(tx, user, at),
        levels::total(tx, user),
    )?;
    let (mut awards, mut total_then) = (Vec::new(), total);
    for quest in &open {
        let Some(step) = step(quest) else { continue };
        let completed_at = matches!(step.status, Status::Completed | Status::Claimed).then_some(at.min(now));
        let claimed_at = (step.status == Status::Claimed).then_some(now);
        sql::update_progress(tx, quest.id, step.status.name(), step.progress, completed_at, claimed_at, now).await?;
        if let Some(award) = claimed_at.and_then(|_| reward(quest.id, quest.reward_xp, total_then)) {
            total_then += award.amount;
            awards.push(award);
        }
    }
    levels::grant(tx, Grant { user, total_before: total, awards: &awards }, curve, now).await?;
    Ok(())
}

/// How far a quest comes.
struct Step {
    status: Status,
    progress: i32,
}

/// The step a quest takes, if it takes one. Nothing goes back, and what is expired wakes up only by being completed.
fn step(quest: &OpenRow) -> Option<Step> {
    let deeds = Deeds {
        workouts: quest.workouts,
        minutes: quest.minutes,
        longest_session: quest.longest_session,
        long_session_days: quest.long_session_days,
    };
    let progress = rules::progress(&quest.code, &quest.metric, &deeds, quest.required_value).max(quest.progress_value);
    let status = match (progress >= quest.required_value, quest.auto_claim) {
        (true, true) => Status::Claimed,
        (true, false) => Status::Completed,
        (false, _) => Status::of(&quest.status),
    };
    let changes = progress != quest.progress_value || status != Status::of(&quest.status);
    changes.then_some(Step { status, progress })
}

/// The reward of a quest, as far as the lifter's total can hold it.
#[must_use]
pub fn reward(quest: QuestId, reward_xp: i32, total: i32) -> Option<Award> {
    let amount = reward_xp.min(i32::MAX - total.max(0));
    (amount > 0).then(|| Award::from_source(amount, "quest", quest))
}

#[cfg(test)]
mod properties;
