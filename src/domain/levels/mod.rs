//! Experience points and levels. Every award is one row of `xp_events`, and `user_xp.total_xp` is always their sum.

mod handlers;
pub mod rules;
mod sql;
mod wire;

use std::collections::HashMap;

use uuid::Uuid;

use crate::config::LevelConfig;
use crate::db::Tx;
use crate::db::statement::column;
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

/// Awards for a lifter.
pub struct Grant<'a> {
    /// Who gets them.
    pub user: UserId,
    /// The points that the lifter has.
    pub total_before: i32,
    /// What to add.
    pub awards: &'a [Award],
}

impl Grant<'_> {
    /// The points with all of them.
    fn total_after(&self) -> i32 {
        self.awards.iter().fold(self.total_before, |total, award| total.saturating_add(award.amount))
    }
}

/// Adds those of the awards that were not given before to the points the lifter has; answers whether there were any.
///
/// # Errors
/// As its statements.
pub async fn grant(tx: &Tx, grant: Grant<'_>, curve: &LevelConfig, now: Timestamp) -> Result<bool> {
    Ok(grant_all(tx, &[grant], curve, now).await? > 0)
}

/// The same for lifters of whom none is there twice; answers how many have gained.
///
/// # Errors
/// As its statements.
pub async fn grant_all(tx: &Tx, grants: &[Grant<'_>], curve: &LevelConfig, now: Timestamp) -> Result<usize> {
    let awards: Vec<(UserId, &Award)> =
        grants.iter().flat_map(|grant| grant.awards.iter().map(|award| (grant.user, award))).collect();
    if awards.is_empty() {
        return Ok(0);
    }
    let gained = sql::insert_events(
        tx,
        &column(grants, |grant| grant.user),
        &column(grants, |grant| grant.total_before),
        &column(grants, |grant| rules::level(grant.total_after(), curve)),
        &column(&awards, |_| Uuid::new_v4()),
        &column(&awards, |(user, _)| *user),
        &column(&awards, |(_, award)| award.amount),
        &column(&awards, |(_, award)| &award.reason),
        &column(&awards, |(_, award)| &award.idempotency_key),
        &column(&awards, |(_, award)| &award.source_type),
        &column(&awards, |(_, award)| &award.source_id),
        now,
    )
    .await?;
    let expected: HashMap<UserId, i32> = grants.iter().map(|grant| (grant.user, grant.total_after())).collect();
    for gain in &gained {
        if expected.get(&gain.user_id) != Some(&gain.total_xp) {
            sql::update_level(tx, gain.user_id, rules::level(gain.total_xp, curve)).await?; // some had been given before
        }
    }
    Ok(gained.len())
}
