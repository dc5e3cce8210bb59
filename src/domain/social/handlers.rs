//! The routes of who follows whom.

use std::sync::Arc;

use super::following;
use super::rules::{REACH_MAX, containing, has_trigram};
use super::sql::{self, CountsRow, ListedRow};
use super::wire::{ListQuery, LookupQuery, SocialUser, SocialUsers};
use crate::app::App;
use crate::domain::auth::{self, Caller, User};
use crate::error::{Noun, Or404, Result};
use crate::http::{Json, Limited, NoContent, Path, Query};
use crate::ids::UserId;

pub async fn lookup(app: Arc<App>, User(caller): User, Query(query): Query<LookupQuery>) -> Result<Json<SocialUsers>> {
    let text = query.q.0.as_str();
    let matches = if has_trigram(text) {
        sql::list_matches(&app.db, caller, &containing(text), REACH_MAX).await?
    } else {
        sql::list_short_matches(&app.db, caller, text, REACH_MAX).await?
    };
    let (limit, offset) = query.page().bounds();
    let total = i64::try_from(matches.len()).unwrap_or(REACH_MAX);
    let page = matches.into_iter().skip(index(offset)).take(index(limit)).collect();
    show(&app, caller, page, total, offset).await
}

fn index(number: i64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// The page with these lifters.
async fn show(app: &App, caller: UserId, page: Vec<ListedRow>, total: i64, offset: i64) -> Result<Json<SocialUsers>> {
    let ids: Vec<UserId> = page.into_iter().map(|row| row.id).collect();
    let people = if ids.is_empty() { Vec::new() } else { sql::list_people(&app.db, caller, &ids).await? };
    let items = people.into_iter().map(|row| SocialUser::new(row, caller, &app.config.pictures)).collect();
    Ok(Json(SocialUsers::new(items, total, offset)))
}

pub async fn relationship(
    app: Arc<App>,
    User(caller): User,
    Path((user,)): Path<(UserId,)>,
) -> Result<Json<SocialUser>> {
    let row = sql::list_people(&app.db, caller, &[user]).await?.pop().or_404(Noun::User)?;
    Ok(Json(SocialUser::new(row, caller, &app.config.pictures)))
}

pub async fn follow(
    app: Arc<App>,
    caller: Caller,
    limited: Limited,
    Path((user,)): Path<(UserId,)>,
) -> Result<NoContent> {
    following::follow(&app, &limited, caller, user).await?;
    Ok(NoContent)
}

pub async fn unfollow(app: Arc<App>, User(caller): User, Path((user,)): Path<(UserId,)>) -> Result<NoContent> {
    sql::delete_edge(&app.db, caller, user).await?;
    Ok(NoContent)
}

/// How many a list has, and the lifters of one of its pages. 404 for the empty list of somebody who is not there.
async fn counted(
    app: &App,
    user: UserId,
    total: impl Fn(CountsRow) -> i32,
    page: impl Future<Output = Result<Vec<ListedRow>>>,
) -> Result<(i64, Vec<ListedRow>)> {
    let (counts, page) = tokio::try_join!(sql::get_counts(&app.db, user), page)?;
    let total = total(counts.unwrap_or_default()).into();
    auth::known_if_empty(&app.db, user, total == 0).await?;
    Ok((total, page))
}

pub async fn followers(
    app: Arc<App>,
    User(caller): User,
    Path((user,)): Path<(UserId,)>,
    Query(query): Query<ListQuery>,
) -> Result<Json<SocialUsers>> {
    let (limit, offset) = query.bounds();
    let page = sql::list_followers(&app.db, user, limit, offset);
    let (total, page) = counted(&app, user, |counts| counts.followers, page).await?;
    show(&app, caller, page, total, offset).await
}

pub async fn following(
    app: Arc<App>,
    User(caller): User,
    Path((user,)): Path<(UserId,)>,
    Query(query): Query<ListQuery>,
) -> Result<Json<SocialUsers>> {
    let (limit, offset) = query.bounds();
    let page = sql::list_following(&app.db, user, limit, offset);
    let (total, page) = counted(&app, user, |counts| counts.following, page).await?;
    show(&app, caller, page, total, offset).await
}

pub async fn friends(
    app: Arc<App>,
    User(caller): User,
    Path((user,)): Path<(UserId,)>,
    Query(query): Query<ListQuery>,
) -> Result<Json<SocialUsers>> {
    let (limit, offset) = query.bounds();
    let page = sql::list_friends(&app.db, user, limit, offset);
    let (total, page) = counted(&app, user, |counts| counts.friends, page).await?;
    show(&app, caller, page, total, offset).await
}
