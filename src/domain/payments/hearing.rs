//! Hearing what the sources say: whom it is about, whether it was heard before, and into the ledger with it, in one transaction.

use std::time::Duration;

use serde_json::Value;
use tokio::sync::SemaphorePermit;
use tokio::time::timeout;

use super::customers::user_of;
use super::events::{StoreEvent, StoreNews, StripeEvent, Subscription};
use super::ledger::{self, Moved, Outcome, Said};
use super::rules::{Source, Tier};
use super::sql;
use crate::app::App;
use crate::db::Tx;
use crate::domain::outbox::{self, Event, Settled};
use crate::error::{Error, Result};
use crate::ids::UserId;
use crate::time::Timestamp;

/// Time to wait for a turn, as for a connection of the pool. The sender comes again.
const TURN_WAIT: Duration = Duration::from_secs(2);
/// Seconds by which a source's clock may be ahead of ours: a date further on is none.
const AHEAD_MAX_S: i64 = 24 * 3600;

/// Time for which an event is known to have come: three times the 30 days within which Stripe sends one again when somebody asks
/// for it; by themselves the senders try for three days at most. One that comes even later changes nothing: the ledger, which
/// keeps everything, comes to the same with what it has twice.
const KEEP_KNOWN_S: i64 = 90 * 24 * 3600;
/// Events that are forgotten at a time: far more than come meanwhile, and done in milliseconds.
const FORGOTTEN_MAX: i64 = 1000;

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It decides what a lifter has.
    Applied,
    /// There is nothing in it that changes a level.
    Nothing,
    /// It came before.
    Known,
    /// Something that happened later is known already.
    Older,
    /// Another user has the purchase.
    Contested,
    /// It names nobody.
    Unnamed,
    /// It names nobody whom we know.
    Unknown,
    /// It is about a purchase that costs nothing.
    Sandbox,
}

impl From<Outcome> for Heard {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Applied => Self::Applied,
            Outcome::Older => Self::Older,
            Outcome::Contested => Self::Contested,
            Outcome::UnknownUser => Self::Unknown,
        }
    }
}

async fn turn(app: &App) -> Result<SemaphorePermit<'_>> {
    let turn = timeout(TURN_WAIT, app.webhook_turns.acquire()).await.map_err(Error::unavailable)?;
    turn.map_err(Error::internal)
}

/// When something came about; the present, if its date cannot be.
fn happened_at(dated: Option<Timestamp>, now: Timestamp) -> Timestamp {
    dated.filter(|at| *at <= now.plus_s(AHEAD_MAX_S)).unwrap_or(now)
}

/// Hears an event of Stripe's.
///
/// # Errors
/// `Unavailable` if the database is away: the sender comes again.
pub async fn hear_stripe(app: &App, event: &StripeEvent) -> Result<Heard> {
    let heard = match (&event.customer, &event.subscription) {
        (Some(customer), Some(subscription)) => match subscriber(app, customer, subscription).await? {
            Some(user) => {
                let _turn = turn(app).await?;
                let heard = app.db.tx(|tx| hear_stripe_in(tx, app, user, event, subscription)).await?;
                app.outbox_bell.notify_one();
                heard
            }
            None => Heard::Unknown,
        },
        _ => Heard::Nothing,
    };
    tracing::info!(event = event.id, kind = event.kind, outcome = ?heard, "heard from Stripe");
    Ok(heard)
}

/// Whom an event is about: the lifter who is this customer; or, where the customer was deleted and the lifter is another one by
/// now, who has the subscription. What was paid for has to end, too.
async fn subscriber(app: &App, customer: &str, subscription: &Subscription) -> Result<Option<UserId>> {
    let known = match sql::get_customer_user(&app.db, customer).await? {
        None => sql::get_subscriber(&app.db, &subscription.reference).await?,
        known => known,
    };
    Ok(known.map(|row| row.id))
}

async fn hear_stripe_in(
    tx: Tx,
    app: &App,
    user: UserId,
    event: &StripeEvent,
    subscription: &Subscription,
) -> Result<Heard> {
    let now = app.clock.now();
    let source = Source::Stripe;
    if sql::insert_webhook_event(&tx, source.name(), &event.id, &event.kind, event.happened_at, now).await? == 0 {
        return Ok(Heard::Known);
    }
    let said = Said {
        source,
        reference: &subscription.reference,
        user,
        event_id: &event.id,
        kind: &event.kind,
        status: subscription.status.as_deref(),
        tier: subscription.tier,
        happened_at: happened_at(event.happened_at, now),
        ends_at: None,
    };
    ledger::record(&tx, &said, now).await.map(Heard::from)
}

