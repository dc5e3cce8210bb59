//! The session routes.

use std::sync::Arc;

use super::client::Client;
use super::cookie::{self, RefreshCookie};
use super::leaving::{self, Leaver};
use super::refreshing;
use super::sql;
use super::wire::{AccessToken, LogoutQuery, RefreshRequest, Scope, Session, TokenPair, WithCookie};
use crate::app::App;
use crate::domain::auth::{Caller, User};
use crate::error::{Error, Noun, Result};
use crate::http::{Json, Limited, NoContent, Path, Query};
use crate::ids::SessionId;

pub async fn refresh_by_cookie(
    app: Arc<App>,
    RefreshCookie(token): RefreshCookie,
    limited: Limited,
    client: Client,
) -> Result<WithCookie<Json<AccessToken>>> {
    let pair = refreshing::refresh(&app, &limited, &token, &client).await?;
    let cookie = pair.cookie(&app);
    Ok(WithCookie(Json(pair.into()), cookie))
}

pub async fn refresh(
    app: Arc<App>,
    limited: Limited,
    client: Client,
    Json(request): Json<RefreshRequest>,
) -> Result<Json<TokenPair>> {
    let pair = refreshing::refresh(&app, &limited, &request.refresh_token.0, &client).await?;
    Ok(Json(pair.into()))
}

pub async fn logout(app: Arc<App>, _: User, caller: Caller) -> Result<WithCookie<NoContent>> {
    leaving::end_own(&app, &caller, app.clock.now()).await?;
    Ok(WithCookie(NoContent, cookie::clearing(&app.config.cookie)))
}

pub async fn leave(
    app: Arc<App>,
    leaver: Leaver,
    client: Client,
    Query(query): Query<LogoutQuery>,
) -> Result<NoContent> {
    leaving::leave(&app, leaver, &client, query.scope.unwrap_or(Scope::Local)).await?;
    Ok(NoContent)
}

pub async fn list(app: Arc<App>, User(user): User, caller: Caller) -> Result<Json<Vec<Session>>> {
    let rows = sql::list_sessions(&app.db, user, app.clock.now()).await?;
    Ok(Json(rows.into_iter().map(|row| Session::new(row, &caller)).collect()))
}

pub async fn revoke(app: Arc<App>, User(user): User, Path((session,)): Path<(SessionId,)>) -> Result<NoContent> {
    match sql::end_session(&app.db, session, user, app.clock.now(), "revoked").await? {
        0 => Err(Error::not_found(Noun::Session)),
        _ => Ok(NoContent),
    }
}
