//! Time: timestamps as clients read them, and the clock, which is passed in so that tests can set it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use time::format_description::well_known::Iso8601;
use time::{Date, OffsetDateTime, PrimitiveDateTime, UtcOffset};
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, private::BytesMut};

use crate::error::Cause;
use crate::schema::{At, Components, Input, Raw, Schema, fail_type};

/// An instant, in UTC. Written as `2026-11-21T09:04:00Z`, with six decimals where there is a fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub OffsetDateTime);

impl Timestamp {
    /// 1970-01-01T00:00:00Z, which stands for "nobody noted it".
    pub const EPOCH: Self = Self(OffsetDateTime::UNIX_EPOCH);

    /// The first and the last instant that is written with a year of four digits.
    const FIRST: Self = Self(time::macros::datetime!(0001-01-01 0:00 UTC));
    const LAST: Self = Self(time::macros::datetime!(9999-12-31 23:59:59 UTC));

    /// Seconds since the epoch.
    #[must_use]
    pub fn unix_s(self) -> i64 {
        self.0.unix_timestamp()
    }

    /// The first instant of this UTC day.
    #[must_use]
    pub fn midnight(self) -> Self {
        Self(self.0.to_offset(UtcOffset::UTC).replace_time(time::Time::MIDNIGHT))
    }

    /// The hour of the UTC day, 0 to 23.
    #[must_use]
    pub fn utc_hour(self) -> u8 {
        self.0.to_offset(UtcOffset::UTC).hour()
    }

    /// The instant this many seconds after the epoch, if there is one that can be written.
    #[must_use]
    pub fn from_unix_s(seconds: i64) -> Option<Self> {
        let at = OffsetDateTime::from_unix_timestamp(seconds).ok().map(Self);
        at.filter(|at| (Self::FIRST..=Self::LAST).contains(at))
    }

    /// The instant this many seconds later.
    #[must_use]
    pub fn plus_s(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(time::Duration::seconds(seconds)))
    }

    /// Microseconds since the epoch.
    #[must_use]
    pub fn unix_micros(self) -> i64 {
        i64::try_from(self.0.unix_timestamp_nanos() / 1000).unwrap_or(i64::MAX)
    }

    /// The instant this many seconds earlier.
    #[must_use]
    pub fn minus_s(self, seconds: i64) -> Self {
        Self(self.0.saturating_sub(time::Duration::seconds(seconds)))
    }
}

/// Characters of the longest text of a time: `2026-11-21T08:05:03.000001Z`.
const TEXT_MAX: usize = 27;

impl Timestamp {
    /// Writes it as callers and the log see it. By hand, because a page of a board has a hundred of them.
    fn write(self, text: &mut [u8; TEXT_MAX]) -> &str {
        // A clock of another meridian can show an instant that has no year of four digits in UTC.
        let at = self.clamp(Self::FIRST, Self::LAST).0.to_offset(UtcOffset::UTC);
        let (date, time) = (at.date(), at.time());
        *text = *b"0000-00-00T00:00:00.000000Z";
        let mut put = |places: std::ops::Range<usize>, mut number: u32| {
            for place in text.get_mut(places).unwrap_or_default().iter_mut().rev() {
                *place = b'0' + (number % 10) as u8;
                number /= 10;
            }
        };
        put(0..4, date.year().unsigned_abs());
        put(5..7, u8::from(date.month()).into());
        put(8..10, date.day().into());
        put(11..13, time.hour().into());
        put(14..16, time.minute().into());
        put(17..19, time.second().into());
        put(20..26, time.microsecond());
        if time.microsecond() == 0 {
            // The fraction is left out.
            text.copy_within(26.., 19);
            return std::str::from_utf8(text.get(..20).unwrap_or_default()).unwrap_or_default();
        }
        std::str::from_utf8(text).unwrap_or_default()
    }
}

impl std::fmt::Display for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.write(&mut [0; TEXT_MAX]))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.write(&mut [0; TEXT_MAX]))
    }
}

impl Timestamp {
    /// The instant of an ISO 8601 text: with `Z`, with an offset, or without either, which means UTC. A space may stand for the
    /// `T`. `None` for anything else, and for years beyond four digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.to_ascii_uppercase();
        let text = match text.split_at_checked(DATE_CHARACTERS) {
            Some((date, rest)) if rest.starts_with(' ') => format!("{date}T{}", rest.get(1..)?),
            _ => text,
        };
        let with_offset = OffsetDateTime::parse(&text, &Iso8601::PARSING).ok();
        // What a local time has behind it is no offset, or the text has none at all.
        let in_utc =
            || PrimitiveDateTime::parse(&format!("{text}Z"), &Iso8601::PARSING).ok().map(PrimitiveDateTime::assume_utc);
        let at = with_offset.or_else(in_utc)?;
        (Self::FIRST.0..=Self::LAST.0).contains(&at).then_some(Self(at))
    }
}

/// Characters of `2026-11-21`.
const DATE_CHARACTERS: usize = 10;

impl Input for Timestamp {
    fn read(raw: Raw<'_>, at: &mut At<'_>) -> Option<Self> {
        let Some(text) = raw.text() else { return fail_type(raw, at, "be text") };
        Self::parse(text).or_else(|| at.fail("format", "be a date and time (ISO 8601)"))
    }
}

