//! Pages of boards, by `limit` and `offset`.

use crate::{input, integer};

integer! { /// Rows of a page.
pub struct Limit = i64, 1..=100; }
integer! { /// Rows before the page.
pub struct Offset = i64, 0..=1_000_000_000; }

/// Rows of a page when the caller names no number.
pub const LIMIT_DEFAULT: i64 = 50;

input! { /// Which page of a board.
pub struct PageQuery {
    /// Rows of the page; 50 if absent.
    limit: Option<Limit>,
    /// Rows before the page; 0 if absent.
    offset: Option<Offset>,
} }

impl PageQuery {
    /// Rows of the page, rows before it.
    #[must_use]
    pub fn bounds(&self) -> (i64, i64) {
        (self.limit.map_or(LIMIT_DEFAULT, |limit| limit.0), self.offset.map_or(0, |offset| offset.0))
    }
}
