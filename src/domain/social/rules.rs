//! Searching and following in numbers. Pure.

use crate::time::Timestamp;

/// Matches that the pages of one search reach. Nobody reads on for longer, and each page costs what all of them cost.
pub const REACH_MAX: i64 = 1_000;
/// Lifters that one lifter may newly follow in [`FOLLOW_WINDOW_S`].
pub const FOLLOWS_MAX: i64 = 60;
/// How long a follow counts, in seconds.
pub const FOLLOW_WINDOW_S: i64 = 3_600;

/// The LIKE pattern of whatever contains this text, each of its characters standing for itself.
#[must_use]
pub fn containing(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

/// Whether an index of trigrams narrows a search for this text down: three letters or digits stand in a row in it.
#[must_use]
pub fn has_trigram(text: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric()).any(|word| word.chars().count() >= 3)
}

/// Seconds until the follow of that time counts no more.
#[must_use]
pub fn retry_after_s(blocking: Timestamp, now: Timestamp) -> u32 {
    const SECOND_MICROS: i128 = 1_000_000;
    let age_micros = (now.0 - blocking.0).whole_microseconds();
    let left_micros = i128::from(FOLLOW_WINDOW_S) * SECOND_MICROS - age_micros;
    let left_s = (left_micros + SECOND_MICROS - 1) / SECOND_MICROS;
    u32::try_from(left_s.max(1)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn signs_of_patterns_stand_for_themselves() {
        for (text, pattern) in [("ada", "%ada%"), ("100%", r"%100\%%"), ("a_b", r"%a\_b%"), (r"\", r"%\\%")] {
            assert_eq!(containing(text), pattern);
        }
    }

    #[test]
    fn three_letters_in_a_row_make_a_trigram() {
        for text in ["ada", "a ada", "żół", "123", "___ada"] {
            assert!(has_trigram(text), "{text}");
        }
        for text in ["", "ad", "a_d_a", "%%%", "ad ad", "żó"] {
            assert!(!has_trigram(text), "{text}");
        }
    }

    #[test]
    fn room_for_a_follow_is_told_in_whole_seconds_and_never_too_soon() {
        let now = Timestamp(datetime!(2027-01-15 09:00:00 UTC));
        for (blocking, seconds) in [
            (datetime!(2027-01-15 09:00:00 UTC), 3600),
            (datetime!(2027-01-15 08:30:00.000_001 UTC), 1801),
            (datetime!(2027-01-15 08:00:00.000_001 UTC), 1),
            (datetime!(2027-01-15 07:00:00 UTC), 1),
        ] {
            assert_eq!(retry_after_s(Timestamp(blocking), now), seconds, "{blocking}");
        }
    }
}
