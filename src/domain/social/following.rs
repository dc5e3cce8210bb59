//! Following somebody, at most so often in an hour. All instances count in one table, under the follower's row lock.

use super::rules::{FOLLOW_WINDOW_S, FOLLOWS_MAX, retry_after_s};
use super::sql;
use crate::app::App;
use crate::db::Tx;
use crate::domain::auth::Caller;
use crate::domain::users;
use crate::error::{Error, Noun, Or404, Problem, Result};
use crate::ids::UserId;
use crate::time::Timestamp;

/// Makes one lifter follow another one. Whoever follows them already changes nothing, and it does not count.
///
/// # Errors
/// 404 if there is no such active lifter, 409 for oneself, 429 after too many new follows.
pub async fn follow(app: &App, caller: Caller, followee: UserId) -> Result<()> {
    app.db.tx(|tx| follow_in(tx, app, caller, followee)).await
}

async fn follow_in(tx: Tx, app: &App, caller: Caller, followee: UserId) -> Result<()> {
    let (tx, follower) = (&tx, caller.user);
    users::lock(tx, caller).await?;
    if follower == followee {
        return Err(Error::new(Problem::Conflict).with_detail("Cannot follow yourself"));
    }
    let now = app.clock.now(); // under the lock, so that follows count in the order in which they happen
    let since = now.minus_s(FOLLOW_WINDOW_S);
    let ((), followed, blocking) = tokio::try_join!(
        biased;
        lock_followee(tx, followee),
        sql::upsert_edge(tx, follower, followee, now),
        sql::get_blocking_follow(tx, follower, since, FOLLOWS_MAX),
    )?;
    match blocking {
        _ if followed == 0 => Ok(()),
        Some(blocking) => Err(too_many(blocking.occurred_at, now)), // and the edge is rolled back
        None => note(tx, follower, since, now).await,
    }
}

async fn lock_followee(tx: &Tx, followee: UserId) -> Result<()> {
    sql::lock_followee(tx, followee).await?.map(|_| ()).or_404(Noun::User)
}

async fn note(tx: &Tx, follower: UserId, since: Timestamp, now: Timestamp) -> Result<()> {
    tokio::try_join!(
        biased;
        sql::insert_follow_event(tx, follower, now),
        sql::delete_old_follow_events(tx, follower, since),
    )?;
    Ok(())
}

fn too_many(blocking: Timestamp, now: Timestamp) -> Error {
    Error::new(Problem::TooManyRequests)
        .with_detail("Too many follows within an hour; try again later")
        .with_retry_after_s(retry_after_s(blocking, now))
}
