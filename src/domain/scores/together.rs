//! Lifts of many lifters in one transaction, as a [crowd](crate::crowd): much of what one costs is the transaction and its
//! statements, however many it is for.
//!
//! No lifter keeps another one waiting for long: whoever's row somebody else holds has the lift recorded alone, and so has
//! everybody in a transaction that one of them breaks, or that meets a lock.

use std::collections::HashSet;
use std::sync::Arc;

use crate::app::App;
use crate::db::Tx;
use crate::db::statement::column;
use crate::domain::users;
use crate::error::{Error, Noun, Problem, Result};

use super::recording::{self, NewLift, Recorded};

/// What became of a lift.
enum Outcome {
    /// It is recorded.
    Recorded(Box<Recorded>),
    /// It cannot be.
    Failed(Error),
    /// Its lifter has another one in the same turn: it has to wait for the next.
    Later,
    /// It has to be recorded by itself.
    Alone,
}

/// Records a lift, maybe together with others.
///
/// # Errors
/// 401 if the account is gone, 404 if there is no such exercise.
pub async fn record(app: &Arc<App>, new: NewLift) -> Result<Recorded> {
    loop {
        let (turn, answered) = app.crowds.of::<NewLift, Outcome>().join(new.clone());
        if let Some(turn) = turn {
            let app = Arc::clone(app);
            tokio::spawn(turn.serve(async move |lifts| record_all(&app, lifts).await));
        }
        match app.db.query_times().follow("scores/together", answered.get()).await? {
            Outcome::Recorded(recorded) => return Ok(*recorded),
            Outcome::Failed(error) => return Err(error),
            Outcome::Later => {}
            Outcome::Alone => return Box::pin(app.db.tx(|tx| recording::record(tx, app, &new))).await, // rare, and large
        }
    }
}

async fn record_all(app: &App, lifts: Vec<NewLift>) -> Result<Vec<Outcome>> {
    let mut lifters = HashSet::new();
    let is_first = column(&lifts, |new| lifters.insert(new.caller.user));
    let first: Vec<NewLift> =
        lifts.into_iter().zip(&is_first).filter(|(_, first)| **first).map(|(new, _)| new).collect();
    let outcomes = match app.db.tx_unless_held(|tx| record_in(tx, app, &first)).await {
        Ok(Some(outcomes)) => outcomes,
        Err(error) if error.problem() == Problem::Unavailable => return Err(error),
        // Nothing is written: somebody's lift broke it or had to wait, and would do so again.
        Ok(None) | Err(_) => column(&first, |_| Outcome::Alone),
    };
    let mut outcomes = outcomes.into_iter();
    Ok(column(&is_first, |first| if *first { outcomes.next() } else { None }.unwrap_or(Outcome::Later)))
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
