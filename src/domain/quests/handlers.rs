//! The quest routes.

use std::sync::Arc;

use super::progress::{advance, due_cycles, reward};
use super::rules::Status;
use super::sql::{self, QuestRow};
use super::wire::{Quest, QuestList};
use crate::app::App;
use crate::db::Tx;
use crate::domain::auth::{self, User};
use crate::domain::levels::{self, Grant};
use crate::error::{Error, Noun, Or404, Problem, Result};
use crate::http::{Json, Path};
use crate::ids::{QuestId, UserId};
use crate::time::Timestamp;

/// Quests that are over and done with are shown for so long after their cycle began.
const SHOWN_S: i64 = 90 * 24 * 3600;

pub async fn list(app: Arc<App>, User(user): User) -> Result<Json<QuestList>> {
    let now = app.clock.now();
    let since = now.minus_s(SHOWN_S);
    let (templates, mut quests) =
        tokio::try_join!(sql::list_templates(&app.db), sql::list_quests(&app.db, user, since))?;
    let has = |template, start| quests.iter().any(|quest| quest.template_id == template && quest.cycle_start == start);
    if due_cycles(&templates, now).any(|(template, cycle)| !has(template.id, cycle.start)) {
        quests = app.db.tx(|tx| look_in(tx, &app, user, now)).await?;
    }
    let quests = quests.into_iter().map(|row| Quest::new(row, now)).collect();
    Ok(Json(QuestList { generated_at: now, quests }))
}

/// The first look in a cycle: the lifter gets its quests, and those of the last one end.
async fn look_in(tx: Tx, app: &App, user: UserId, now: Timestamp) -> Result<Vec<QuestRow>> {
    if !levels::lock(&tx, user).await? {
        return Err(auth::no_account());
    }
    advance(&tx, user, now, now, &app.config.levels).await?;
    let (_, quests) = tokio::try_join!(
        biased;
        sql::update_expired(&tx, user, now),
        sql::list_quests(&tx, user, now.minus_s(SHOWN_S)),
    )?;
    Ok(quests)
}

pub async fn claim(app: Arc<App>, User(user): User, Path((id,)): Path<(QuestId,)>) -> Result<Json<Quest>> {
    let now = app.clock.now();
    let row = app.db.tx(|tx| claim_in(tx, &app, user, id, now)).await?;
    Ok(Json(Quest::new(row, now)))
}

async fn claim_in(tx: Tx, app: &App, user: UserId, id: QuestId, now: Timestamp) -> Result<QuestRow> {
    let (there, total, quest) =
        tokio::try_join!(biased; levels::lock(&tx, user), levels::total(&tx, user), sql::get_quest(&tx, id, user))?;
    if !there {
        return Err(auth::no_account());
    }
    let quest = quest.or_404(Noun::Quest)?;
    match Status::of(&quest.status) {
        Status::Claimed => return Ok(quest),
        Status::Completed => {}
        Status::Active | Status::Expired => return Err(Error::new(Problem::QuestNotCompleted)),
    }
    let awards: Vec<_> = reward(quest.id, quest.reward_xp, total).into_iter().collect();
    let grant = Grant { user, total_before: total, awards: &awards };
    let (_, _, quest) = tokio::try_join!(
        biased;
        levels::grant(&tx, grant, &app.config.levels, now),
        sql::update_claimed(&tx, id, now),
        sql::get_quest(&tx, id, user),
    )?;
    quest.or_404(Noun::Quest)
}
