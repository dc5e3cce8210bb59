//! From what was said of a subscription to what it gives: an order of statements that does not depend on when they arrived.
//!
//! A subscription's standing is a function of the *set* of statements about it, so neither their order nor their repetition
//! matters. Statements take effect in this order:
//!
//! 1. A Stripe subscription that has ended never lives again (Stripe makes a new one), so what says so comes last.
//! 2. The earlier one first, by the time that the source itself gave it: seconds with Stripe, milliseconds with RevenueCat.
//! 3. Around a transfer of the same instant: what is said of the one who gives before it, of the one who takes after it.
//! 4. By kind, as a life goes: created, checkout completed, updated, deleted; a first purchase, anything else, an expiration.
//! 5. By status, as a life goes: incomplete, trialing, active, past due, unpaid.
//! 6. The lower tier first, then by the event's id.
//!
//! The last statement decides whether the subscription gives its tier; the last one that names a tier decides which.

use crate::ids::UserId;
use crate::time::Timestamp;

/// What a lifter can pay for; the higher one is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// Gold.
    Gold,
    /// Platinum.
    Platinum,
}

impl Tier {
    /// Every tier.
    pub const ALL: [Self; 2] = [Self::Gold, Self::Platinum];

    /// As it is stored.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gold => "gold",
            Self::Platinum => "platinum",
        }
    }

    /// The tier of this name. There are others in old rows: nobody pays for those.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tier| tier.name() == name)
    }

    /// What a level is called that may be none.
    #[must_use]
    pub fn level_name(level: Option<Self>) -> &'static str {
        level.map_or("free", Self::name)
    }
}

/// Who says whether a lifter pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// Stripe, for payments on the web.
    Stripe,
    /// RevenueCat, for purchases in the stores of phones.
    RevenueCat,
    /// The earlier server, which wrote a level without saying where it came from.
    Legacy,
}

impl Source {
    /// As it is stored.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stripe => "stripe",
            Self::RevenueCat => "revenuecat",
            Self::Legacy => "legacy",
        }
    }

    /// The source of this name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        [Self::Stripe, Self::RevenueCat, Self::Legacy].into_iter().find(|source| source.name() == name)
    }
}

/// The level of the earlier server, found in the users table.
pub const ADOPTED: &str = "adopted";
/// A store's transaction that the users table names, without a level that it gives.
pub const LINKED: &str = "linked";
/// A source that is known spoke up for a lifter with a level that nobody accounts for.
pub const REPLACED: &str = "replaced";
/// Somebody has paid on Stripe's page.
pub const CHECKOUT: &str = "checkout.session.completed";
/// The end of a Stripe subscription.
pub const DELETED: &str = "customer.subscription.deleted";
/// The end of a period that was paid for in a store.
pub const EXPIRATION: &str = "EXPIRATION";

/// Something that was said of a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Its number in the order of arrival. It decides nothing but who of two users claimed the same purchase first.
    pub number: i64,
    /// Of whom it was said.
    pub user: UserId,
    /// The event's type, or one of the words above.
    pub kind: String,
    /// The subscription's status, where the event tells it.
    pub status: Option<String>,
    /// The tier, where the event tells it.
    pub tier: Option<Tier>,
    /// When it came about.
    pub happened_at: Timestamp,
    /// With [`EXPIRATION`]: when the period ends.
    pub ends_at: Option<Timestamp>,
    /// The event's id.
    pub event_id: String,
}

/// All of a user's store purchases became another's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Whose they were.
    pub from: UserId,
    /// Whose they are; nobody's, if that one has no account here.
    pub to: Option<UserId>,
    /// When.
    pub happened_at: Timestamp,
    /// The event's id.
    pub event_id: String,
}

/// What a statement means for a lifter's level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// It is paid for.
    Paid,
    /// It was paid for and is no longer, from that instant on; without one: from the beginning.
    Ends(Option<Timestamp>),
    /// It was never paid for.
    Unpaid,
}

/// What a subscription's statements come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whose it is.
    pub owner: Option<UserId>,
    /// What it gives.
    pub tier: Tier,
    /// Whether it gives it.
    pub meaning: Meaning,
    /// The number of the statement that decided.
    pub decided_by: i64,
}

impl Standing {
    /// Whether it gives its tier at this time.
    #[must_use]
    pub fn is_active(&self, now: Timestamp) -> bool {
        match self.meaning {
            Meaning::Paid => true,
            Meaning::Ends(at) => at.is_some_and(|at| now < at),
            Meaning::Unpaid => false,
        }
    }

    /// When it ceases to give its tier by itself.
    #[must_use]
    pub fn ends_at(&self) -> Option<Timestamp> {
        match self.meaning {
            Meaning::Ends(at) => at,
            Meaning::Paid | Meaning::Unpaid => None,
        }
    }
}

/// What a status of Stripe's means; `None` for one that is not known, which changes nothing.
#[must_use]
pub fn status_meaning(status: &str) -> Option<Meaning> {
    match status {
        "active" | "trialing" | "past_due" => Some(Meaning::Paid),
        "unpaid" | "paused" | "canceled" => Some(Meaning::Ends(None)),
        "incomplete" | "incomplete_expired" => Some(Meaning::Unpaid),
        _ => None,
    }
}

