//! Writing into the ledger, and what follows from it: the entitlements, and the level and the links of those who have them.
//!
//! Everything here happens in the transaction that notes the webhook's event, in this order: lock everybody whose level can
//! change, adopt what the earlier server left with them, write what was said, fold the ledger anew ([`rules::standing`]), bring
//! the users table into step. The row of an entitlement is never changed by itself: it is what the ledger comes to.

use std::collections::BTreeMap;

use serde_json::json;
use uuid::Uuid;

use super::columns::{Columns, columns};
use super::rules::{self, ADOPTED, LINKED, Meaning, REPLACED, Source, Standing, Statement, Tier, Transfer};
use super::sql::{self, EntitlementRow, LockedRow, StatementRow, TransferRow};
use crate::db::Tx;
use crate::domain::outbox::{self, NewEvent, Topic};
use crate::error::{Error, Result};
use crate::ids::UserId;
use crate::time::Timestamp;

/// Something that a source says of a subscription.
pub struct Said<'a> {
    /// Who says it.
    pub source: Source,
    /// Of which.
    pub reference: &'a str,
    /// Whose it is, by the source.
    pub user: UserId,
    /// The event's id.
    pub event_id: &'a str,
    /// The event's type.
    pub kind: &'a str,
    /// The subscription's status.
    pub status: Option<&'a str>,
    /// Its tier.
    pub tier: Option<Tier>,
    /// When it came about.
    pub happened_at: Timestamp,
    /// When the period ends, if this says its end.
    pub ends_at: Option<Timestamp>,
}

/// What became of something that was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It decides what the subscription gives.
    Applied,
    /// Something that happened later is known already.
    Older,
    /// Another user has the purchase.
    Contested,
    /// There is no such account.
    UnknownUser,
}

/// Locked accounts.
type Payers = BTreeMap<UserId, LockedRow>;

/// Writes what was said and what follows from it.
///
/// # Errors
/// As its statements.
pub async fn record(tx: &Tx, said: &Said<'_>, now: Timestamp) -> Result<Outcome> {
    let (source, reference) = (said.source, said.reference);
    let payers = lock(tx, source, &[reference.to_owned()], &[said.user], now).await?;
    if !payers.contains_key(&said.user) {
        return Ok(Outcome::UnknownUser);
    }
    let is_new = sql::insert_entitlement(tx, source.name(), reference, said.user, now).await? > 0;
    if is_new && source == Source::RevenueCat {
        link(tx, said, &payers, now).await?;
    }
    let (number, standing) = tokio::try_join!(biased; write(tx, said, now), fold(tx, source, reference))?;
    let standing = standing.ok_or_else(|| Error::internal("a statement that was written is not there"))?;
    store(tx, source, reference, &standing, &payers, now).await?;
    if standing.owner == Some(said.user) && standing.meaning != Meaning::Unpaid {
        replace_legacy(tx, said, said.tier.unwrap_or(standing.tier), &payers, now).await?;
    }
    settle(tx, &payers, said.event_id, now).await?;
    if said.ends_at.is_some_and(|at| now < at) {
        announce_end(tx, said, now).await?;
    }
    Ok(match standing {
        Standing { decided_by, .. } if decided_by == number => Outcome::Applied,
        Standing { owner: Some(owner), .. } if owner != said.user => Outcome::Contested,
        _ => Outcome::Older,
    })
}

/// Writes that the store purchases of some users became another's, and what follows from it.
///
/// # Errors
/// As its statements.
pub async fn transfer(tx: &Tx, from: &[UserId], to: Option<UserId>, said: &Moved<'_>, now: Timestamp) -> Result<()> {
    let everybody: Vec<UserId> = from.iter().copied().chain(to).collect();
    let purchases = list_transferable(tx, from).await?;
    let payers = lock(tx, Source::RevenueCat, &purchases, &everybody, now).await?;
    let to = to.filter(|to| payers.contains_key(to));
    sql::insert_transfers(tx, said.event_id, from, to, said.happened_at, now).await?;
    for reference in list_transferable(tx, from).await? {
        refold(tx, Source::RevenueCat, &reference, &payers, now).await?;
    }
    settle(tx, &payers, said.event_id, now).await
}

/// What is said of a transfer beside whose it is.
pub struct Moved<'a> {
    /// The event's id.
    pub event_id: &'a str,
    /// When it came about.
    pub happened_at: Timestamp,
}

/// Ends what of this user's has come to its end, and brings their level into step.
///
/// # Errors
/// As its statements.
pub async fn settle_user(tx: &Tx, user: UserId, cause: &str, now: Timestamp) -> Result<()> {
    let locked = sql::lock_payers(tx, &[user]).await?;
    let payers = locked.into_iter().map(|payer| (payer.id, payer)).collect();
    settle(tx, &payers, cause, now).await
}

