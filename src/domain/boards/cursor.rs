//! Places on boards, and the text by which a caller names one: a cursor. Pure.
//!
//! A cursor holds the place itself, so the page behind it is the same whoever comes and goes meanwhile. Its last bytes are a hash
//! of the board and the place: a cursor of another board, or a part of one, is none. It is no secret and no permission.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::time::Timestamp;

/// Bytes of the hash: enough that a slip is noticed.
const HASH_BYTES: usize = 8;
/// Bytes of a place: value, microseconds, last part.
const PLACE_BYTES: usize = 8 + 8 + 16;

/// A place in the order of a board, whether or not somebody stands there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// The value: higher ones stand before.
    pub value: f64,
    /// When it was reached: of equal values earlier ones stand before.
    pub reached_at: Timestamp,
    /// What settles the rest, in the board's own way.
    pub tie: Uuid,
}

fn hash(board: &str, place: &[u8]) -> Vec<u8> {
    let parts = [board.as_bytes(), b"\0", place].concat();
    digest(&SHA256, &parts).as_ref().iter().take(HASH_BYTES).copied().collect()
}

impl Place {
    /// The cursor of this place on this board.
    #[must_use]
    pub fn cursor(self, board: &str) -> String {
        let mut bytes = Vec::with_capacity(PLACE_BYTES + HASH_BYTES);
        bytes.extend(self.value.to_be_bytes());
        bytes.extend(self.reached_at.unix_micros().to_be_bytes());
        bytes.extend(self.tie.as_bytes());
        let hash = hash(board, &bytes);
        bytes.extend(hash);
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The place that a cursor of this board names.
    #[must_use]
    pub fn of_cursor(board: &str, cursor: &str) -> Option<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (place, hashed) = bytes.split_at_checked(PLACE_BYTES)?;
        if hash(board, place) != hashed {
            return None;
        }
        let (value, rest) = place.split_first_chunk()?;
        let (micros, tie) = rest.split_first_chunk()?;
        let (value, nanos) = (f64::from_be_bytes(*value), i128::from(i64::from_be_bytes(*micros)) * 1000);
        let reached_at = Timestamp(OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?);
        let tie = Uuid::from_slice(tie).ok()?;
        value.is_finite().then_some(Self { value, reached_at, tie })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::property;
    use proptest::prelude::*;

    fn places() -> impl Strategy<Value = Place> {
        let parts = (-1e12..1e12_f64, 0..4_000_000_000_000_000_i64, any::<u128>());
        parts.prop_map(|(value, micros, tie)| Place {
            value,
            reached_at: Timestamp(OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1000).unwrap()),
            tie: Uuid::from_u128(tie),
        })
    }

    #[test]
    fn a_cursor_names_its_place_on_its_board_and_on_no_other() {
        property::holds((places(), "[a-z_:]{0,20}", "[a-z_:]{0,20}"), |(place, board, other)| {
            let cursor = place.cursor(&board);
            assert_eq!(Place::of_cursor(&board, &cursor), Some(place));
            assert_eq!(Place::of_cursor(&other, &cursor).is_some(), board == other);
        });
    }

    #[test]
    fn a_cursor_that_was_cut_or_changed_is_none() {
        property::holds((places(), 0..54_usize, "[A-Za-z0-9_-]"), |(place, at, sign)| {
            let cursor = place.cursor("energy");
            assert_eq!(Place::of_cursor("energy", &cursor[..at]), None);
            let mut changed = cursor.clone();
            changed.replace_range(at..=at, &sign);
            assert_eq!(Place::of_cursor("energy", &changed).is_some(), changed == cursor);
        });
    }

    #[test]
    fn what_is_no_number_is_no_place() {
        let place = Place { value: f64::NAN, reached_at: Timestamp::EPOCH, tie: Uuid::nil() };
        assert_eq!(Place::of_cursor("energy", &place.cursor("energy")), None);
    }
}
