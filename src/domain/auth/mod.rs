//! Who is calling: the extractors that handlers name first.

mod sql;

use aws_lc_rs::constant_time::verify_slices_are_equal;

use crate::db::Db;
use crate::db::statement::Conn;
use crate::error::{Error, Noun, Or404, Problem, Result};
use crate::http::{Access, Cx, FromCx, Operation};
use crate::ids::{SessionId, UserId};
use crate::time::Timestamp;

pub use sql::STATEMENTS;

/// The lifter that the access token names, not looked up. For handlers whose own statements find the account and its session,
/// and answer 401 if either is gone: `users::lock` does.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    /// The account.
    pub user: UserId,
    /// The session; none in tokens of the earlier server.
    pub session: Option<SessionId>,
    /// When the token was issued.
    pub issued_at: Timestamp,
}

/// The lifter that the access token names, looked up: the account is there and active, and the session lives.
pub struct User(pub UserId);

/// Whoever holds the admin token.
pub struct Admin;

/// 401: there is no such account any more, or there never was a valid token.
#[must_use]
pub fn no_account() -> Error {
    Error::new(Problem::InvalidToken)
}

fn caller(cx: &Cx) -> Result<Caller> {
    let token = cx.access().ok_or_else(no_account)?;
    let _ = cx.caller.set(token.user);
    Ok(Caller { user: token.user, session: token.session, issued_at: token.issued_at })
}

/// 401 unless the caller's account is there and active, and their session lives.
///
/// # Errors
/// `InvalidToken`, or as its statement.
pub async fn check(db: &impl Conn, caller: Caller) -> Result<()> {
    let found = sql::get_active(db, caller.user, caller.session, caller.issued_at).await?;
    found.map(|_| ()).ok_or_else(no_account)
}

/// 404 if there is no such account. For lists, which are empty for a stranger and for somebody with nothing to list alike.
///
/// # Errors
/// `NotFound` if the list is empty because the account is not there.
pub async fn known_if_empty(db: &Db, user: UserId, is_empty: bool) -> Result<()> {
    if is_empty { sql::get_account(db, user).await?.map(|_| ()).or_404(Noun::User) } else { Ok(()) }
}

impl FromCx for Caller {
    async fn from_cx(cx: &mut Cx) -> Result<Self> {
        let caller = caller(cx)?;
        let app = std::sync::Arc::clone(&cx.app);
        // Whatever else is wrong with the request: a caller whose session has ended is told that, and nothing about it.
        cx.check_before_refusal(move || Box::pin(async move { check(&app.db, caller).await }));
        Ok(caller)
    }

    fn describe(operation: &mut Operation) {
        operation.access = Access::User;
        operation.failures.insert(Problem::InvalidToken.status());
    }
}

impl FromCx for User {
    async fn from_cx(cx: &mut Cx) -> Result<Self> {
        let caller = caller(cx)?;
        check(&cx.app.db, caller).await?;
        Ok(Self(caller.user))
    }

    fn describe(operation: &mut Operation) {
        Caller::describe(operation);
    }
}

impl FromCx for Admin {
    async fn from_cx(cx: &mut Cx) -> Result<Self> {
        let token = cx.bearer().ok_or_else(no_account)?;
        let Some(admin) = &cx.app.config.admin_token else {
            return Err(Error::new(Problem::InsufficientPermissions));
        };
        if verify_slices_are_equal(admin.expose().as_bytes(), token.as_bytes()).is_ok() {
            return Ok(Self);
        }
        check(&cx.app.db, caller(cx)?).await?; // a stranger's token is no token at all
        Err(Error::new(Problem::InsufficientPermissions))
    }

    fn describe(operation: &mut Operation) {
        operation.access = Access::Admin;
        operation.failures.extend([Problem::InvalidToken.status(), Problem::InsufficientPermissions.status()]);
    }
}