/// The same for whoever has this purchase in a store by now.
///
/// # Errors
/// As its statements.
pub async fn settle_owner(tx: &Tx, reference: &str, cause: &str, now: Timestamp) -> Result<()> {
    let (_, owner) = tokio::try_join!(biased; sql::lock_store(tx), sql::get_owner(tx, reference))?;
    match owner.and_then(|row| row.user_id) {
        Some(user) => settle_user(tx, user, cause, now).await,
        None => Ok(()),
    }
}

async fn list_transferable(tx: &Tx, from: &[UserId]) -> Result<Vec<String>> {
    Ok(sql::list_transferable(tx, from).await?.into_iter().map(|row| row.reference).collect())
}

/// Locks everybody whose level can depend on these subscriptions or users, and adopts what they have from the earlier server.
async fn lock(tx: &Tx, source: Source, references: &[String], users: &[UserId], now: Timestamp) -> Result<Payers> {
    let parties = sql::list_parties(tx, source.name(), references, users).await?;
    let parties: Vec<UserId> = parties.into_iter().map(|row| row.user_id).collect();
    let (locked, held) =
        tokio::try_join!(biased; sql::lock_payers(tx, &parties), sql::list_entitlements(tx, &parties))?;
    let payers: Payers = locked.into_iter().map(|payer| (payer.id, payer)).collect();
    for payer in payers.values() {
        adopt(tx, payer, &held, &payers, now).await?;
    }
    Ok(payers)
}

/// Characters of a link of the earlier server that can be a reference.
const REFERENCE_MAX: usize = 100;

/// Accounts for a level above what the entitlements give: the earlier server wrote it, into the same database. It hangs on the
/// first link to a source that nothing was said of yet, or on none.
async fn adopt(tx: &Tx, payer: &LockedRow, held: &[EntitlementRow], payers: &Payers, now: Timestamp) -> Result<()> {
    let own = held.iter().filter(|row| row.user_id == Some(payer.id) && row.active);
    let known = own.filter_map(|row| Tier::of(&row.tier)).max();
    let Some(tier) = Tier::of(&payer.subscription_level).filter(|tier| Some(*tier) > known) else { return Ok(()) };
    let event_id = format!("{ADOPTED}:{}", Uuid::new_v4().simple());
    let links = [(Source::Stripe, &payer.stripe_subscription_id), (Source::RevenueCat, &payer.original_transaction_id)];
    let mut adopted = Said {
        source: Source::Legacy,
        reference: &format!("user:{}", payer.id),
        user: payer.id,
        event_id: &event_id,
        kind: ADOPTED,
        status: None,
        tier: Some(tier),
        happened_at: now,
        ends_at: None,
    };
    for (source, link) in links {
        let Some(link) = link.as_deref().filter(|link| (1..=REFERENCE_MAX).contains(&link.len())) else { continue };
        if sql::insert_entitlement(tx, source.name(), link, payer.id, now).await? > 0 {
            // Whatever the source says came after it.
            adopted = Said { source, reference: link, happened_at: Timestamp::EPOCH, ..adopted };
            break;
        }
    }
    if adopted.source == Source::Legacy {
        sql::insert_entitlement(tx, adopted.source.name(), adopted.reference, payer.id, now).await?;
    }
    write(tx, &adopted, now).await?;
    refold(tx, adopted.source, adopted.reference, payers, now).await?;
    Ok(())
}

/// Gives a purchase that was not heard of before to the user whose account names it, if that is another one.
async fn link(tx: &Tx, said: &Said<'_>, payers: &Payers, now: Timestamp) -> Result<()> {
    let names_it = |payer: &&LockedRow| payer.original_transaction_id.as_deref() == Some(said.reference);
    let Some(holder) = payers.values().find(names_it).filter(|holder| holder.id != said.user) else { return Ok(()) };
    let event_id = format!("{LINKED}:{}", holder.id);
    let linked = Said {
        user: holder.id,
        event_id: &event_id,
        kind: LINKED,
        status: None,
        tier: None,
        happened_at: Timestamp::EPOCH,
        ends_at: None,
        ..*said
    };
    write(tx, &linked, now).await?;
    Ok(())
}

async fn write(tx: &Tx, said: &Said<'_>, now: Timestamp) -> Result<i64> {
    let Said { source, reference, user, event_id, kind, status, tier, happened_at, ends_at } = *said;
    let tier = tier.map(Tier::name);
    let row = sql::insert_statement(
        tx,
        source.name(),
        reference,
        user,
        event_id,
        kind,
        status,
        tier,
        happened_at,
        ends_at,
        now,
    );
    Ok(row.await?.number)
}

