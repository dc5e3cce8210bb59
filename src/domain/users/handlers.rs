//! The account routes.

use std::sync::Arc;

use super::fields::{BodyWeight, Email, Username};
use super::lock;
use super::registration::{avatar_key, check_changes, name_conflicts, register};
use super::sql::{self, UserRow};
use super::wire::{Login, NewUser, ProfilePatch, UnitPatch, User, weight_multiplier};
use crate::app::App;
use crate::db::Tx;
use crate::db::statement::Conn;
use crate::domain::auth::{self, Caller};
use crate::domain::energy;
use crate::domain::sessions::{self, AccessToken, Client, Pair, TokenPair, WithCookie};
use crate::domain::standards::Unit;
use crate::domain::uploads::{self, Avatar, Picture};
use crate::error::{Error, Noun, Or404, Problem, Result};
use crate::http::{Created, Form, Json, Limited, NoContent, Path};
use crate::ids::UserId;
use crate::schema::{Patch, Text};

pub async fn create(app: Arc<App>, limited: Limited, Json(new): Json<NewUser>) -> Result<Created<User>> {
    limited.register().await?;
    let row = register(&app, new).await?;
    Ok(Created(User::own(row, &app.config.pictures)))
}

pub async fn login(
    app: Arc<App>,
    limited: Limited,
    client: Client,
    Form(login): Form<Login>,
) -> Result<WithCookie<Json<AccessToken>>> {
    let pair = open_session(&app, &limited, client, login).await?;
    let cookie = pair.cookie(&app);
    Ok(WithCookie(Json(pair.into()), cookie))
}

pub async fn login_for_pair(
    app: Arc<App>,
    limited: Limited,
    client: Client,
    Form(login): Form<Login>,
) -> Result<WithCookie<Json<TokenPair>>> {
    let pair = open_session(&app, &limited, client, login).await?;
    let cookie = pair.cookie(&app);
    Ok(WithCookie(Json(pair.into()), cookie))
}

async fn open_session(app: &App, limited: &Limited, client: Client, login: Login) -> Result<Pair> {
    let outcome = check_and_open(app, limited, client, login).await;
    app.telemetry.metrics.login(&outcome);
    outcome
}

/// Checks the password, with the same work whoever it is, and opens a session.
async fn check_and_open(app: &App, limited: &Limited, client: Client, login: Login) -> Result<Pair> {
    limited.login(&login.username.0).await?;
    let found = sql::get_credentials(&app.db, &login.username.0).await?;
    let hash = found.as_ref().map(|row| row.hashed_password.clone());
    let matches = app.passwords.turn().await?.verify(login.password.0, hash).await?;
    let account =
        found.filter(|row| matches && row.is_active).ok_or_else(|| Error::new(Problem::InvalidCredentials))?;
    sessions::open(app, account.id, &account.hashed_password, &client).await
}

async fn own(db: &impl Conn, caller: Caller) -> Result<UserRow> {
    sql::get_own(db, caller.user, caller.session, caller.issued_at).await?.ok_or_else(auth::no_account)
}

pub async fn me(app: Arc<App>, caller: Caller) -> Result<Json<User>> {
    Ok(Json(User::own(own(&app.db, caller).await?, &app.config.pictures)))
}

pub async fn show(app: Arc<App>, Path((user,)): Path<(UserId,)>) -> Result<Json<User>> {
    let row = sql::get_user(&app.db, user).await?.or_404(Noun::User)?;
    Ok(Json(User::other(row, &app.config.pictures)))
}

pub async fn show_by_name(app: Arc<App>, Path((name,)): Path<(Text<1, 255>,)>) -> Result<Json<User>> {
    let row = sql::get_user_by_name(&app.db, &name.0).await?.or_404(Noun::User)?;
    Ok(Json(User::other(row, &app.config.pictures)))
}

pub async fn update(app: Arc<App>, caller: Caller, Json(patch): Json<ProfilePatch>) -> Result<Json<User>> {
    if let Patch::Set(Some(avatar)) = &patch.avatar_url {
        avatar_key(&app, Some(&avatar.0))?;
    }
    let hash = match &patch.password {
        Patch::Set(password) => Some(app.passwords.turn().await?.hash(password.0.clone()).await?),
        Patch::Keep => None,
    };
    let changed = app.db.tx(|tx| update_in(tx, &app, caller, &patch, hash.as_deref())).await;
    let row = name_conflicts(changed)?;
    app.outbox_bell.notify_one();
    Ok(Json(User::own(row, &app.config.pictures)))
}

/// The account is looked up before a picture is received, and again when its row is locked.
pub async fn update_avatar(
    app: Arc<App>,
    auth::User(_): auth::User,
    caller: Caller,
    picture: Picture<Avatar>,
) -> Result<Json<User>> {
    let key = picture.keep(&app).await?.to_string();
    let row = app.db.tx(|tx| update_avatar_in(tx, &app, caller, &key)).await?;
    app.outbox_bell.notify_one();
    Ok(Json(User::own(row, &app.config.pictures)))
}

