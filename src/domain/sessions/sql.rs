//! Statements about sessions.

use crate::ids::{SessionId, UserId};
use crate::time::Timestamp;
use crate::{row, statements};

row! { /// What a session's tokens are made of.
pub struct SessionRow {
    /// Its id.
    id: SessionId,
    /// Whose it is.
    user_id: UserId,
    /// How often it was refreshed.
    counter: i32,
    /// When it was refreshed last, or opened.
    last_refreshed_at: Timestamp,
    /// When it is over unless it is refreshed.
    idle_ends_at: Timestamp,
} }

row! { /// A session as its owner sees it.
pub struct ListedRow {
    /// Its id.
    id: SessionId,
    /// When it was opened.
    created_at: Timestamp,
    /// When it was refreshed last, or opened.
    last_refreshed_at: Timestamp,
    /// What the client that refreshed it last called itself.
    user_agent: Option<String>,
    /// That client's address.
    address: Option<String>,
} }

statements! {
    /// Opens a session, unless the account is not what it was taken for or the id is taken.
    pooled fn insert_session(
        user: UserId, password_hash: Option<&str>, issued_at: Option<Timestamp>, id: SessionId, now: Timestamp,
        idle_ends_at: Timestamp, absolute_ends_at: Timestamp, user_agent: Option<&str>, address: Option<&str>,
        legacy_expires_at: Option<Timestamp>, live_max: i64,
    ) -> opt SessionRow = "sessions/insert_session";
    /// Counts a session on, if it lives and stands at this count.
    pooled fn step(
        id: SessionId, counter: i32, now: Timestamp, idle_ends_at: Timestamp, user_agent: Option<&str>, address: Option<&str>,
    ) -> opt SessionRow = "sessions/update_counter";
    /// A session, if it lives.
    shared fn get_session(id: SessionId, now: Timestamp) -> opt SessionRow = "sessions/get_session";
    /// A lifter's live sessions.
    shared fn list_sessions(user: UserId, now: Timestamp) -> many ListedRow = "sessions/list_sessions";
    /// Ends a session, if it is the lifter's and lives.
    pooled fn end_session(id: SessionId, user: UserId, now: Timestamp, reason: &str) -> exec = "sessions/update_ended";
    /// Ends a lifter's sessions but one, and the tokens without a session that were issued until `sessionless_until`.
    pooled fn end_sessions(
        user: UserId, spared: Option<SessionId>, sessionless_until: Timestamp, now: Timestamp, reason: &str,
    ) -> exec = "sessions/update_all_ended";
    /// Forgets some sessions that have long been over.
    pooled fn delete_over(over_before: Timestamp, now: Timestamp, max: i64) -> exec = "sessions/delete_over";
}
