//! Lifts of many lifters in one transaction, as a [crowd](crate::crowd): much of what one costs is the transaction and its
//! statements, however many it is for.
//!
//! No lifter keeps others waiting for long: whoever's row somebody else holds has the lift recorded alone, and so has everybody in
//! a transaction that one of them breaks, or that others are in the way of. A lifter's second lift waits for the next transaction.

use std::sync::Arc;

use uuid::Uuid;

use crate::app::App;
use crate::crowd::Asks;
use crate::db::Tx;
use crate::db::statement::column;
use crate::domain::users;
use crate::error::{Error, Noun, Problem, Result};
use crate::telemetry::caught;

use super::recording::{self, NewLift, Recorded};

/// What became of a lift.
enum Outcome {
    /// It is recorded.
    Recorded(Box<Recorded>),
    /// It cannot be.
    Failed(Error),
    /// It has to be recorded by itself.
    Alone,
}

impl Asks for NewLift {
    fn once_for(&self) -> Option<Uuid> {
        Some(self.caller.user.0)
    }
}

/// Records a lift, maybe together with others.
///
/// # Errors
/// 401 if the account is gone, 404 if there is no such exercise, 503 as [`Db::tx`](crate::db::Db::tx) or if there are too many.
pub async fn record(app: &Arc<App>, new: &NewLift) -> Result<Recorded> {
    let (turn, answered) = app.crowds.of::<NewLift, Outcome>().join(new.clone());
    if let Some(turn) = turn {
        let app = Arc::clone(app);
        tokio::spawn(turn.serve(async move |lifts| record_all(&app, &lifts).await));
    }
    match app.db.query_times().follow("scores/together", answered.get()).await? {
        Outcome::Recorded(recorded) => Ok(*recorded),
        Outcome::Failed(error) => Err(error),
        Outcome::Alone => Box::pin(app.db.tx(|tx| recording::record(tx, app, new))).await, // rare, and large
    }
}

async fn record_all(app: &App, lifts: &[NewLift]) -> Result<Vec<Outcome>> {
    // Where there is no outcome nothing is written: somebody's lift broke it or had to wait, and would do so again.
    let alone = || Ok(column(lifts, |_| Outcome::Alone));
    match caught(app.db.tx_unless_held(|tx| record_in(tx, app, lifts))).await {
        Ok(outcomes) => outcomes.map_or_else(alone, Ok),
        Err(error) if error.problem() == Problem::Unavailable => Err(error),
        Err(error) => {
            tracing::warn!(cause = error.chain(), lifts = lifts.len(), "lifts are recorded one by one");
            alone()
        }
    }
}

async fn record_in(tx: Tx, app: &App, lifts: &[NewLift]) -> Result<Vec<Outcome>> {
    let callers = column(lifts, |new| new.caller);
    let (free, grounds) = tokio::try_join!(biased; users::lock_free(&tx, &callers), recording::grounds(&tx, lifts))?;
    let now = app.clock.now();
    let found = lifts.iter().zip(free).zip(grounds);
    let outcomes = found.map(|((new, is_free), ground)| match ground {
        _ if !is_free => Outcome::Alone,
        None => Outcome::Failed(Error::not_found(Noun::Scenario)),
        Some(ground) => Outcome::Recorded(Box::new(Recorded::new(new, ground, now))),
    });
    let outcomes: Vec<Outcome> = outcomes.collect();
    let recorded = outcomes.iter().filter_map(|outcome| match outcome {
        Outcome::Recorded(recorded) => Some(&**recorded),
        _ => None,
    });
    recording::write(&tx, app, &recorded.collect::<Vec<_>>()).await?;
    Ok(outcomes)
}
