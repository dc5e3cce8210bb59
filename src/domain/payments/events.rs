//! What the sources send, as far as it concerns us. Pure: from JSON to what is said of whom.

mod revenuecat;
mod stripe;

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::Value;
use time::OffsetDateTime;

use super::rules::Tier;
use crate::time::Timestamp;

pub use revenuecat::{StoreEvent, StoreNews, read_store_event};
pub use stripe::{StripeEvent, Subscription, read_stripe_event};

/// Characters of an id that is stored as it is. Those of the sources have less than half of them.
const ID_MAX: usize = 100;

/// An id as it is stored: itself, or its digest where no source would call anything so.
fn stored_id(text: &str) -> String {
    let plain = (1..=ID_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if plain { text.to_owned() } else { fingerprint(text.as_bytes()) }
}

/// What stands for something that has no id of its own.
#[must_use]
pub fn fingerprint(bytes: &[u8]) -> String {
    let hex: String = digest(&SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

/// Characters of an event's type; the longest that is known has 45.
const KIND_MAX: usize = 64;

/// An event's type as it is stored and logged.
fn stored_kind(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._".contains(&byte);
    let known = (1..=KIND_MAX).contains(&text.len()) && text.bytes().all(plain);
    if known { text.to_owned() } else { "unknown".to_owned() }
}

/// The text under this key, unless it is empty.
fn text<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    object.get(key)?.as_str().filter(|text| !text.is_empty())
}

/// The whole number under this key.
fn whole(object: &Value, key: &str) -> Option<i64> {
    let value = object.get(key)?;
    #[expect(clippy::cast_possible_truncation, reason = "a time in milliseconds, written as a float, is far within")]
    value.as_i64().or_else(|| value.as_f64().filter(|number| number.abs() < 1e15).map(|number| number as i64))
}

/// Years that a source may date an event with: what lies beyond is no date, and could not be stored.
const YEARS: std::ops::RangeInclusive<i32> = 2000..=9998;

fn at_ms(ms: i64) -> Option<Timestamp> {
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000).ok()?;
    YEARS.contains(&at.year()).then_some(Timestamp(at))
}

fn at_s(s: i64) -> Option<Timestamp> {
    at_ms(s.checked_mul(1000)?)
}

/// The higher tier that any of these prices or products gives.
fn highest(tiers: impl Iterator<Item = Option<Tier>>) -> Option<Tier> {
    tiers.flatten().max()
}