/// Hears an event of RevenueCat's.
///
/// # Errors
/// `Unavailable` if the database is away: the sender comes again.
pub async fn hear_store(app: &App, event: &StoreEvent) -> Result<Heard> {
    let heard = match &event.news {
        StoreNews::Nobody => Heard::Unnamed,
        StoreNews::Nothing => Heard::Nothing,
        _ if event.is_sandbox && !app.config.payments.sandbox_counts => Heard::Sandbox,
        StoreNews::Purchase { users, reference, tier, ends_at } => {
            let reference = reference.as_deref();
            hear_purchase(app, event, users, &Purchase { reference, tier: *tier, ends_at: *ends_at }).await?
        }
        StoreNews::Transfer { from, to } => hear_transfer(app, event, from, to).await?,
    };
    tracing::info!(event = event.id, kind = event.kind, outcome = ?heard, "heard from RevenueCat");
    Ok(heard)
}

/// Those of these users that there are, in the same order.
async fn known(app: &App, users: &[UserId]) -> Result<Vec<UserId>> {
    let known = sql::list_known(&app.db, users).await?;
    Ok(users.iter().copied().filter(|user| known.iter().any(|row| row.id == *user)).collect())
}

/// What is said of a purchase.
struct Purchase<'a> {
    reference: Option<&'a str>,
    tier: Option<Tier>,
    ends_at: Option<Timestamp>,
}

async fn hear_purchase(app: &App, event: &StoreEvent, users: &[UserId], purchase: &Purchase<'_>) -> Result<Heard> {
    let Some(user) = known(app, users).await?.first().copied() else { return Ok(Heard::Unknown) };
    let _turn = turn(app).await?;
    let heard = app.db.tx(|tx| hear_purchase_in(tx, app, event, user, purchase)).await?;
    app.outbox_bell.notify_one();
    Ok(heard)
}

async fn hear_purchase_in(
    tx: Tx,
    app: &App,
    event: &StoreEvent,
    user: UserId,
    purchase: &Purchase<'_>,
) -> Result<Heard> {
    let now = app.clock.now();
    if !is_first(&tx, event, now).await? {
        return Ok(Heard::Known);
    }
    let unnamed = format!("user:{user}");
    let said = Said {
        source: Source::RevenueCat,
        reference: purchase.reference.unwrap_or(&unnamed),
        user,
        event_id: &event.id,
        kind: &event.kind,
        status: None,
        tier: purchase.tier,
        happened_at: happened_at(event.happened_at, now),
        ends_at: purchase.ends_at,
    };
    ledger::record(&tx, &said, now).await.map(Heard::from)
}

/// Notes an event of the stores, with all others kept waiting; answers whether it is the first time.
async fn is_first(tx: &Tx, event: &StoreEvent, now: Timestamp) -> Result<bool> {
    let source = Source::RevenueCat.name();
    let (_, noted) = tokio::try_join!(
        biased;
        sql::lock_store(tx),
        sql::insert_webhook_event(tx, source, &event.id, &event.kind, event.happened_at, now),
    )?;
    Ok(noted > 0)
}

async fn hear_transfer(app: &App, event: &StoreEvent, from: &[UserId], to: &[UserId]) -> Result<Heard> {
    let (from, to) = (known(app, from).await?, known(app, to).await?.first().copied());
    if from.is_empty() {
        return Ok(Heard::Unknown);
    }
    let _turn = turn(app).await?;
    let heard = app.db.tx(|tx| hear_transfer_in(tx, app, event, &from, to)).await?;
    app.outbox_bell.notify_one();
    Ok(heard)
}

async fn hear_transfer_in(tx: Tx, app: &App, event: &StoreEvent, from: &[UserId], to: Option<UserId>) -> Result<Heard> {
    let now = app.clock.now();
    if !is_first(&tx, event, now).await? {
        return Ok(Heard::Known);
    }
    let moved = Moved { event_id: &event.id, happened_at: happened_at(event.happened_at, now) };
    ledger::transfer(&tx, from, to, &moved, now).await?;
    Ok(Heard::Applied)
}

/// Forgets some of the events that came long ago.
///
/// # Errors
/// As its statement.
pub async fn sweep(app: &App) -> Result<u64> {
    sql::delete_webhook_events(&app.db, app.clock.now().minus_s(KEEP_KNOWN_S), FORGOTTEN_MAX).await
}

/// Brings a lifter's level into step with the time: what they paid for may have come to its end.
///
/// # Errors
/// As its statements.
pub async fn settle_level(app: &App, event: &Event) -> Result<Settled> {
    let settled = app.db.tx(|tx| settle_in(tx, app, event)).await?;
    app.outbox_bell.notify_one();
    Ok(settled)
}

async fn settle_in(tx: Tx, app: &App, event: &Event) -> Result<Settled> {
    let (now, cause) = (app.clock.now(), format!("settled:{}", event.id));
    match event.payload.get("reference").and_then(Value::as_str) {
        Some(reference) => ledger::settle_owner(&tx, reference, &cause, now).await?,
        None => ledger::settle_user(&tx, user_of(&event.payload)?, &cause, now).await?,
    }
    outbox::complete(&tx, event, now).await
}
