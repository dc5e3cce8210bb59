//! The outbox: events that are written in the transaction of what they tell, and that a worker acts on later.
//!
//! An event is handled at least once, and of one aggregate in order. Who handles one holds a lease on it, which is a time and a
//! token: settling an event needs the token, so that a worker that was thought dead cannot settle what another one has in hand.
//! Where the handling is a transaction of the same database, settling is part of it, and the effect takes place exactly once.

mod rules;
mod sql;

use aws_lc_rs::rand;
use serde_json::Value;
use uuid::Uuid;

use crate::app::App;
use crate::config::OutboxConfig;
use crate::db::statement::Conn;
use crate::db::{Db, Tx};
use crate::error::{Error, Result};
use crate::telemetry::trace::{self, TraceContext};
use crate::time::Timestamp;

pub use sql::{EventRow, HealthRow, STATEMENTS};

/// The channel of notices.
pub const CHANNEL: &str = "outbox";
/// Time for which events that were done are kept, to look into.
const KEEP_COMPLETED_S: i64 = 7 * 24 * 3600;
/// Time for which events that were given up are kept, to be replayed.
const KEEP_FAILED_S: i64 = 30 * 24 * 3600;
/// A worker that was not seen for so long does not count: three of its signs of life are missing.
const WORKER_GONE_S: i64 = 30;
/// Characters of an error that are kept.
const ERROR_MAX: usize = 1000;