async fn update_avatar_in(tx: Tx, app: &App, caller: Caller, key: &str) -> Result<UserRow> {
    let user = caller.user;
    let ((), before) = tokio::try_join!(biased; lock(&tx, caller), sql::get_user(&tx, user))?;
    let update = sql::update_avatar(&tx, user, key, app.clock.now());
    let release = uploads::release(&tx, app, [before.and_then(|row| row.avatar_url)]);
    let (_, (), after) = tokio::try_join!(biased; update, release, sql::get_user(&tx, user))?;
    after.ok_or_else(auth::no_account)
}

pub async fn update_unit(app: Arc<App>, caller: Caller, Json(unit): Json<UnitPatch>) -> Result<Json<User>> {
    let patch = ProfilePatch {
        username: Patch::Keep,
        email: Patch::Keep,
        display_name: Patch::Keep,
        avatar_url: Patch::Keep,
        weight: Patch::Keep,
        gender: Patch::Keep,
        preferred_unit: Patch::Set(unit.preferred_unit),
        password: Patch::Keep,
    };
    let row = app.db.tx(|tx| update_in(tx, &app, caller, &patch, None)).await?;
    Ok(Json(User::own(row, &app.config.pictures)))
}

/// Changes the account under its lock, the energy with it if that depends on what changed, and the other sessions if it is the
/// password.
async fn update_in(tx: Tx, app: &App, caller: Caller, patch: &ProfilePatch, hash: Option<&str>) -> Result<UserRow> {
    let (tx, user) = (&tx, caller.user);
    // Read after the lock is there, so that of two sessions that change the password at once one finds itself ended.
    let ((), before) = tokio::try_join!(biased; lock(tx, caller), own(tx, caller))?;
    let after = patched(app, before.clone(), patch)?;
    let case_unique = check_changes(tx, &before, &after).await?;
    let now = app.clock.now();
    sql::update_user(
        tx,
        user,
        &after.username,
        &after.email,
        case_unique,
        hash,
        after.display_name.as_deref(),
        after.avatar_url.as_deref(),
        after.weight,
        after.gender.as_deref(),
        &after.preferred_unit,
        weight_multiplier(Unit::of(&after.preferred_unit)),
        now,
    )
    .await?;
    if (before.weight, &before.gender, &before.preferred_unit) != (after.weight, &after.gender, &after.preferred_unit) {
        energy::refresh(tx, user, now).await?;
    }
    if hash.is_some() {
        sessions::end_others(tx, caller, "password_changed", now).await?;
    }
    if before.avatar_url != after.avatar_url {
        uploads::release(tx, app, [before.avatar_url]).await?;
    }
    sql::get_user(tx, user).await?.ok_or_else(auth::no_account)
}

/// The account with the changes.
fn patched(app: &App, mut row: UserRow, patch: &ProfilePatch) -> Result<UserRow> {
    let text = |text: &Option<Text<0, 255>>| text.as_ref().map(|text| text.0.clone());
    if let Patch::Set(Username(name)) = &patch.username {
        row.username.clone_from(name);
    }
    if let Patch::Set(Email(email)) = &patch.email {
        row.email.clone_from(email);
    }
    if let Patch::Set(name) = &patch.display_name {
        row.display_name = text(name);
    }
    if let Patch::Set(avatar) = &patch.avatar_url {
        row.avatar_url = avatar_key(app, avatar.as_ref().map(|text| text.0.as_str()))?;
    }
    if let Patch::Set(weight) = patch.weight {
        row.weight = weight.map(|BodyWeight(kg)| kg);
    }
    if let Patch::Set(gender) = &patch.gender {
        row.gender = gender.as_ref().map(|text| text.0.clone());
    }
    if let Patch::Set(unit) = patch.preferred_unit {
        unit.name().clone_into(&mut row.preferred_unit);
    }
    Ok(row)
}

pub async fn delete(app: Arc<App>, caller: Caller) -> Result<NoContent> {
    app.db.tx(|tx| delete_in(tx, &app, caller)).await?;
    app.outbox_bell.notify_one();
    Ok(NoContent)
}

async fn delete_in(tx: Tx, app: &App, caller: Caller) -> Result<()> {
    let user = caller.user;
    let ((), pictures, ..) = tokio::try_join!(
        biased;
        lock(&tx, caller),
        sql::list_pictures(&tx, user),
        sql::detach_workouts(&tx, user),
        sql::delete_board_entries(&tx, user),
        sql::delete_rate_events(&tx, user),
        sql::delete_user(&tx, user),
    )?;
    uploads::release(&tx, app, pictures.into_iter().map(|row| row.picture)).await
}
