//! Who follows whom, on the wire.

use super::sql::PersonRow;
use crate::config::PictureConfig;
use crate::http::page::{Limit, Offset};
use crate::ids::UserId;
use crate::schema::Text;
use crate::{input, output, pictures};

/// Lifters of a page when the caller names no number.
const LIMIT_DEFAULT: i64 = 20;

output! { /// A lifter, and how they and the caller follow each other.
pub struct SocialUser {
    /// The account.
    id: UserId,
    /// Its name.
    username: String,
    /// The name that is shown.
    display_name: Option<String>,
    /// Absolute address of the picture.
    avatar_url: Option<String>,
    /// Whether the caller follows them.
    is_following: bool,
    /// Whether they follow the caller.
    is_followed_by: bool,
    /// Whether both follow each other.
    is_friend: bool,
    /// Whether they are the caller.
    is_self: bool,
} }

impl SocialUser {
    /// The lifter as this caller stands to them.
    #[must_use]
    pub fn new(row: PersonRow, caller: UserId, pictures: &PictureConfig) -> Self {
        Self {
            avatar_url: pictures::address(pictures, row.avatar_url.as_deref()),
            is_friend: row.is_following && row.is_followed_by,
            is_self: row.id == caller,
            id: row.id,
            username: row.username,
            display_name: row.display_name,
            is_following: row.is_following,
            is_followed_by: row.is_followed_by,
        }
    }
}

output! { /// A page of lifters.
pub struct SocialUsers {
    /// The lifters of this page.
    items: Vec<SocialUser>,
    /// How many they are.
    count: i64,
    /// How many all pages hold.
    total: i64,
    /// How many are before this page.
    offset: i64,
    /// Where the next page begins; null after the last one.
    next_offset: Option<i64>,
} }

impl SocialUsers {
    /// The page at this offset of this many.
    #[must_use]
    pub fn new(items: Vec<SocialUser>, total: i64, offset: i64) -> Self {
        let count = i64::try_from(items.len()).unwrap_or(i64::MAX);
        let next = offset.saturating_add(count);
        Self { next_offset: (count > 0 && next < total).then_some(next), items, count, total, offset }
    }
}

input! { /// Which page of a list.
pub struct ListQuery {
    /// Lifters of the page; 20 if absent.
    limit: Option<Limit>,
    /// Lifters before the page; 0 if absent.
    offset: Option<Offset>,
} }

impl ListQuery {
    /// Lifters of the page, lifters before it.
    #[must_use]
    pub fn bounds(&self) -> (i64, i64) {
        (self.limit.map_or(LIMIT_DEFAULT, |limit| limit.0), self.offset.map_or(0, |offset| offset.0))
    }
}

input! { /// Whom to look up. The pages reach the first 1,000 matches.
pub struct LookupQuery {
    /// What the name or the shown name contains, whatever its case.
    q: Text<1, 64>,
    /// Lifters of the page; 20 if absent.
    limit: Option<Limit>,
    /// Lifters before the page; 0 if absent.
    offset: Option<Offset>,
} }

impl LookupQuery {
    /// Which page of the matches.
    #[must_use]
    pub fn page(&self) -> ListQuery {
        ListQuery { limit: self.limit, offset: self.offset }
    }
}
