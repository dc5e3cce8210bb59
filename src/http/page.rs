//! Pages of lists: how long they are, and how they tell where the next one begins.

use hyper::header::{HeaderName, HeaderValue};
use serde::Serialize;

use super::extract::Json;
use super::reply::{Reply, Response};
use super::route::Operation;
use crate::error::{Error, Result};
use crate::integer;
use crate::schema::Schema;

integer! { /// Rows of a page.
pub struct Limit = i64, 1..=100; }
integer! { /// Rows before the page.
pub struct Offset = i64, 0..=1_000_000_000; }

integer! { /// Entries of a history.
pub struct HistoryLimit = i64, 1..=1000; }

/// Entries of a history when the caller names no number: a year of training has fewer, and nobody reads on for longer.
pub const HISTORY_LIMIT_DEFAULT: i64 = 1000;

/// Rows of a page when the caller names no number.
pub const LIMIT_DEFAULT: i64 = 50;

/// Where the next page begins. A header, because the body of a board is a bare array that phones know.
const NEXT_CURSOR: HeaderName = HeaderName::from_static("x-next-cursor");

/// 200 with the rows of a page, and the cursor of the next one unless this is the last.
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Where the next page begins: visible ASCII.
    pub next: Option<String>,
}

impl<T: Serialize + Schema> Reply for Page<T> {
    fn reply(self) -> Result<Response> {
        let mut response = Json(self.rows).reply()?;
        if let Some(next) = self.next {
            response.headers_mut().insert(NEXT_CURSOR, HeaderValue::try_from(next).map_err(Error::internal)?);
        }
        Ok(response)
    }

    fn describe(operation: &mut Operation) {
        Json::<Vec<T>>::describe(operation);
        operation.tells_next = true;
    }
}
