//! Statements about events and those who work on them.

use serde_json::Value;
use uuid::Uuid;

use crate::time::Timestamp;
use crate::{row, statements};

row! { /// An event that was leased.
pub struct LeasedRow {
    id: i64,
    topic: String,
    payload: Value,
    attempts: i32,
    created_at: Timestamp,
    traceparent: Option<String>,
} }

row! { /// How the outbox does.
pub struct HealthRow {
    /// Open events.
    depth: i64,
    /// Since when the oldest due one has been due.
    due_since: Option<Timestamp>,
    /// Events that were given up.
    failed: i64,
    /// Names of those who work on it.
    workers: Vec<String>,
} }

impl HealthRow {
    /// Seconds for which the oldest due event has waited.
    #[must_use]
    pub fn age_s(&self, now: Timestamp) -> i64 {
        self.due_since.map_or(0, |since| now.unix_s() - since.unix_s()).max(0)
    }
}

row! { /// An event as operators see it.
pub struct EventRow {
    /// Its number.
    id: i64,
    /// What happened.
    topic: String,
    /// To what exactly.
    event_key: String,
    /// `pending`, `leased`, `completed` or `failed`.
    status: String,
    /// How often it was tried.
    attempts: i32,
    /// When it is taken next.
    available_at: Timestamp,
    /// When it happened.
    created_at: Timestamp,
    /// Why the last attempt failed.
    last_error: Option<String>,
} }

row! { /// A notice that was sent.
pub struct NoticeRow {
    #[expect(dead_code, reason = "that there is a row is the answer")]
    sent: String,
} }

statements! {
    /// Leaves an event for the worker, to be taken when it is due.
    pooled fn insert_event(
        topic: &str, payload: &Value, key: &str, aggregate: &str, now: Timestamp, due: Timestamp,
        traceparent: Option<&str>,
    ) -> exec = "outbox/insert_event";
    /// Leases due events of these topics until then.
    pooled fn claim_events(now: Timestamp, at_most: i64, lease: Uuid, until: Timestamp, topics: &[&str]) -> many LeasedRow =
        "outbox/claim_events";
    /// Prolongs a lease.
    pooled fn update_lease(id: i64, lease: Uuid, until: Timestamp) -> exec = "outbox/update_lease";
    /// Settles an event as done.
    pooled fn update_completed(id: i64, lease: Uuid, now: Timestamp) -> exec = "outbox/update_completed";
    /// Puts an event off until then, or gives it up.
    pooled fn update_failed(id: i64, lease: Uuid, until: Option<Timestamp>, now: Timestamp, error: &str) -> exec =
        "outbox/update_failed";
    /// Deletes what was settled long ago.
    pooled fn delete_settled(completed_before: Timestamp, failed_before: Timestamp) -> exec = "outbox/delete_settled";
    /// Notes that a worker lives, and forgets the others that were not seen since then.
    pooled fn upsert_worker(name: &str, now: Timestamp, gone_before: Timestamp) -> exec = "outbox/upsert_worker";
    /// Forgets a worker that ends.
    pooled fn delete_worker(name: &str) -> exec = "outbox/delete_worker";
    /// How the outbox does; workers count that were seen since then.
    pooled fn get_health(now: Timestamp, seen_since: Timestamp) -> one HealthRow = "outbox/get_health";
    /// The newest events in this state.
    pooled fn list_events(status: &str, limit: i64) -> many EventRow = "outbox/list_events";
    /// Opens events again that were given up: these, or all.
    pooled fn replay(ids: Option<&[i64]>, now: Timestamp) -> exec = "outbox/update_replayed";
    /// Wakes the workers of all processes.
    pooled fn notify_workers() -> one NoticeRow = "outbox/notify_workers";
}
