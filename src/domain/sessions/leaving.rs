//! Ending sessions: one, the others, all.

use super::client::Client;
use super::opening::open_legacy;
use super::sql;
use super::wire::{LogoutRequest, Scope, no_session};
use crate::app::App;
use crate::db::statement::Conn;
use crate::domain::auth::{self, Caller};
use crate::error::{Problem, Result};
use crate::http::extract::OptionalJson;
use crate::http::{Cx, FromCx, Operation};
use crate::time::Timestamp;
use crate::token::Refresh;

/// Who wants to leave.
pub enum Leaver {
    /// Whoever holds this refresh token. Its session may be over.
    Holder(Refresh),
    /// Whoever the access token names; their session lives.
    Caller(Caller),
}

impl FromCx for Leaver {
    async fn from_cx(cx: &mut Cx) -> Result<Self> {
        // The body first: an access token that a client sends along may have expired before the refresh token.
        let body = OptionalJson::<LogoutRequest>::from_cx(cx).await?.0;
        if let Some(token) = body.and_then(|body| body.refresh_token) {
            let token = cx.app.tokens.verify_refresh(&token.0, cx.app.clock.now());
            return token.map(Self::Holder).map_err(|_| no_session());
        }
        let caller = Caller::from_cx(cx).await?;
        auth::check(&cx.app.db, caller).await?;
        Ok(Self::Caller(caller))
    }

    fn describe(operation: &mut Operation) {
        OptionalJson::<LogoutRequest>::describe(operation);
        operation.failures.insert(Problem::InvalidToken.status());
    }
}

/// Ends what this scope says.
///
/// # Errors
/// 401 if a session that is over wants to end others.
pub async fn leave(app: &App, leaver: Leaver, client: &Client, scope: Scope) -> Result<()> {
    let now = app.clock.now();
    let caller = match leaver {
        Leaver::Caller(caller) => caller,
        Leaver::Holder(token) => {
            if token.legacy_expires_at.is_some() {
                open_legacy(app, &token, client, now).await?; // what was never opened could be opened later
            }
            Caller { user: token.user, session: Some(token.session), issued_at: token.issued_at }
        }
    };
    if scope == Scope::Local {
        return end_own(app, &caller, now).await;
    }
    auth::check(&app.db, caller).await?;
    match scope {
        Scope::All => sql::end_sessions(&app.db, caller.user, None, now, now, "logout_all").await.map(|_| ()),
        Scope::Others | Scope::Local => end_others(&app.db, caller, "logout_others", now).await,
    }
}

/// Ends the caller's own session. A token that names none lives out its hour.
///
/// # Errors
/// As its statement.
pub async fn end_own(app: &App, caller: &Caller, now: Timestamp) -> Result<()> {
    if let Some(session) = caller.session {
        sql::end_session(&app.db, session, caller.user, now, "logout").await?;
    }
    Ok(())
}

/// Ends all sessions of the caller's account but their own. Of tokens that name no session, those as young as the caller's own
/// stay: nothing tells them apart.
///
/// # Errors
/// As its statement.
pub async fn end_others(db: &impl Conn, caller: Caller, reason: &str, now: Timestamp) -> Result<()> {
    let sessionless_until = if caller.session.is_some() { now } else { caller.issued_at.minus_s(1) };
    sql::end_sessions(db, caller.user, caller.session, sessionless_until, now, reason).await?;
    Ok(())
}
