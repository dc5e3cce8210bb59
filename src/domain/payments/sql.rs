//! Statements about what lifters pay for.

use crate::ids::UserId;
use crate::time::Timestamp;
use crate::{row, statements};

row! { /// What paying needs of an account.
pub struct PayerRow {
    /// Where receipts go.
    email: String,
    /// Its customer at Stripe.
    stripe_customer_id: Option<String>,
} }

row! { /// The customer of an account.
pub struct CustomerRow {
    /// Its id at Stripe.
    stripe_customer_id: String,
} }

row! { /// An account.
pub struct UserRow {
    id: UserId,
} }

row! { /// An account that is concerned.
pub struct PartyRow {
    user_id: UserId,
} }

row! { /// A locked account, as the earlier server reads it, too.
pub struct LockedRow {
    /// Its id.
    id: UserId,
    /// Its level.
    subscription_level: String,
    /// Its subscription at Stripe.
    stripe_subscription_id: Option<String>,
    /// Its purchase in a store.
    original_transaction_id: Option<String>,
} }

row! { /// A lock that is held.
pub struct StoreRow {
    #[expect(dead_code, reason = "that there is a row is the answer")]
    locked: String,
} }

row! { /// A subscription that somebody has.
pub struct EntitlementRow {
    /// Whose it is.
    user_id: Option<UserId>,
    /// Who says so.
    source: String,
    /// Its name there.
    reference: String,
    /// What it gives.
    tier: String,
    /// Whether it gives it.
    active: bool,
    /// When that changed.
    changed_at: Timestamp,
} }

row! { /// Whose a purchase is.
pub struct OwnerRow {
    /// Nobody's whom we know, if there is none.
    user_id: Option<UserId>,
} }

row! { /// The number of a statement.
pub struct NumberRow {
    number: i64,
} }

row! { /// What was said of a subscription.
pub struct StatementRow {
    number: i64,
    user_id: UserId,
    kind: String,
    status: Option<String>,
    tier: Option<String>,
    happened_at: Timestamp,
    ends_at: Option<Timestamp>,
    event_id: String,
} }

row! { /// A transfer between two users.
pub struct TransferRow {
    from_user: UserId,
    to_user: Option<UserId>,
    happened_at: Timestamp,
    event_id: String,
} }

row! { /// The name of a subscription.
pub struct ReferenceRow {
    reference: String,
} }

statements! {
    /// What paying needs of an account.
    shared fn get_payer(user: UserId) -> opt PayerRow = "payments/get_payer";
    /// Links an account to a customer unless it has another one than the one that is gone; answers whom it has.
    pooled fn update_customer(user: UserId, customer: &str, gone: Option<&str>) -> opt CustomerRow = "payments/update_customer";
    /// Notes that an event has come, unless it came before.
    pooled fn insert_webhook_event(
        provider: &str, event_id: &str, kind: &str, happened_at: Option<Timestamp>, now: Timestamp,
    ) -> exec = "payments/insert_webhook_event";
    /// Forgets some of the events that came by this time.
    pooled fn delete_webhook_events(until: Timestamp, at_most: i64) -> exec = "payments/delete_webhook_events";
    /// The account of a customer.
    shared fn get_customer_user(customer: &str) -> opt UserRow = "payments/get_customer_user";
    /// Who has a subscription.
    shared fn get_subscriber(subscription: &str) -> opt UserRow = "payments/get_subscriber";
    /// Those of these accounts that there are.
    shared fn list_known(users: &[UserId]) -> many UserRow = "payments/list_known";
    /// Keeps other events of the stores waiting until the end of the transaction.
    pooled fn lock_store() -> one StoreRow = "payments/lock_store";
    /// Everybody whose level can depend on these subscriptions, or on what these users have.
    pooled fn list_parties(source: &str, references: &[String], users: &[UserId]) -> many PartyRow = "payments/list_parties";
    /// Locks accounts until the end of the transaction.
    pooled fn lock_payers(users: &[UserId]) -> many LockedRow = "payments/lock_payers";
    /// What these users have.
    pooled fn list_entitlements(users: &[UserId]) -> many EntitlementRow = "payments/list_entitlements";
    /// Makes the row of a subscription of which nothing was said before.
    pooled fn insert_entitlement(source: &str, reference: &str, user: UserId, now: Timestamp) -> exec =
        "payments/insert_entitlement";
    /// Writes into the ledger what was said of a subscription.
    pooled fn insert_statement(
        source: &str, reference: &str, user: UserId, event_id: &str, kind: &str, status: Option<&str>, tier: Option<&str>,
        happened_at: Timestamp, ends_at: Option<Timestamp>, now: Timestamp,
    ) -> one NumberRow = "payments/insert_statement";
    /// Writes into the ledger that the source of an unaccounted level has turned up.
    pooled fn insert_replaced(user: UserId, event_id: &str, kind: &str, tiers: &[&str], now: Timestamp) -> exec =
        "payments/insert_replaced";
    /// Writes into the ledger that purchases of these users became another's.
    pooled fn insert_transfers(
        event_id: &str, from: &[UserId], to: Option<UserId>, happened_at: Timestamp, now: Timestamp,
    ) -> exec = "payments/insert_transfers";
    /// What was said of a subscription.
    pooled fn list_statements(source: &str, reference: &str) -> many StatementRow = "payments/list_statements";
    /// The transfers that can have moved a purchase.
    pooled fn list_transfers(source: &str, reference: &str) -> many TransferRow = "payments/list_transfers";
    /// The store purchases that a transfer from these users can move.
    pooled fn list_transferable(users: &[UserId]) -> many ReferenceRow = "payments/list_transferable";
    /// Whose a purchase in a store is.
    pooled fn get_owner(reference: &str) -> opt OwnerRow = "payments/get_owner";
    /// Stores what the ledger says of a subscription.
    pooled fn update_entitlement(
        source: &str, reference: &str, owner: Option<UserId>, tier: &str, active: bool, ends_at: Option<Timestamp>, now: Timestamp,
    ) -> exec = "payments/update_entitlement";
    /// Ends what these users have whose time has come.
    pooled fn update_lapsed(users: &[UserId], now: Timestamp) -> exec = "payments/update_lapsed";
    /// Stores a level and the links that the earlier server reads.
    pooled fn update_payer(user: UserId, level: &str, subscription: Option<&str>, transaction: Option<&str>) -> exec =
        "payments/update_payer";
}
