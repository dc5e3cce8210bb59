//! Timestamps and days as they come from PostgreSQL, infinities and years of five digits included: always between the years 1
//! and 9999, in their order, and what is written reads back as the same instant.

#![no_main]

use libfuzzer_sys::fuzz_target;
use repduel_backend::time::{Day, Timestamp};
use time::format_description::well_known::Rfc3339;
use time::macros::datetime;
use time::{OffsetDateTime, UtcOffset};
use tokio_postgres::types::{FromSql, Type};

const FIRST: OffsetDateTime = datetime!(0001-01-01 0:00 UTC);
const LAST: OffsetDateTime = datetime!(9999-12-31 23:59:59 UTC);

fn timestamp(raw: &[u8]) -> Timestamp {
    Timestamp::from_sql(&Type::TIMESTAMPTZ, raw).expect("the nearest known instant stands for any other")
}

fn day(raw: &[u8]) -> Day {
    Day::from_sql(&Type::DATE, raw).expect("the nearest known day stands for any other")
}

fn check_written(at: Timestamp) {
    let text = at.to_string();
    let read = OffsetDateTime::parse(&text, &Rfc3339).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert!(text.ends_with('Z') && matches!(text.len(), 20 | 27), "{text}");
    let lost = (at.0.clamp(FIRST, LAST) - read).whole_nanoseconds();
    assert!((0..1000).contains(&lost), "{text} is {lost} ns off");
    assert_eq!(serde_json::to_string(&at).expect("it can be written"), format!("\"{text}\""));
}

fuzz_target!(|input: &[u8]| {
    // As one value of any length, which PostgreSQL never sends.
    for at in [timestamp(input).0, day(input).0.midnight().assume_utc()] {
        assert!((FIRST..=LAST).contains(&at), "{at}");
    }
    let instants: Vec<(i64, Timestamp)> =
        input.as_chunks::<8>().0.iter().map(|raw| (i64::from_be_bytes(*raw), timestamp(raw))).collect();
    for (micros, at) in &instants {
        check_written(*at);
        assert!(instants.iter().all(|(other, then)| (micros < other) <= (at <= then)), "{micros} is out of order");
        // The same clock on another meridian, which may be an instant before the first or after the last.
        let offset = UtcOffset::from_whole_seconds((micros % 86_399) as i32).expect("within a day");
        check_written(Timestamp(at.0.replace_offset(offset)));
        check_written(Timestamp(at.0.replace_offset(-offset)));
        assert!(at.minus_s(micros.saturating_abs()) <= *at);
    }
    let days: Vec<(i32, Day)> =
        input.as_chunks::<4>().0.iter().map(|raw| (i32::from_be_bytes(*raw), day(raw))).collect();
    for (number, then) in &days {
        assert!((FIRST.date()..=LAST.date()).contains(&then.0), "{then:?}");
        assert!(days.iter().all(|(other, later)| (number < other) <= (then.0 <= later.0)), "{number} is out of order");
        assert_eq!(serde_json::to_string(then).expect("it can be written").len(), 12, "{then:?}");
    }
});
