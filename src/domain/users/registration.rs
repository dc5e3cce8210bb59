//! Making an account. The database's unique indexes decide who is first; the checks before spare everybody else the hash, and
//! hold a name against accounts of the earlier server, which those indexes leave out.

use serde_json::json;

use super::fields::{Email, Username};
use super::sql::{self, UserRow};
use super::wire::{NewUser, weight_multiplier};
use crate::app::App;
use crate::db::statement::Conn;
use crate::db::{OnConstraint, Tx};
use crate::domain::outbox::{self, NewEvent, Topic};
use crate::domain::standards::Unit;
use crate::error::{Error, Problem, Result};
use crate::ids::UserId;
use crate::pictures;
use crate::time::Timestamp;

/// Makes the account.
///
/// # Errors
/// 400 if the address or the name is taken, 422 for a foreign picture, 429 if too many wait to be hashed.
pub async fn register(app: &App, new: NewUser) -> Result<UserRow> {
    let avatar_key = avatar_key(app, new.avatar_url.as_ref().map(|text| text.0.as_str()))?;
    check_free(&app.db, &new.email, &new.username).await?;
    let turn = app.passwords.turn().await?;
    // Once more with the lane in hand: a crowd with one name then costs one hash.
    check_free(&app.db, &new.email, &new.username).await?;
    let hash = turn.hash(new.password.0).await?;
    let unit = new.preferred_unit.unwrap_or(Unit::Kg);
    let inserted = app.db.tx(async |tx| {
        let user = UserId(uuid::Uuid::new_v4());
        let (name, avatar) = (new.display_name.as_ref().map(|text| text.0.as_str()), avatar_key.as_deref());
        let (username, email, multiplier) = (&new.username.0, &new.email.0, weight_multiplier(unit));
        let now = app.clock.now();
        let (row, ()) = tokio::try_join!(
            biased;
            sql::insert_user(&tx, user, username, email, &hash, name, avatar, unit.name(), multiplier, now),
            announce(&tx, user, now),
        )?;
        Ok(row)
    });
    let row = name_conflicts(inserted.await)?;
    app.outbox_bell.notify_one();
    Ok(row)
}

/// Tells the background that there is somebody new.
async fn announce(tx: &Tx, user: UserId, now: Timestamp) -> Result<()> {
    let event = NewEvent {
        topic: Topic::UserCreated,
        key: &user.to_string(),
        aggregate: format!("customer:{user}"), // nothing else of this lifter waits for it
        payload: json!({ "user_id": user }),
    };
    outbox::publish(tx, &event, now).await
}

/// 400 if somebody has the address or the name, whatever its case.
///
/// # Errors
/// `EmailTaken` or `UsernameTaken`.
async fn check_free(db: &impl Conn, email: &Email, username: &Username) -> Result<()> {
    let taken = sql::get_taken(db, &email.0, &username.0, None).await?;
    match (taken.email, taken.username) {
        (true, _) => Err(Error::new(Problem::EmailTaken)),
        (_, true) => Err(Error::new(Problem::UsernameTaken)),
        _ => Ok(()),
    }
}

/// Whether a changed account comes under the rule that nobody's address or name differs from another's by case only. Only what
/// changes is held against the rule: an old row whose address breaks it may still get another name.
///
/// # Errors
/// `EmailTaken` or `UsernameTaken`.
pub async fn check_changes(tx: &Tx, before: &UserRow, after: &UserRow) -> Result<bool> {
    let (email_changes, name_changes) = (before.email != after.email, before.username != after.username);
    if !(email_changes || name_changes) {
        return Ok(false);
    }
    let taken = sql::get_taken(tx, &after.email, &after.username, Some(after.id)).await?;
    match (taken.email, taken.username) {
        (true, _) if email_changes => Err(Error::new(Problem::EmailTaken)),
        (_, true) if name_changes => Err(Error::new(Problem::UsernameTaken)),
        (email, name) => Ok(!email && !name),
    }
}

/// What the unique indexes mean to a caller who lost a race.
///
/// # Errors
/// `EmailTaken`, `UsernameTaken`, or what was there.
pub fn name_conflicts<T>(outcome: Result<T>) -> Result<T> {
    outcome
        .on_constraint("ix_users_email", Problem::EmailTaken)
        .on_constraint("users_email_case_key", Problem::EmailTaken)
        .on_constraint("users_username_key", Problem::UsernameTaken)
        .on_constraint("users_username_case_key", Problem::UsernameTaken)
}

/// The key of the picture that was sent; empty text is none.
///
/// # Errors
/// 422 if it is not one of ours.
pub fn avatar_key(app: &App, given: Option<&str>) -> Result<Option<String>> {
    pictures::sent_key(&app.config.pictures, "avatar_url", given)
}
