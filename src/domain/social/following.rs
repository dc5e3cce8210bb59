//! Following somebody, at most so often in an hour: the budget `follow`, which counts new follows. All instances count in one
//! table, as the earlier server does, under the follower's row lock.

use super::sql::{self, WindowRow};
use crate::app::App;
use crate::budget::{Budget, Quota, Standing};
use crate::db::Tx;
use crate::domain::auth::Caller;
use crate::domain::users;
use crate::error::{Error, Noun, Or404, Problem, Result};
use crate::http::Limited;
use crate::ids::UserId;
use crate::limits::refused;
use crate::time::Timestamp;

/// Makes one lifter follow another one. Whoever follows them already changes nothing, and it does not count.
///
/// # Errors
/// 404 if there is no such active lifter, 409 for oneself, 429 after too many new follows.
pub async fn follow(app: &App, limited: &Limited, caller: Caller, followee: UserId) -> Result<()> {
    app.db.tx(|tx| follow_in(tx, app, limited, caller, followee)).await
}

async fn follow_in(tx: Tx, app: &App, limited: &Limited, caller: Caller, followee: UserId) -> Result<()> {
    let (tx, follower) = (&tx, caller.user);
    users::lock(tx, caller).await?;
    if follower == followee {
        return Err(Error::new(Problem::Conflict).with_detail("Cannot follow yourself"));
    }
    let now = app.clock.now(); // under the lock, so that follows count in the order in which they happen
    let budget = limited.quota(Budget::Follow).map(|quota| FollowBudget { limited, quota, now });
    let (window, (), followed) = tokio::try_join!(
        biased;
        window(tx, follower, budget.as_ref()),
        lock_followee(tx, followee),
        sql::upsert_edge(tx, follower, followee, now),
    )?;
    match budget.zip(window) {
        Some((budget, window)) if followed > 0 => {
            budget.take(&window)?; // or else the edge is rolled back
            note(tx, follower, budget.since(), now).await
        }
        _ => Ok(()),
    }
}

/// The follower's budget at this instant.
struct FollowBudget<'a> {
    limited: &'a Limited,
    quota: Quota,
    now: Timestamp,
}

impl FollowBudget<'_> {
    /// Follows after this count.
    fn since(&self) -> Timestamp {
        self.now.minus_s(self.quota.window_s.into())
    }

    /// How it stands with so many follows, the first of which came then.
    fn standing(&self, used: i64, first: Option<Timestamp>) -> Standing {
        let next = first.map_or(0, |first| first.unix_micros() - self.since().unix_micros());
        Standing::new(Budget::Follow, self.quota, u32::try_from(used).unwrap_or(u32::MAX), next)
    }

    /// Counts one more.
    fn take(&self, window: &WindowRow) -> Result<()> {
        let is_allowed = window.used < self.quota.limit.into();
        self.limited.decided(Budget::Follow, is_allowed);
        if !is_allowed {
            return Err(refused(self.standing(window.used, window.first)));
        }
        self.limited.note(self.standing(window.used + 1, window.first.or(Some(self.now))));
        Ok(())
    }
}

/// The follows that count, told to the caller whatever comes of this one.
async fn window(tx: &Tx, follower: UserId, budget: Option<&FollowBudget<'_>>) -> Result<Option<WindowRow>> {
    let Some(budget) = budget else { return Ok(None) };
    let window = sql::get_follow_window(tx, follower, budget.since(), budget.quota.limit.into()).await?;
    budget.limited.note(budget.standing(window.used, window.first));
    Ok(Some(window))
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
