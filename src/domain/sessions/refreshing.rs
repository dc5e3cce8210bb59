//! Refreshing: one statement turns the counter of a session on, for whoever comes first with its current token. Everybody
//! else is judged by how far the token lags behind.

use super::client::Client;
use super::opening::{idle_ends_at, open_legacy};
use super::rules::{Verdict, in_grace, verdict};
use super::sql::{self, SessionRow};
use super::wire::{Pair, no_session};
use crate::app::App;
use crate::error::{Error, Problem, Result};
use crate::http::Limited;
use crate::time::Timestamp;
use crate::token::Refresh;

/// The next pair of tokens, or the current one for a token that lags behind and is forgiven.
///
/// # Errors
/// 401 if the token is none, its session is over or its time has passed; 401 `refresh_token_reused`, and the session ends, if
/// it is one that somebody else must have; 429 after too many refreshes of it.
pub async fn refresh(app: &App, limited: &Limited, token: &str, client: &Client) -> Result<Pair> {
    let now = app.clock.now();
    let outcome = row_of(app, limited, token, client, now).await;
    app.telemetry.metrics.refresh(outcome.as_ref().map(|(_, how)| *how));
    Pair::of(app, &outcome?.0, now)
}

/// The session as it is from now on, and how it came to be so.
async fn row_of(
    app: &App,
    limited: &Limited,
    token: &str,
    client: &Client,
    now: Timestamp,
) -> Result<(SessionRow, &'static str)> {
    let token = app.tokens.verify_refresh(token, now).map_err(|_| no_session())?;
    limited.refresh(token.session).await?;
    let stepped = match token.legacy_expires_at {
        // It counts as the token before the first one of the session that it opens.
        Some(_) => open_legacy(app, &token, client, now).await?,
        None => step(app, &token, client, now).await?,
    };
    match stepped {
        Some(row) => Ok((row, "rotated")),
        None => Ok((current(app, &token, client, now).await?, "repeated")),
    }
}

async fn step(app: &App, token: &Refresh, client: &Client, now: Timestamp) -> Result<Option<SessionRow>> {
    let (user_agent, address) = (client.user_agent.as_deref(), Some(client.address.as_str()));
    sql::step(&app.db, token.session, token.counter, now, idle_ends_at(app, now), user_agent, address).await
}

/// The session as it stands, for a token that did not turn it on.
async fn current(app: &App, token: &Refresh, client: &Client, now: Timestamp) -> Result<SessionRow> {
    let row = sql::get_session(&app.db, token.session, now).await?.ok_or_else(no_session)?;
    let in_grace = in_grace(row.last_refreshed_at, now);
    match verdict(token.counter, row.counter, in_grace, app.config.tokens.refresh_strict) {
        Verdict::Current => Ok(row),
        Verdict::Refused => Err(no_session()),
        Verdict::Reused => {
            end_reused(app, &row, token, client, now).await?;
            Err(Error::new(Problem::RefreshTokenReused))
        }
    }
}

/// Ends the session for good, and tells the operator once.
async fn end_reused(app: &App, row: &SessionRow, token: &Refresh, client: &Client, now: Timestamp) -> Result<()> {
    let ended = sql::end_session(&app.db, row.id, row.user_id, now, "refresh_token_reused").await?;
    if ended > 0 {
        tracing::warn!(
            security_event = "refresh_token_reused",
            user_id = %row.user_id,
            session_id = %row.id,
            presented = token.counter,
            stored = row.counter,
            address = client.address,
            user_agent = client.user_agent,
            "a refresh token was used again after others had followed it; the session has ended"
        );
    }
    Ok(())
}
