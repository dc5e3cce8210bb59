//! What is true of every instant and every day, as they are stored, written and read.

use proptest::prelude::*;
use time::format_description::well_known::Rfc3339;

use super::*;
use crate::property;

/// Microseconds of what PostgreSQL sends, many of them close to the first and the last that is written.
fn micros() -> impl Strategy<Value = i64> {
    let edges = [Timestamp::FIRST, Timestamp::LAST].map(sent);
    let near = (proptest::sample::select(edges.to_vec()), -3_000_000..3_000_000_i64).prop_map(|(edge, off)| edge + off);
    prop_oneof![any::<i64>(), near, -1_000_000_000_000_000..1_000_000_000_000_000_i64]
}

/// Microseconds since 2000, as PostgreSQL counts.
fn sent(at: Timestamp) -> i64 {
    i64::try_from((at.0 - time::macros::datetime!(2000-01-01 0:00 UTC)).whole_microseconds()).unwrap()
}

fn read(micros: i64) -> Timestamp {
    Timestamp::from_sql(&Type::TIMESTAMPTZ, &micros.to_be_bytes()).unwrap()
}

#[test]
fn what_is_stored_reads_as_the_nearest_instant_that_is_written() {
    property::holds(micros(), |micros| {
        let expected = micros.clamp(sent(Timestamp::FIRST), sent(Timestamp::LAST));
        assert_eq!(sent(read(micros)), expected);
        let mut written = BytesMut::new();
        read(micros).to_sql(&Type::TIMESTAMPTZ, &mut written).unwrap();
        assert_eq!(written.as_ref(), expected.to_be_bytes());
    });
}

#[test]
fn a_day_reads_as_the_nearest_one_that_is_written() {
    property::holds(prop_oneof![any::<i32>(), -800_000..3_000_000], |days| {
        let Day(day) = Day::from_sql(&Type::DATE, &days.to_be_bytes()).unwrap();
        let first = Timestamp::FIRST.0.date().to_julian_day();
        let last = Timestamp::LAST.0.date().to_julian_day();
        let in_2000 = time::macros::date!(2000 - 01 - 01).to_julian_day();
        assert_eq!(day.to_julian_day(), days.saturating_add(in_2000).clamp(first, last));
    });
}

#[test]
fn on_every_meridian_the_same_instant_is_written_in_utc() {
    property::holds((micros(), -86_399..=86_399), |(micros, offset_s)| {
        let offset = UtcOffset::from_whole_seconds(offset_s).unwrap();
        let here = read(micros);
        if let Some(there) = here.0.checked_to_offset(offset) {
            assert_eq!(Timestamp(there).to_string(), here.to_string());
        }
        assert_eq!(OffsetDateTime::parse(&here.to_string(), &Rfc3339).unwrap(), here.0);
        // The same clock elsewhere is another instant, and at the ends of time one that nobody can write.
        let text = Timestamp(here.0.replace_offset(offset)).to_string();
        let expected = sent(here) - i64::from(offset_s) * 1_000_000;
        let expected = expected.clamp(sent(Timestamp::FIRST), sent(Timestamp::LAST));
        assert_eq!(sent(Timestamp(OffsetDateTime::parse(&text, &Rfc3339).unwrap())), expected, "{text}");
    });
}

#[test]
fn what_is_written_is_read_as_the_same_instant_in_every_notation() {
    property::holds((micros(), any::<[bool; 3]>()), |(micros, [small, blank, no_z])| {
        let at = read(micros);
        let mut text = at.to_string();
        if small {
            text = text.to_lowercase();
        }
        if blank {
            text = text.replace(['T', 't'], " ");
        }
        if no_z {
            text.pop();
        }
        assert_eq!(Timestamp::parse(&text), Some(at), "{text}");
    });
}

#[test]
fn an_offset_is_taken_off() {
    property::holds((micros(), -1439..=1439_i64), |(micros, offset_min)| {
        let written = read(micros).to_string();
        let local = written.trim_end_matches('Z');
        let (sign, minutes) = (if offset_min < 0 { '-' } else { '+' }, offset_min.abs());
        let text = format!("{local}{sign}{:02}:{:02}", minutes / 60, minutes % 60);
        let expected = sent(read(micros)) - offset_min * 60_000_000;
        let is_written = (sent(Timestamp::FIRST)..=sent(Timestamp::LAST)).contains(&expected);
        assert_eq!(Timestamp::parse(&text).map(sent), Some(expected).filter(|_| is_written), "{text}");
    });
}

#[test]
fn any_text_is_a_time_or_none() {
    let clocks = r"(0000|[0-9]{4})-(0[1-9]|1[0-2])-[0-2][0-9][T ]([01][0-9]|2[0-4])(:[0-5][0-9]){1,2}([.,][0-9]{1,3})?";
    let near = (clocks, r"Z|[+-][0-2][0-9]:[0-5][0-9]|[Zz0-9:+-]{0,6}").prop_map(|(clock, zone)| clock + &zone);
    property::holds(prop_oneof![near, "[0-9TZ:+. -]{0,24}|.{0,12}"], |text| {
        let read = Timestamp::parse(&text);
        assert!(read.is_none_or(|at| (Timestamp::FIRST..=Timestamp::LAST).contains(&at)), "{text}");
        // What follows the stricter standard is read as it says, if it can be written again.
        if let Ok(exact) = OffsetDateTime::parse(&text, &Rfc3339) {
            assert_eq!(
                read,
                Some(Timestamp(exact)).filter(|at| (Timestamp::FIRST..=Timestamp::LAST).contains(at)),
                "{text}"
            );
        }
    });
}

#[test]
fn written_timestamps_sort_as_they_happened() {
    property::holds((micros(), micros()), |(one, other)| {
        let (one, other) = (read(one), read(other));
        let seconds = |at: Timestamp| at.to_string()[..19].to_owned();
        assert!(one > other || seconds(one) <= seconds(other));
        assert!(one.minus_s(other.unix_s().saturating_abs()) <= one);
    });
}
