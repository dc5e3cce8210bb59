//! Opening a session, and forgetting those that have long been over.

use super::client::Client;
use super::rules::{FORGOTTEN_MAX, KEPT_S, LIFE_MAX_S, LIVE_MAX};
use super::sql::{self, SessionRow};
use super::wire::Pair;
use crate::app::App;
use crate::error::{Error, Problem, Result};
use crate::ids::{SessionId, UserId};
use crate::time::Timestamp;
use crate::token::Refresh;

/// When a session is over that is opened or refreshed now and never again.
pub fn idle_ends_at(app: &App, now: Timestamp) -> Timestamp {
    now.plus_s(app.config.tokens.refresh_life_s.min(LIFE_MAX_S))
}

/// What somebody opens a session with.
enum Proof<'a> {
    /// The password behind this hash.
    Password(&'a str),
    /// A refresh token of the earlier server.
    Token(&'a Refresh),
}

/// Opens a session for whoever gave the password behind this hash.
///
/// # Errors
/// 401 if the account is not active, or the password was changed meanwhile.
pub async fn open(app: &App, user: UserId, password_hash: &str, client: &Client) -> Result<Pair> {
    let now = app.clock.now();
    let id = SessionId(uuid::Uuid::new_v4());
    let opened = insert(app, user, id, Proof::Password(password_hash), client, now).await?;
    let row = opened.ok_or_else(|| Error::new(Problem::InvalidCredentials))?;
    forget(app, now).await;
    Pair::of(app, &row, now)
}

/// Opens the session that a refresh token of the earlier server stands for; nothing if it was opened before, or all such
/// tokens have ended.
///
/// # Errors
/// As its statement.
pub async fn open_legacy(app: &App, token: &Refresh, client: &Client, now: Timestamp) -> Result<Option<SessionRow>> {
    insert(app, token.user, token.session, Proof::Token(token), client, now).await
}

async fn insert(
    app: &App,
    user: UserId,
    id: SessionId,
    proof: Proof<'_>,
    client: &Client,
    now: Timestamp,
) -> Result<Option<SessionRow>> {
    let (password_hash, issued_at, legacy_expires_at) = match proof {
        Proof::Password(hash) => (Some(hash), None, None),
        Proof::Token(token) => (None, Some(token.issued_at), token.legacy_expires_at),
    };
    let (idle_ends_at, absolute_ends_at) = (idle_ends_at(app, now), now.plus_s(LIFE_MAX_S));
    let (user_agent, address) = (client.user_agent.as_deref(), Some(client.address.as_str()));
    sql::insert_session(
        &app.db,
        user,
        password_hash,
        issued_at,
        id,
        now,
        idle_ends_at,
        absolute_ends_at,
        user_agent,
        address,
        legacy_expires_at,
        LIVE_MAX,
    )
    .await
}

/// Forgets some sessions that have long been over. Nobody waits for that, so a failure is for the log.
async fn forget(app: &App, now: Timestamp) {
    if let Err(error) = sql::delete_over(&app.db, now.minus_s(KEPT_S), now, FORGOTTEN_MAX).await {
        tracing::warn!(error = error.chain(), "old sessions could not be forgotten");
    }
}
