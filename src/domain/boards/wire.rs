//! What callers ask boards for.

use super::cursor::Place;
use crate::error::{Error, FieldError, Result};
use crate::http::page::{LIMIT_DEFAULT, Limit};
use crate::schema::Text;
use crate::{input, integer};

/// Rows to either side when the caller names no number.
const AROUND_DEFAULT: i64 = 5;

integer! { /// Rows before the page. Further down cursors lead.
pub struct BoardOffset = i64, 0..=10_000; }
integer! { /// Rows to either side.
pub struct Around = i64, 0..=25; }
integer! { /// Rows before the page.
pub struct FriendsOffset = i64, 0..=1_000; }

input! { /// Which page of a board.
pub struct BoardQuery {
    /// Rows of the page; 50 if absent.
    limit: Option<Limit>,
    /// Rows before the page; 0 if absent.
    offset: Option<BoardOffset>,
    /// The `X-Next-Cursor` of the page before, instead of an offset.
    cursor: Option<Text<1, 100>>,
} }

/// Where a page begins.
pub enum Start {
    /// Behind so many rows.
    Offset(i64),
    /// Behind this place.
    Behind(Place),
}

impl BoardQuery {
    /// Rows of the page.
    #[must_use]
    pub fn limit(&self) -> i64 {
        self.limit.map_or(LIMIT_DEFAULT, |limit| limit.0)
    }

    /// Names the page among those of this board.
    #[must_use]
    pub fn name(&self, board: &str) -> String {
        let (offset, cursor) =
            (self.offset.map(|offset| offset.0), self.cursor.as_ref().map(|cursor| cursor.0.as_str()));
        format!("{board} {} {} {}", self.limit(), offset.unwrap_or_default(), cursor.unwrap_or_default())
    }

    /// Where the page of this board begins.
    ///
    /// # Errors
    /// 422 for a cursor that is none of this board's, or that comes with an offset.
    pub fn start(&self, board: &str) -> Result<Start> {
        let refuse = |code, detail: &str| {
            Error::invalid(vec![FieldError { pointer: "/query/cursor".to_owned(), code, detail: detail.to_owned() }])
        };
        match (&self.cursor, self.offset) {
            (None, offset) => Ok(Start::Offset(offset.map_or(0, |offset| offset.0))),
            (Some(_), Some(_)) => Err(refuse("rule", "cursor must not come with an offset")),
            (Some(cursor), None) => Place::of_cursor(board, &cursor.0)
                .map(Start::Behind)
                .ok_or_else(|| refuse("unknown", "cursor must be an X-Next-Cursor of this board")),
        }
    }
}

input! { /// How many neighbours.
pub struct AroundQuery {
    /// Rows to either side; 5 if absent.
    around: Option<Around>,
} }

impl AroundQuery {
    /// Rows to either side.
    #[must_use]
    pub fn around(&self) -> i64 {
        self.around.map_or(AROUND_DEFAULT, |around| around.0)
    }
}

input! { /// Which page of a board of friends.
pub struct FriendsQuery {
    /// Rows of the page; 50 if absent.
    limit: Option<Limit>,
    /// Rows before the page; 0 if absent.
    offset: Option<FriendsOffset>,
} }

impl FriendsQuery {
    /// Rows of the page, rows before it.
    #[must_use]
    pub fn bounds(&self) -> (i64, i64) {
        (self.limit.map_or(LIMIT_DEFAULT, |limit| limit.0), self.offset.map_or(0, |offset| offset.0))
    }
}