/// A source that is known says that the lifter pays for this tier, or did: a level up to it that nobody accounted for was that
/// one's.
async fn replace_legacy(tx: &Tx, said: &Said<'_>, tier: Tier, payers: &Payers, now: Timestamp) -> Result<()> {
    let explained: Vec<&str> = Tier::ALL.iter().filter(|other| **other <= tier).map(|other| other.name()).collect();
    if sql::insert_replaced(tx, said.user, said.event_id, REPLACED, &explained, now).await? > 0 {
        refold(tx, Source::Legacy, &format!("user:{}", said.user), payers, now).await?;
    }
    Ok(())
}

/// What the ledger comes to for a subscription.
async fn fold(tx: &Tx, source: Source, reference: &str) -> Result<Option<Standing>> {
    let (statements, transfers) = tokio::try_join!(
        biased;
        sql::list_statements(tx, source.name(), reference),
        sql::list_transfers(tx, source.name(), reference),
    )?;
    let statements: Vec<Statement> = statements.into_iter().map(Statement::from).collect();
    let transfers: Vec<Transfer> = transfers.into_iter().map(Transfer::from).collect();
    Ok(rules::standing(source, &statements, &transfers))
}

/// Makes the row of a subscription what the ledger comes to.
async fn store(
    tx: &Tx,
    source: Source,
    reference: &str,
    standing: &Standing,
    payers: &Payers,
    now: Timestamp,
) -> Result<()> {
    let owner = standing.owner.filter(|owner| payers.contains_key(owner)); // others have deleted their accounts
    let (tier, active, ends_at) = (standing.tier.name(), standing.is_active(now), standing.ends_at());
    sql::update_entitlement(tx, source.name(), reference, owner, tier, active, ends_at, now).await?;
    Ok(())
}

/// Brings the row of a subscription into step with the ledger.
async fn refold(tx: &Tx, source: Source, reference: &str, payers: &Payers, now: Timestamp) -> Result<()> {
    match fold(tx, source, reference).await? {
        Some(standing) => store(tx, source, reference, &standing, payers, now).await,
        None => Ok(()),
    }
}

/// Brings levels and links into step with what these users have. Who gives a link away comes before who gets it.
async fn settle(tx: &Tx, payers: &Payers, cause: &str, now: Timestamp) -> Result<()> {
    let users: Vec<UserId> = payers.keys().copied().collect();
    let (_, held) = tokio::try_join!(biased; sql::update_lapsed(tx, &users, now), sql::list_entitlements(tx, &users))?;
    let mut changes: Vec<(&LockedRow, Columns)> = payers
        .values()
        .map(|payer| (payer, columns(payer, &held)))
        .filter(|(payer, wanted)| wanted.differ(payer))
        .collect();
    changes.sort_by_key(|(_, wanted)| wanted.links());
    for (payer, wanted) in changes {
        let level = wanted.level_name(payer);
        let Columns { subscription, transaction, .. } = &wanted;
        tokio::try_join!(
            biased;
            sql::update_payer(tx, payer.id, level, subscription.as_deref(), transaction.as_deref()),
            announce_change(tx, payer, level, cause, now),
        )?;
    }
    Ok(())
}

async fn announce_change(tx: &Tx, payer: &LockedRow, level: &str, cause: &str, now: Timestamp) -> Result<()> {
    if level == payer.subscription_level {
        return Ok(());
    }
    let event = NewEvent {
        topic: Topic::SubscriptionChanged,
        key: &format!("{cause}:{}", payer.id),
        aggregate: format!("level:{}", payer.id),
        payload: json!({ "user_id": payer.id, "from": payer.subscription_level, "to": level }),
    };
    outbox::publish(tx, &event, now).await
}

/// Has the level of whoever has the purchase then looked at again when its end has come. Only stores tell an end before it.
async fn announce_end(tx: &Tx, said: &Said<'_>, now: Timestamp) -> Result<()> {
    let event = NewEvent {
        topic: Topic::SubscriptionChanged,
        key: &format!("{}:end", said.event_id),
        aggregate: format!("end:{}", said.event_id), // its own: nothing may wait for it
        payload: json!({ "reference": said.reference }),
    };
    outbox::publish_for(tx, &event, now, said.ends_at.unwrap_or(now)).await
}

impl From<StatementRow> for Statement {
    fn from(row: StatementRow) -> Self {
        let StatementRow { number, user_id: user, kind, status, tier, happened_at, ends_at, event_id } = row;
        Self { number, user, kind, status, tier: tier.as_deref().and_then(Tier::of), happened_at, ends_at, event_id }
    }
}

impl From<TransferRow> for Transfer {
    fn from(row: TransferRow) -> Self {
        Self { from: row.from_user, to: row.to_user, happened_at: row.happened_at, event_id: row.event_id }
    }
}
