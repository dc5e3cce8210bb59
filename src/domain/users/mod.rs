//! Lifters' accounts: registering, logging in, the profile.

mod fields;
mod handlers;
mod registration;
mod sql;
mod wire;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use crate::app::App;
use crate::crowd::Asks;
use crate::db::Tx;
use crate::db::statement::{Conn, column};
use crate::domain::auth::{self, Caller};
use crate::error::{Noun, Or404, Problem, Result};
use crate::http::route::FORM_MAX_BYTES;
use crate::http::{Policy, Route};
use crate::ids::UserId;
use crate::route;

use sql::UserRow;

pub use sql::STATEMENTS;
pub use wire::User;

/// The routes of this domain.
pub const ROUTES: &[Route] = &[
    route!(Post "/api/v1/users" handlers::create "Registers a lifter.").policy(Policy::Register).fails_with(&[
        Problem::EmailTaken,
        Problem::UsernameTaken,
        Problem::TooManyRequests,
    ]),
    route!(Post "/api/v1/users/login" handlers::login "Trades an email address and a password for tokens.")
        .policy(Policy::Login)
        .body_max_bytes(FORM_MAX_BYTES)
        .fails_with(&[Problem::InvalidCredentials, Problem::TooManyRequests]),
    route!(Post "/api/v1/login" handlers::login_for_pair "The same, for clients that keep the refresh token themselves.")
        .policy(Policy::Login)
        .body_max_bytes(FORM_MAX_BYTES)
        .fails_with(&[Problem::InvalidCredentials, Problem::TooManyRequests]),
    route!(Post "/api/v1/auth/login" handlers::login_for_pair "The same, for clients that keep the refresh token themselves.")
        .policy(Policy::Login)
        .body_max_bytes(FORM_MAX_BYTES)
        .fails_with(&[Problem::InvalidCredentials, Problem::TooManyRequests]),
    route!(Get "/api/v1/users/me" handlers::me "One's own account.").policy(Policy::Unlimited),
    route!(Patch "/api/v1/users/me" handlers::update "Changes one's own account.").fails_with(&[
        Problem::EmailTaken,
        Problem::UsernameTaken,
        Problem::TooManyRequests,
    ]),
    route!(Patch "/api/v1/users/me/avatar" handlers::update_avatar "Gives oneself a picture.").upload(),
    route!(Patch "/api/v1/users/me/unit" handlers::update_unit "Changes the unit one reads weights in."),
    route!(Delete "/api/v1/users/me" handlers::delete "Deletes one's own account and everything that belongs to it."),
    route!(Get "/api/v1/users/{user_id}" handlers::show "Another lifter's account.").fails(&[404]),
    route!(Get "/api/v1/users/username/{username}" handlers::show_by_name "Another lifter's account, by name.")
        .fails(&[404]),
];

/// Locks the caller's row until the end of the transaction: their scores, awards and changes take effect one after another.
///
/// # Errors
/// 401 if the account is gone or not active, or the caller's session has ended.
pub async fn lock(tx: &Tx, caller: Caller) -> Result<()> {
    let locked = sql::lock_user(tx, caller.user, caller.session, caller.issued_at).await?;
    locked.map(|_| ()).ok_or_else(auth::no_account)
}

/// Locks the rows of those of the callers for whom [`lock`] would not have to wait, nor to fail; answers of each whether it is
/// one of them.
///
/// # Errors
/// As its statement.
pub async fn lock_free(tx: &Tx, callers: &[Caller]) -> Result<Vec<bool>> {
    let (users, sessions) = (column(callers, |caller| caller.user), column(callers, |caller| caller.session));
    let locked = sql::lock_free_users(tx, &users, &sessions, &column(callers, |caller| caller.issued_at)).await?;
    let locked: HashSet<i64> = locked.into_iter().map(|row| row.asked).collect();
    Ok((1..).zip(callers).map(|(asked, _)| locked.contains(&asked)).collect())
}

/// Whether a lifter pays for nothing: neither gold nor platinum.
///
/// # Errors
/// 401 if the account is gone.
pub async fn is_free(db: &impl Conn, user: UserId) -> Result<bool> {
    let row = sql::get_user(db, user).await?.ok_or_else(auth::no_account)?;
    Ok(!matches!(row.subscription_level.as_str(), "gold" | "platinum"))
}

/// Lifters whose accounts somebody wants to see.
struct Others(Vec<UserId>);

impl Asks for Others {}

/// These lifters as others see them, without those who are gone. Whoever asks at the same time is answered by one statement.
///
/// # Errors
/// As its statement.
pub async fn others(app: &Arc<App>, users: Vec<UserId>) -> Result<Vec<User>> {
    if users.is_empty() {
        return Ok(Vec::new());
    }
    let (turn, answered) = app.crowds.of::<Others, Vec<UserRow>>().join(Others(users));
    if let Some(turn) = turn {
        let app = Arc::clone(app);
        tokio::spawn(turn.serve(async move |asked| list_others(&app, &asked).await));
    }
    let rows = app.db.query_times().follow("users/list_users", answered.get()).await?;
    Ok(rows.into_iter().map(|row| User::other(row, &app.config.pictures)).collect())
}

async fn list_others(app: &App, asked: &[Others]) -> Result<Vec<Vec<UserRow>>> {
    let ids: BTreeSet<UserId> = asked.iter().flat_map(|Others(users)| users.iter().cloned()).collect();
    let ids: Vec<UserId> = ids.into_iter().collect();
    let rows: HashMap<UserId, UserRow> =
        sql::list_users(&app.db, &ids).await?.into_iter().map(|row| (row.id, row)).collect();
    Ok(column(asked, |Others(users)| users.iter().filter_map(|id| rows.get(id).cloned()).collect()))
}

/// The name of a lifter's overall rank, as stored.
///
/// # Errors
/// 404 if there is no such lifter.
pub async fn rank(db: &impl Conn, user: UserId) -> Result<Option<String>> {
    Ok(sql::get_user(db, user).await?.or_404(Noun::User)?.rank)
}
