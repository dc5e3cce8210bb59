//! Sessions and their tokens on the wire.

use hyper::header::{HeaderValue, SET_COOKIE};
use serde_json::{Value, json};

use super::cookie;
use super::rules::access_terms;
use super::sql::{ListedRow, SessionRow};
use crate::app::App;
use crate::domain::auth::Caller;
use crate::error::{Error, Problem, Result};
use crate::http::reply::Response;
use crate::http::{Operation, Reply};
use crate::ids::SessionId;
use crate::schema::{At, Components, Input, Raw, Schema, Text, fail_type};
use crate::time::Timestamp;
use crate::{input, output, token};

output! { /// An access token.
pub struct AccessToken {
    /// For the header `Authorization: Bearer …`.
    access_token: String,
    /// Always `bearer`.
    token_type: &'static str,
    /// Seconds until it expires.
    expires_in: i64,
} }

output! { /// An access token, and the refresh token that buys the next pair.
pub struct TokenPair {
    /// For the header `Authorization: Bearer …`.
    access_token: String,
    /// For `/api/v1/auth/refresh`, once.
    refresh_token: String,
    /// Always `bearer`.
    token_type: &'static str,
    /// Seconds until the access token expires.
    expires_in: i64,
    /// The session that both belong to.
    session_id: SessionId,
} }

/// The current tokens of a session.
pub struct Pair {
    access_token: String,
    refresh_token: String,
    session: SessionId,
    access_life_s: i64,
    refresh_life_s: i64,
}

impl Pair {
    /// Signs them: the same ones for the same session at the same count, as long as tokens that lag behind are forgiven.
    ///
    /// # Errors
    /// `Internal` if signing fails.
    pub fn of(app: &App, row: &SessionRow, now: Timestamp) -> Result<Self> {
        let (user, session) = (row.user_id, row.id);
        let (iat, exp) = access_terms(row.last_refreshed_at, row.idle_ends_at, app.config.tokens.access_life_s, now);
        let (refreshed, ends) = (row.last_refreshed_at.unix_s(), row.idle_ends_at.unix_s());
        Ok(Self {
            access_token: app.tokens.access(user, session, iat, exp)?,
            refresh_token: app.tokens.refresh(user, session, row.counter, refreshed, ends)?,
            session,
            access_life_s: exp - now.unix_s(),
            refresh_life_s: ends - now.unix_s(),
        })
    }

    /// The `Set-Cookie` header with the refresh token.
    #[must_use]
    pub fn cookie(&self, app: &App) -> String {
        cookie::setting(&self.refresh_token, self.refresh_life_s, &app.config.cookie)
    }
}

impl From<Pair> for AccessToken {
    fn from(pair: Pair) -> Self {
        Self { access_token: pair.access_token, token_type: "bearer", expires_in: pair.access_life_s }
    }
}

impl From<Pair> for TokenPair {
    fn from(pair: Pair) -> Self {
        Self {
            access_token: pair.access_token,
            refresh_token: pair.refresh_token,
            token_type: "bearer",
            expires_in: pair.access_life_s,
            session_id: pair.session,
        }
    }
}

/// A reply with a `Set-Cookie` header.
pub struct WithCookie<R>(pub R, pub String);

impl<R: Reply> Reply for WithCookie<R> {
    fn reply(self) -> Result<Response> {
        let mut response = self.0.reply()?;
        response.headers_mut().insert(SET_COOKIE, HeaderValue::from_str(&self.1).map_err(Error::internal)?);
        Ok(response)
    }

    fn describe(operation: &mut Operation) {
        R::describe(operation);
    }
}

/// A refresh token that was sent: any text, which is never shown.
#[derive(Clone)]
pub struct GivenToken(pub String);

impl std::fmt::Debug for GivenToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GivenToken(***)")
    }
}

impl Input for GivenToken {
    fn read(raw: Raw<'_>, at: &mut At<'_>) -> Option<Self> {
        let Text::<1, { token::BYTES_MAX }>(text) = Text::read(raw, at)?;
        Some(Self(text))
    }
}

impl Schema for GivenToken {
    fn schema(components: &mut Components) -> Value {
        Text::<1, { token::BYTES_MAX }>::schema(components)
    }
}

input! { /// A refresh token.
pub struct RefreshRequest {
    /// The last one that was handed out.
    refresh_token: GivenToken,
} }

input! { /// Whose session ends, where no access token says it.
pub struct LogoutRequest {
    /// A refresh token of the session.
    refresh_token: Option<GivenToken>,
} }

/// Which of a lifter's sessions end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The one that asks.
    Local,
    /// All but the one that asks.
    Others,
    /// All.
    All,
}

impl Input for Scope {
    fn read(raw: Raw<'_>, at: &mut At<'_>) -> Option<Self> {
        match raw.text() {
            Some("local") => Some(Self::Local),
            Some("others") => Some(Self::Others),
            Some("all") => Some(Self::All),
            Some(_) => at.fail("format", "be local, others or all"),
            None => fail_type(raw, at, "be local, others or all"),
        }
    }
}

impl Schema for Scope {
    fn schema(_: &mut Components) -> Value {
        json!({ "type": "string", "enum": ["local", "others", "all"] })
    }
}

input! { /// Which sessions end.
pub struct LogoutQuery {
    /// `local` if absent.
    scope: Option<Scope>,
} }

output! { /// A session of one's own that lives.
pub struct Session {
    /// Its id.
    id: SessionId,
    /// When it was opened.
    created_at: Timestamp,
    /// When it was refreshed last, or opened.
    last_refreshed_at: Timestamp,
    /// What the client that refreshed it last called itself.
    user_agent: Option<String>,
    /// That client's address.
    ip: Option<String>,
    /// Whether it is the one that asks.
    current: bool,
} }

impl Session {
    /// The session as this caller sees it.
    #[must_use]
    pub fn new(row: ListedRow, caller: &Caller) -> Self {
        Self {
            current: caller.session == Some(row.id),
            id: row.id,
            created_at: row.created_at,
            last_refreshed_at: row.last_refreshed_at,
            user_agent: row.user_agent,
            ip: row.address,
        }
    }
}

/// 401: the refresh token opens no session.
#[must_use]
pub fn no_session() -> Error {
    Error::new(Problem::InvalidToken).with_detail("A valid refresh token is needed")
}