impl Statement {
    /// What it means.
    #[must_use]
    pub fn meaning(&self) -> Meaning {
        match (self.kind.as_str(), self.status.as_deref()) {
            (LINKED, _) => Meaning::Unpaid,
            (REPLACED | DELETED, _) => Meaning::Ends(None),
            (EXPIRATION, _) => Meaning::Ends(self.ends_at),
            (_, Some(status)) => status_meaning(status).unwrap_or(Meaning::Unpaid),
            (_, None) => Meaning::Paid,
        }
    }

    fn is_final(&self) -> bool {
        self.kind == DELETED || matches!(self.status.as_deref(), Some("canceled" | "incomplete_expired"))
    }

    /// Places in a life: of the kind and of the status.
    fn stage(&self) -> (u8, u8) {
        let of_kind = match self.kind.as_str() {
            ADOPTED | LINKED | "customer.subscription.created" | "INITIAL_PURCHASE" => 0,
            CHECKOUT | "checkout.session.async_payment_succeeded" => 1,
            DELETED | EXPIRATION => 3,
            _ => 2,
        };
        let of_status = match self.status.as_deref() {
            None | Some("incomplete") => 0,
            Some("trialing") => 1,
            Some("active") => 2,
            Some("past_due") => 3,
            Some(_) => 4,
        };
        (of_kind, of_status)
    }
}

enum Step<'a> {
    Said(&'a Statement),
    Moved(&'a Transfer),
}

type Place<'a> = (bool, Timestamp, u8, (u8, u8), Option<Tier>, &'a str, i64);

impl<'a> Step<'a> {
    /// Where it stands in the order. The number of arrival comes last, for two that are the same in everything else.
    fn place(&self, transfers: &[Transfer]) -> Place<'a> {
        match self {
            Self::Said(said) => {
                let mut at_once = transfers.iter().filter(|transfer| transfer.happened_at == said.happened_at);
                let takes = at_once.any(|transfer| transfer.to == Some(said.user));
                let phase = if takes { 2 } else { 0 };
                (said.is_final(), said.happened_at, phase, said.stage(), said.tier, &said.event_id, said.number)
            }
            Self::Moved(moved) => (false, moved.happened_at, 1, (0, 0), None, &moved.event_id, 0),
        }
    }
}

/// What these statements about one subscription come to; `None` without any.
///
/// Stripe's statements are about the customer that Stripe names, and transfers are about purchases in stores. A store's purchase belongs to the user who is named first;
/// somebody else has it only after a transfer. Where two claim it without one, the claim that arrived first stands, and the
/// other's statements count for nothing unless a transfer turns up that explains them.
#[must_use]
pub fn standing(source: Source, statements: &[Statement], transfers: &[Transfer]) -> Option<Standing> {
    let transfers = if source == Source::RevenueCat { transfers } else { &[] };
    let said = statements.iter().map(Step::Said);
    let mut steps: Vec<Step<'_>> = said.chain(transfers.iter().map(Step::Moved)).collect();
    steps.sort_by(|a, b| a.place(transfers).cmp(&b.place(transfers)));
    let mut found: Option<Standing> = None;
    let mut claimed_by = i64::MAX; // the number of the claim that the owner's right rests on
    for step in steps {
        match (step, &mut found) {
            (Step::Moved(moved), Some(found)) if found.owner == Some(moved.from) => {
                found.owner = moved.to;
                claimed_by = i64::MIN; // nobody was there before a transfer
            }
            (Step::Moved(_), _) => {}
            (Step::Said(said), Some(found)) if source == Source::Stripe || is_owners(found, said) => {
                claimed_by = claimed_by.min(said.number);
                found.hear(said);
            }
            (Step::Said(said), found) => {
                if found.is_none() || said.number < claimed_by {
                    claimed_by = said.number;
                    *found = Some(Standing::first(said));
                }
            }
        }
    }
    found
}

/// Whether the one it is said of has the purchase, or nobody we know has.
fn is_owners(standing: &Standing, said: &Statement) -> bool {
    standing.owner.is_none_or(|owner| owner == said.user)
}

impl Standing {
    fn first(said: &Statement) -> Self {
        let mut standing = Self { owner: None, tier: Tier::Gold, meaning: Meaning::Unpaid, decided_by: said.number };
        standing.hear(said);
        standing
    }

    fn hear(&mut self, said: &Statement) {
        self.owner = Some(said.user);
        self.tier = said.tier.unwrap_or(self.tier);
        self.meaning = said.meaning();
        self.decided_by = said.number;
    }
}

/// The level of a lifter who has these: the highest tier that one gives.
#[must_use]
pub fn level<'a>(standings: impl IntoIterator<Item = &'a Standing>, now: Timestamp) -> Option<Tier> {
    standings.into_iter().filter(|standing| standing.is_active(now)).map(|standing| standing.tier).max()
}

#[cfg(test)]
mod properties;