macro_rules! topics { ($($(#[$doc:meta])* $variant:ident $name:literal;)*) => {
    /// What can have happened.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Topic { $($(#[$doc])* $variant,)* }

    impl Topic {
        /// Every topic.
        pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

        /// The name it is stored under.
        #[must_use]
        pub const fn name(self) -> &'static str { match self { $(Self::$variant => $name,)* } }

        /// The topic of this name.
        #[must_use]
        pub fn of(name: &str) -> Option<Self> { match name { $($name => Some(Self::$variant),)* _ => None } }
    }
} }

topics! {
    /// A lifter logged a workout.
    WorkoutSubmitted "workout.submitted";
    /// A picture is shown less than before, or was stored and may never be shown.
    PictureReleased "picture.released";
    /// Somebody registered.
    UserCreated "user.created";
    /// What a lifter pays for changed, or may have come to its end.
    SubscriptionChanged "subscription.changed";
}

/// The kinds of work, each with hands of its own: what waits for somebody else's server must not keep the rest waiting.
pub const LANES: [&[Topic]; 2] =
    [&[Topic::WorkoutSubmitted, Topic::PictureReleased, Topic::SubscriptionChanged], &[Topic::UserCreated]];

/// Something that happened.
pub struct NewEvent<'a> {
    /// What.
    pub topic: Topic,
    /// To what exactly: told twice, it is written once. The topic goes before it.
    pub key: &'a str,
    /// Whose events are handled in order.
    pub aggregate: String,
    /// Ids and numbers that handling it needs; nothing personal.
    pub payload: Value,
}

/// An event in hand.
pub struct Event {
    /// Its number.
    pub id: i64,
    /// What happened.
    pub topic: Topic,
    /// What was told about it.
    pub payload: Value,
    /// How often it was taken in hand, this time included.
    pub attempts: u32,
    /// When it happened.
    pub created_at: Timestamp,
    /// The place in a trace where it was left.
    pub trace: Option<TraceContext>,
    lease: Uuid,
}

/// The proof that an event was settled; only [`complete`] gives it.
pub struct Settled(());

/// Leaves an event for the worker. Ring [`App::outbox_bell`] once the transaction is committed.
///
/// # Errors
/// As its statement.
pub async fn publish(tx: &Tx, event: &NewEvent<'_>, now: Timestamp) -> Result<()> {
    publish_for(tx, event, now, now).await
}

/// Leaves an event that no worker takes before it is due.
///
/// # Errors
/// As its statement.
pub async fn publish_for(db: &impl Conn, event: &NewEvent<'_>, now: Timestamp, due: Timestamp) -> Result<()> {
    let topic = event.topic.name();
    let key = format!("{topic}:{}", event.key);
    let place = trace::current().map(|place| place.to_string());
    sql::insert_event(db, topic, &event.payload, &key, &event.aggregate, now, due, place.as_deref()).await?;
    Ok(())
}

/// Takes due events of these topics in hand.
///
/// # Errors
/// As its statement.
pub async fn claim(app: &App, topics: &[Topic], at_most: usize) -> Result<Vec<Event>> {
    if at_most == 0 {
        return Ok(Vec::new());
    }
    let (now, lease) = (app.clock.now(), Uuid::new_v4());
    let at_most = i64::try_from(at_most).unwrap_or(i64::MAX);
    let until = now.plus_s(app.config.outbox.lease_s);
    let topics: Vec<&str> = topics.iter().map(|topic| topic.name()).collect();
    let rows = sql::claim_events(&app.db, now, at_most, lease, until, &topics).await?;
    let events = rows.into_iter().filter_map(|row| {
        let attempts = u32::try_from(row.attempts).unwrap_or_default();
        let topic = Topic::of(&row.topic)?; // no other is claimed
        let trace = row.traceparent.as_deref().and_then(TraceContext::parse);
        Some(Event { id: row.id, topic, payload: row.payload, attempts, created_at: row.created_at, trace, lease })
    });
    Ok(events.collect())
}

/// Prolongs the lease on an event; answers whether it was still held.
///
/// # Errors
/// As its statement.
pub async fn renew(app: &App, event: &Event) -> Result<bool> {
    let until = app.clock.now().plus_s(app.config.outbox.lease_s);
    Ok(sql::update_lease(&app.db, event.id, event.lease, until).await? > 0)
}

/// Settles an event as done, best in the transaction of its effect.
///
/// # Errors
/// `Internal` if the lease was lost: somebody else has the event in hand.
pub async fn complete(db: &impl Conn, event: &Event, now: Timestamp) -> Result<Settled> {
    match sql::update_completed(db, event.id, event.lease, now).await? {
        0 => Err(Error::internal("the lease on the event was lost")),
        _ => Ok(Settled(())),
    }
}

/// Puts a failed event off, or gives it up after too many attempts; answers whether it was given up.
///
/// # Errors
/// As its statement.
pub async fn put_off(app: &App, event: &Event, error: &str) -> Result<bool> {
    let OutboxConfig { attempts_max, retry_backoff_s, .. } = app.config.outbox;
    let now = app.clock.now();
    let pause_s = rules::pause_s(event.attempts, retry_backoff_s, dice());
    let until = (event.attempts < attempts_max).then(|| now.plus_s(i64::from(pause_s)));
    let error: String = error.chars().filter(|c| *c != '\0').take(ERROR_MAX).collect();
    sql::update_failed(&app.db, event.id, event.lease, until, now, &error).await?;
    Ok(until.is_none())
}

/// A random number. Without one, the longest pause is as good.
fn dice() -> u32 {
    let mut bytes = [0; 4];
    rand::fill(&mut bytes).map_or(u32::MAX, |()| u32::from_be_bytes(bytes))
}

/// Writes that a worker lives.
///
/// # Errors
/// As its statement.
pub async fn note_worker(app: &App, name: &str) -> Result<()> {
    let now = app.clock.now();
    sql::upsert_worker(&app.db, name, now, now.minus_s(WORKER_GONE_S)).await?;
    Ok(())
}

/// Forgets a worker that ends.
///
/// # Errors
/// As its statement.
pub async fn forget_worker(db: &Db, name: &str) -> Result<()> {
    sql::delete_worker(db, name).await?;
    Ok(())
}

/// Deletes some of what was settled long ago.
///
/// # Errors
/// As its statement.
pub async fn sweep(app: &App) -> Result<u64> {
    let now = app.clock.now();
    sql::delete_settled(&app.db, now.minus_s(KEEP_COMPLETED_S), now.minus_s(KEEP_FAILED_S)).await
}

/// Wakes the workers of all processes.
///
/// # Errors
/// As its statement.
pub async fn notify(db: &Db) -> Result<()> {
    sql::notify_workers(db).await?;
    Ok(())
}

/// How the outbox does.
///
/// # Errors
/// As its statement.
pub async fn health(app: &App) -> Result<HealthRow> {
    let now = app.clock.now();
    sql::get_health(&app.db, now, now.minus_s(WORKER_GONE_S)).await
}

/// The newest events in a state.
///
/// # Errors
/// As its statement.
pub async fn list(db: &Db, status: &str, limit: i64) -> Result<Vec<EventRow>> {
    sql::list_events(db, status, limit).await
}

/// Opens events again that were given up: these, or all. Answers how many there were.
///
/// # Errors
/// As its statement.
pub async fn replay(db: &Db, ids: Option<&[i64]>, now: Timestamp) -> Result<u64> {
    sql::replay(db, ids, now).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_has_its_lane() {
        let lanes = LANES.concat();
        assert!(lanes.len() == Topic::ALL.len() && Topic::ALL.iter().all(|topic| lanes.contains(topic)));
    }
}
