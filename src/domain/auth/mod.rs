//! Who is calling: the extractors that handlers name first.

mod sql;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use hyper::header::AUTHORIZATION;

use crate::db::Db;
use crate::error::{Error, Noun, Or404, Problem, Result};
use crate::http::{Access, Cx, FromCx, Operation};
use crate::ids::UserId;

pub use sql::STATEMENTS;

/// The lifter that the access token names. For handlers whose own statements find the account, and answer 401 if it is gone.
pub struct Caller(pub UserId);

/// The lifter that the access token names, looked up: the account is there and active.
pub struct User(pub UserId);

/// Whoever holds the admin token.
pub struct Admin;

/// The token of the `Authorization` header.
fn bearer(cx: &Cx) -> Result<&str> {
    let mut values = cx.headers().get_all(AUTHORIZATION).iter();
    let value = values.next().filter(|_| values.next().is_none()).and_then(|value| value.to_str().ok());
    let token = value.and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
    });
    token.filter(|token| !token.is_empty()).ok_or_else(no_account)
}

/// 401: there is no such account any more, or there never was a valid token.
#[must_use]
pub fn no_account() -> Error {
    Error::new(Problem::InvalidToken)
}

fn caller(cx: &Cx) -> Result<UserId> {
    let user = cx.app.tokens.verify_access(bearer(cx)?, cx.app.clock.now())?;
    let _ = cx.caller.set(user);
    Ok(user)
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
        caller(cx).map(Self)
    }

    fn describe(operation: &mut Operation) {
        operation.access = Access::User;
        operation.failures.insert(Problem::InvalidToken.status());
    }
}

impl FromCx for User {
    async fn from_cx(cx: &mut Cx) -> Result<Self> {
        let user = caller(cx)?;
        let found = sql::get_active(&cx.app.db, user).await?;
        found.map(|_| Self(user)).ok_or_else(no_account)
    }

    fn describe(operation: &mut Operation) {
        Caller::describe(operation);
    }
}

impl FromCx for Admin {
    async fn from_cx(cx: &mut Cx) -> Result<Self> {
        let token = bearer(cx)?;
        let Some(admin) = &cx.app.config.admin_token else {
            return Err(Error::new(Problem::InsufficientPermissions));
        };
        if verify_slices_are_equal(admin.expose().as_bytes(), token.as_bytes()).is_ok() {
            return Ok(Self);
        }
        caller(cx)?; // a stranger's token is no token at all
        Err(Error::new(Problem::InsufficientPermissions))
    }

    fn describe(operation: &mut Operation) {
        operation.access = Access::Admin;
        operation.failures.extend([Problem::InvalidToken.status(), Problem::InsufficientPermissions.status()]);
    }
}
