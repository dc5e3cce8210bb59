//! What sessions and their tokens are worth: no database, no clock.

use crate::time::Timestamp;

/// Seconds after a refresh in which tokens that lag behind are taken for the same client's: requests that were sent at once
/// arrive within them.
pub const GRACE_S: i64 = 10;
/// Seconds a session lasts however often it is refreshed: a token that was copied unnoticed dies with it.
pub const LIFE_MAX_S: i64 = 90 * 86_400;
/// Live sessions of one lifter. Clients that never refresh log in every hour, so this many reach back four days.
pub const LIVE_MAX: i64 = 100;
/// Seconds that a session which is over can be looked into.
pub const KEPT_S: i64 = 7 * 86_400;
/// Sessions that one login forgets at most: more than it opens, and few enough to be nothing beside its password.
pub const FORGOTTEN_MAX: i64 = 20;

/// What a refresh token is worth whose session lives, and that is not the first to be exchanged at its count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The client has not got the current pair, or another one of its requests got it: here it is.
    Current,
    /// Somebody else has the token, or had it: the session ends.
    Reused,
    /// No token of this session has this count.
    Refused,
}

/// How far a refresh token that bears `presented` may lag behind a session that stands at `stored`.
#[must_use]
pub fn verdict(presented: i32, stored: i32, in_grace: bool, strict: bool) -> Verdict {
    match i64::from(stored) - i64::from(presented) {
        ..0 => Verdict::Refused,
        0 => Verdict::Current,
        1 if !strict => Verdict::Current,
        _ if in_grace => Verdict::Current,
        _ => Verdict::Reused,
    }
}

/// Whether the session was refreshed just now.
#[must_use]
pub fn in_grace(last_refreshed_at: Timestamp, now: Timestamp) -> bool {
    now <= last_refreshed_at.plus_s(GRACE_S)
}

/// When the access token of the current pair was issued and when it expires, in seconds since the epoch. While tokens that
/// lag behind are taken for the same client's, all of them get the one token; later a new one, which has its whole life
/// ahead. None outlives its session.
#[must_use]
pub fn access_terms(last_refreshed_at: Timestamp, ends_at: Timestamp, life_s: i64, now: Timestamp) -> (i64, i64) {
    let issued_at = if in_grace(last_refreshed_at, now) { last_refreshed_at } else { now };
    let iat = issued_at.unix_s();
    (iat, (iat + life_s).min(ends_at.unix_s()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::{Current, Refused, Reused};

    #[test]
    fn the_counter_decides() {
        let cases = [
            // presented, stored; in the grace, after it; the same where the configuration is strict
            (7, 7, Current, Current, Current, Current),
            (6, 7, Current, Current, Current, Reused),
            (5, 7, Current, Reused, Current, Reused),
            (0, 7, Current, Reused, Current, Reused),
            (8, 7, Refused, Refused, Refused, Refused),
            (i32::MAX, i32::MIN, Refused, Refused, Refused, Refused),
            (i32::MIN, i32::MAX, Current, Reused, Current, Reused),
        ];
        for (presented, stored, in_grace, later, strict_in_grace, strict_later) in cases {
            let found = [(true, false), (false, false), (true, true), (false, true)]
                .map(|(in_grace, strict)| verdict(presented, stored, in_grace, strict));
            assert_eq!(found, [in_grace, later, strict_in_grace, strict_later], "{presented} of {stored}");
        }
    }

    fn at(unix_s: i64) -> Timestamp {
        Timestamp::from_unix_s(unix_s).unwrap()
    }

    #[test]
    fn the_grace_is_ten_seconds() {
        for (now, expected) in [(99, true), (100, true), (110, true), (111, false)] {
            assert_eq!(in_grace(at(100), at(now)), expected, "{now}");
        }
    }

    #[test]
    fn access_tokens_are_the_same_in_the_grace_and_never_outlive_their_session() {
        let terms = |now, ends| access_terms(at(1000), at(ends), 3600, at(now));
        assert_eq!(terms(1000, 9000), (1000, 4600));
        assert_eq!(terms(1010, 9000), (1000, 4600));
        assert_eq!(terms(1011, 9000), (1011, 4611));
        assert_eq!(terms(1011, 2000), (1011, 2000));
    }
}