impl Schema for Timestamp {
    fn schema(_: &mut Components) -> Value {
        json!({ "type": "string", "format": "date-time" })
    }
}

impl<'a> FromSql<'a> for Timestamp {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Cause> {
        // PostgreSQL has infinities and years that neither clients nor this type know: the nearest known instant stands for them.
        let beyond = if raw.first().is_some_and(|byte| byte & 0x80 != 0) { Self::FIRST } else { Self::LAST };
        Ok(OffsetDateTime::from_sql(ty, raw).map_or(beyond, |at| Self(at).clamp(Self::FIRST, Self::LAST)))
    }
    fn accepts(ty: &Type) -> bool {
        <OffsetDateTime as FromSql>::accepts(ty)
    }
}

impl ToSql for Timestamp {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Cause> {
        self.0.to_sql(ty, out)
    }
    fn accepts(ty: &Type) -> bool {
        <OffsetDateTime as ToSql>::accepts(ty)
    }
    tokio_postgres::types::to_sql_checked!();
}

/// A day of the UTC calendar, written as `2026-11-21`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day(pub Date);

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl Schema for Day {
    fn schema(_: &mut Components) -> Value {
        json!({ "type": "string", "format": "date" })
    }
}

impl Input for Day {
    fn read(raw: Raw<'_>, at: &mut At<'_>) -> Option<Self> {
        let Some(text) = raw.text() else { return fail_type(raw, at, "be text") };
        let midnight =
            (text.len() == DATE_CHARACTERS).then(|| Timestamp::parse(&format!("{text}T00:00:00Z"))).flatten();
        let day = midnight.map(|midnight| Self(midnight.0.date()));
        day.or_else(|| at.fail("format", "be a date (YYYY-MM-DD)"))
    }
}

impl ToSql for Day {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Cause> {
        self.0.to_sql(ty, out)
    }
    fn accepts(ty: &Type) -> bool {
        <Date as ToSql>::accepts(ty)
    }
    tokio_postgres::types::to_sql_checked!();
}

impl<'a> FromSql<'a> for Day {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Cause> {
        let beyond = if raw.first().is_some_and(|byte| byte & 0x80 != 0) { Timestamp::FIRST } else { Timestamp::LAST };
        let date = Date::from_sql(ty, raw).unwrap_or(beyond.0.date());
        Ok(Self(date.clamp(Timestamp::FIRST.0.date(), Timestamp::LAST.0.date())))
    }
    fn accepts(ty: &Type) -> bool {
        <Date as FromSql>::accepts(ty)
    }
}

/// Where the time comes from.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The system's clock.
    System,
    /// A clock that a test sets, in microseconds since the epoch.
    Set(Arc<AtomicI64>),
}

impl Clock {
    /// The present instant, to the microsecond, which is what PostgreSQL keeps.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let now = match self {
            Self::System => OffsetDateTime::now_utc(),
            Self::Set(micros) => {
                OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros.load(Ordering::SeqCst)) * 1000)
                    .unwrap_or(OffsetDateTime::UNIX_EPOCH)
            }
        };
        let whole_micros = now.nanosecond() / 1000 * 1000;
        Timestamp(now.replace_nanosecond(whole_micros).unwrap_or(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn timestamps_are_read_with_an_offset_or_as_utc() {
        let same = "2026-11-21T09:04:05Z";
        for text in [
            "2026-11-21T09:04:05Z",
            "2026-11-21T09:04:05z",
            "2026-11-21t09:04:05Z",
            "2026-11-21 09:04:05",
            "2026-11-21T09:04:05",
            "2026-11-21T10:04:05+01:00",
            "2026-11-21 04:04:05-05:00",
            "2026-11-21T09:04:05.000000Z",
        ] {
            assert_eq!(Timestamp::parse(text).map(|at| at.to_string()).as_deref(), Some(same), "{text}");
        }
        let fraction = Timestamp::parse("2026-11-21T09:04:05.123456").unwrap();
        assert_eq!(fraction.to_string(), "2026-11-21T09:04:05.123456Z");
        for text in [
            "",
            "2026",
            "2026-11-21",
            "2026-13-01T00:00:00Z",
            "2026-02-29T00:00:00Z",
            "2026-11-21T25:00:00Z",
            "2026-11-21T09:04:05+99:00",
            "2026-11-21T09:04:05Zulu",
            "1795251845",
            "T",
            "+12026-11-21T00:00:00Z",
            "-0001-11-21T00:00:00Z",
            "ÿ026-11-21T09:04:05Z",
            "2026-11-21T09:04:05ZZ",
            "0001-01-01T00:00:00+01:00",
        ] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }

    #[test]
    fn timestamps_are_written_in_utc_with_z() {
        let cases = [
            (datetime!(2026-11-21 10:04:00 +1), "2026-11-21T09:04:00Z"),
            (datetime!(2026-01-02 03:04:05.000_060 UTC), "2026-01-02T03:04:05.000060Z"),
            (datetime!(9999-12-31 23:30:00 -1), "9999-12-31T23:59:59Z"),
            (datetime!(0001-01-01 00:30:00 +1), "0001-01-01T00:00:00Z"),
        ];
        for (at, text) in cases {
            assert_eq!(Timestamp(at).to_string(), text);
        }
    }
}

#[cfg(test)]
mod properties;
