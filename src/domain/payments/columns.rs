//! What the users table says of who pays for what: the level, and the links that the earlier server reads. Pure.

use super::rules::{Source, Tier};
use super::sql::{EntitlementRow, LockedRow};

/// Level and links as they should be.
pub struct Columns {
    /// The level; none is free.
    pub level: Option<Tier>,
    /// Stripe's subscription that gives something.
    pub subscription: Option<String>,
    /// The store's purchase, also one that gives nothing any more: it is known again when it is renewed.
    pub transaction: Option<String>,
}

impl Columns {
    /// Whether the account says anything else. A level that is not one of ours stays where nobody pays for anything.
    pub fn differ(&self, payer: &LockedRow) -> bool {
        Tier::of(&payer.subscription_level) != self.level
            || payer.stripe_subscription_id != self.subscription
            || payer.original_transaction_id != self.transaction
    }

    /// The level's name; the stored one, if that means the same.
    pub fn level_name<'a>(&self, payer: &'a LockedRow) -> &'a str {
        if Tier::of(&payer.subscription_level) == self.level {
            return &payer.subscription_level;
        }
        Tier::level_name(self.level)
    }

    /// How many links there are.
    pub fn links(&self) -> usize {
        usize::from(self.subscription.is_some()) + usize::from(self.transaction.is_some())
    }
}

/// What this account should say, with what it and others have.
pub fn columns(payer: &LockedRow, held: &[EntitlementRow]) -> Columns {
    let own = || held.iter().filter(|row| row.user_id == Some(payer.id));
    let of = |source: Source| own().filter(move |row| row.source == source.name());
    // What gives most comes first, then what changed last.
    let best = |source| of(source).max_by_key(|row| (row.active, Tier::of(&row.tier), row.changed_at, &row.reference));
    let ends = of(Source::Stripe).any(|row| Some(&row.reference) == payer.stripe_subscription_id.as_ref());
    let kept_subscription = || payer.stripe_subscription_id.clone().filter(|_| !ends);
    let named = |row: &&EntitlementRow| !row.reference.starts_with("user:");
    let passed_on = held.iter().any(|row| {
        row.source == Source::RevenueCat.name()
            && row.user_id != Some(payer.id)
            && Some(&row.reference) == payer.original_transaction_id.as_ref()
    });
    let kept_transaction = || payer.original_transaction_id.clone().filter(|_| !passed_on);
    let subscription = best(Source::Stripe).filter(|row| row.active).map(|row| row.reference.clone());
    let transaction = best(Source::RevenueCat).filter(named).map(|row| row.reference.clone());
    Columns {
        level: own().filter(|row| row.active).filter_map(|row| Tier::of(&row.tier)).max(),
        subscription: subscription.or_else(kept_subscription),
        transaction: transaction.or_else(kept_transaction),
    }
}
