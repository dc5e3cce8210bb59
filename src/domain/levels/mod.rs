//! Experience points and levels. Every award is one row of `xp_events`, and `user_xp.total_xp` is always their sum.

mod handlers;
pub mod rules;
mod sql;
mod wire;

use uuid::Uuid;

use crate::config::LevelConfig;
use crate::db::Tx;
use crate::error::Result;
use crate::http::Route;
use crate::ids::UserId;
use crate::route;
use crate::time::Timestamp;

pub use sql::STATEMENTS;

/// The routes of this domain.
pub const ROUTES: &[Route] = &[
    route!(Get "/api/v1/levels/me" handlers::me "One's own level."),
    route!(Get "/api/v1/levels/user/{user_id}" handlers::show "A lifter's level.").fails(&[404]),
    route!(Post "/api/v1/levels/me/award" handlers::award "Gives a lifter experience points, once per key.")
        .fails(&[404]),
];

/// Points for a lifter, with what makes them count once.
#[derive(Clone, Debug, Default)]
pub struct Award {
    /// Points, more than 0.
    pub amount: i32,
    /// Why, for people.
    pub reason: Option<String>,
    /// One award per lifter and key.
    pub idempotency_key: Option<String>,
    /// What kind of thing brought it.
    pub source_type: Option<String>,
    /// Which one: one award per lifter, kind and thing.
    pub source_id: Option<String>,
}

impl Award {
    /// An award that something the lifter did brings once.
    #[must_use]
    pub fn from_source(amount: i32, source_type: &str, source_id: impl ToString) -> Self {
        let (source_type, source_id) = (Some(source_type.to_owned()), Some(source_id.to_string()));
        Self { amount, source_type, source_id, ..Self::default() }
    }
}

/// Locks a lifter against every other award; answers whether there is one to lock.
///
/// # Errors
/// As its statement.
pub async fn lock(tx: &Tx, user: UserId) -> Result<bool> {
    Ok(sql::lock_lifter(tx, user).await?.is_some())
}

/// The points a lifter has. Read it after the lifter's row has been locked.
///
/// # Errors
/// As its statement.
pub async fn total(tx: &Tx, user: UserId) -> Result<i32> {
    Ok(sql::get_total(tx, user).await?.total_xp)
}

/// Adds those of the awards that were not given before to the points the lifter has; answers whether there were any.
///
/// # Errors
/// As its statement.
pub async fn grant(
    tx: &Tx,
    user: UserId,
    total_before: i32,
    awards: &[Award],
    curve: &LevelConfig,
    now: Timestamp,
) -> Result<bool> {
    if awards.is_empty() {
        return Ok(false);
    }
    let ids: Vec<Uuid> = awards.iter().map(|_| Uuid::new_v4()).collect();
    let amounts: Vec<i32> = awards.iter().map(|award| award.amount).collect();
    let reasons: Vec<&Option<String>> = awards.iter().map(|award| &award.reason).collect();
    let keys: Vec<&Option<String>> = awards.iter().map(|award| &award.idempotency_key).collect();
    let source_types: Vec<&Option<String>> = awards.iter().map(|award| &award.source_type).collect();
    let source_ids: Vec<&Option<String>> = awards.iter().map(|award| &award.source_id).collect();
    let total_after = amounts.iter().fold(total_before, |total, amount| total.saturating_add(*amount));
    let level = rules::level(total_after, curve);
    let granted = sql::insert_events(
        tx,
        user,
        &ids,
        &amounts,
        &reasons,
        &keys,
        &source_types,
        &source_ids,
        total_before,
        level,
        now,
    );
    let Some(granted) = granted.await? else { return Ok(false) };
    if granted.total_xp != total_after {
        sql::update_level(tx, user, rules::level(granted.total_xp, curve)).await?; // some had been given before
    }
    Ok(true)
}
