//! Statements about answers that are kept.

use crate::ids::UserId;
use crate::time::Timestamp;
use crate::{row, statements};

row! { /// Whether a number was free.
pub struct LockRow {
    /// It was, and is ours now.
    is_ours: bool,
} }

row! { /// What was answered.
pub struct AnswerRow {
    /// Whether it was the request with this fingerprint.
    is_same: bool,
    /// The answer's status.
    status: i32,
    /// Its body, which is JSON.
    body: String,
} }

statements! {
    /// Takes a number until the end of the transaction, if nobody has it.
    pooled fn lock_key(number: i64) -> one LockRow = "idempotency/lock_key";
    /// What was answered to the lifter's request with this key after `since`, if there was one.
    pooled fn get_answer(user: UserId, key: &str, fingerprint: &[u8], since: Timestamp) -> opt AnswerRow
        = "idempotency/get_answer";
    /// Stores an answer.
    pooled fn upsert_answer(user: UserId, key: &str, fingerprint: &[u8], status: i32, body: &str, now: Timestamp) -> exec
        = "idempotency/upsert_answer";
    /// Removes so many answers that were stored by then.
    pooled fn delete_answers(until: Timestamp, max: i64) -> exec = "idempotency/delete_answers";
}
