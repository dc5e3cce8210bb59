//! Cycles of quests and what counts towards them. Pure.

use time::{Date, Duration, OffsetDateTime, Time};

use crate::time::Timestamp;

/// The quest whose progress is the longest session of the day, in minutes.
pub const LONGEST_SESSION: &str = "daily_30_min_workout";
/// The quest whose progress is the number of days with a long session.
pub const LONG_SESSION_DAYS: &str = "weekly_30_min_workout_three_days";
/// Minutes of a long session.
pub const LONG_SESSION_MINUTES: i32 = 30;

/// A stretch of time: from its start on, up to and without its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its first instant.
    pub start: Timestamp,
    /// The first instant after it; `None`: it has no end.
    pub end: Option<Timestamp>,
}

impl Span {
    /// Whether it holds this instant.
    #[must_use]
    pub fn holds(&self, at: Timestamp) -> bool {
        self.start <= at && self.end.is_none_or(|end| at < end)
    }
}

/// When a template can be had, as far as it says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Availability {
    /// From when on.
    pub from: Option<Timestamp>,
    /// Until when.
    pub until: Option<Timestamp>,
}

impl Availability {
    fn holds(self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= at) && self.until.is_none_or(|until| at < until)
    }
}

/// The cycle that holds this instant, if the template can be had then: a UTC day, a week from Monday on, or all the time
/// between the template's own bounds. A limited template that says no beginning began at `made_at`.
#[must_use]
pub fn cycle(cadence: &str, available: Availability, made_at: Timestamp, at: Timestamp) -> Option<Span> {
    if !available.holds(at) {
        return None;
    }
    let today = at.0.to_offset(time::UtcOffset::UTC).date();
    match cadence {
        "daily" => days(today, 1),
        "weekly" => {
            let since_monday = i64::from(today.weekday().number_days_from_monday());
            days(today.checked_sub(Duration::days(since_monday))?, 7)
        }
        "limited" => {
            let span = Span { start: available.from.unwrap_or(made_at), end: available.until };
            span.holds(at).then_some(span)
        }
        _ => None,
    }
}

fn days(first: Date, count: i64) -> Option<Span> {
    let midnight = |date: Date| Timestamp(OffsetDateTime::new_utc(date, Time::MIDNIGHT));
    let end = first.checked_add(Duration::days(count))?;
    Some(Span { start: midnight(first), end: Some(midnight(end)) })
}

/// What a lifter did within a cycle.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Deeds {
    /// Workouts completed.
    pub workouts: i64,
    /// Their minutes in all.
    pub minutes: f64,
    /// Whole minutes of the longest one.
    pub longest_session: i32,
    /// Days with a long one.
    pub long_session_days: i64,
}

/// Progress towards a quest, 0 to `required`.
#[must_use]
pub fn progress(code: &str, metric: &str, deeds: &Deeds, required: i32) -> i32 {
    let whole = |count: i64| i32::try_from(count).unwrap_or(i32::MAX);
    let done = match (code, metric) {
        (LONGEST_SESSION, _) => deeds.longest_session,
        (LONG_SESSION_DAYS, _) => whole(deeds.long_session_days),
        (_, "workouts_completed") => whole(deeds.workouts),
        (_, "active_minutes") => whole_minutes(deeds.minutes),
        _ => 0,
    };
    done.clamp(0, required.max(0))
}

/// Minutes as quests count them: rounded half to even, so that 29.5 are 30.
#[must_use]
pub fn whole_minutes(minutes: f64) -> i32 {
    #[expect(clippy::cast_possible_truncation, reason = "a float becomes the nearest whole number that there is")]
    let whole = minutes.round_ties_even() as i32;
    whole.max(0)
}

/// Where a quest stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// On the way.
    Active,
    /// At its target, its reward waiting.
    Completed,
    /// Rewarded.
    Claimed,
    /// Over, and the target was not reached.
    Expired,
}

impl Status {
    /// As it is stored and answered.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Completed => "completed",
            Self::Claimed => "claimed",
            Self::Expired => "expired",
        }
    }

    /// The status of this name.
    #[must_use]
    pub fn of(name: &str) -> Self {
        match name {
            "completed" => Self::Completed,
            "claimed" => Self::Claimed,
            "expired" => Self::Expired,
            _ => Self::Active,
        }
    }

    /// Where it stands at this instant: an active quest expires by itself.
    #[must_use]
    pub fn at(self, now: Timestamp, expires_at: Option<Timestamp>) -> Self {
        let over = expires_at.is_some_and(|end| end <= now);
        if self == Self::Active && over { Self::Expired } else { self }
    }
}

/// Share of the way, 0 to 1.
#[must_use]
pub fn share(progress: i32, required: i32) -> f64 {
    if required <= 0 { 1.0 } else { (f64::from(progress) / f64::from(required)).clamp(0.0, 1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const ALWAYS: Availability = Availability { from: None, until: None };

    fn span(cadence: &str, at: OffsetDateTime) -> (String, String) {
        let span = cycle(cadence, ALWAYS, Timestamp::EPOCH, Timestamp(at)).unwrap();
        (span.start.to_string(), span.end.unwrap().to_string())
    }

    #[test]
    fn days_go_from_midnight_to_midnight() {
        let cases = [
            (datetime!(2026-11-21 0:00 UTC), "2026-11-21", "2026-11-22"),
            (datetime!(2026-11-21 23:59:59.999_999 UTC), "2026-11-21", "2026-11-22"),
            (datetime!(2026-11-22 0:30 +1), "2026-11-21", "2026-11-22"),
            (datetime!(2028-02-28 12:00 UTC), "2028-02-28", "2028-02-29"),
            (datetime!(2028-02-29 23:59:59.999 UTC), "2028-02-29", "2028-03-01"),
            (datetime!(2026-12-31 23:59 UTC), "2026-12-31", "2027-01-01"),
        ];
        for (at, start, end) in cases {
            assert_eq!(span("daily", at), (format!("{start}T00:00:00Z"), format!("{end}T00:00:00Z")), "{at}");
        }
    }

    #[test]
    fn weeks_begin_on_monday() {
        let cases = [
            (datetime!(2026-11-16 0:00 UTC), "2026-11-16", "2026-11-23"),
            (datetime!(2026-11-22 23:59:59.999 UTC), "2026-11-16", "2026-11-23"),
            (datetime!(2026-11-23 0:00 UTC), "2026-11-23", "2026-11-30"),
            (datetime!(2028-02-29 9:00 UTC), "2028-02-28", "2028-03-06"),
            (datetime!(2027-01-01 0:00 UTC), "2026-12-28", "2027-01-04"),
        ];
        for (at, start, end) in cases {
            assert_eq!(span("weekly", at), (format!("{start}T00:00:00Z"), format!("{end}T00:00:00Z")), "{at}");
        }
    }

    #[test]
    fn limited_quests_last_as_long_as_their_template() {
        let [before, from, within, until] = [
            datetime!(2026-11-20 23:59:59 UTC),
            datetime!(2026-11-21 0:00 UTC),
            datetime!(2026-11-24 0:00 UTC),
            datetime!(2026-12-01 0:00 UTC),
        ]
        .map(Timestamp);
        let available = Availability { from: Some(from), until: Some(until) };
        let whole = Some(Span { start: from, end: Some(until) });
        let cases = [(before, None), (from, whole), (within, whole), (until, None)];
        for (at, expected) in cases {
            assert_eq!(cycle("limited", available, before, at), expected, "{at}");
        }
        let endless = Some(Span { start: from, end: None });
        assert_eq!(cycle("limited", ALWAYS, from, within), endless);
        assert_eq!(cycle("limited", ALWAYS, within, from), None, "it was not made yet");
        assert_eq!(cycle("daily", available, before, until), None, "it is over");
        assert_eq!(cycle("yearly", ALWAYS, before, from), None);
    }

    #[test]
    fn each_quest_counts_its_own() {
        let deeds = Deeds { workouts: 4, minutes: 89.5, longest_session: 45, long_session_days: 2 };
        let cases = [
            (LONGEST_SESSION, "active_minutes", 30, 30),
            (LONGEST_SESSION, "active_minutes", 60, 45),
            (LONG_SESSION_DAYS, "workouts_completed", 3, 2),
            ("other", "workouts_completed", 10, 4),
            ("other", "workouts_completed", 3, 3),
            ("other", "active_minutes", 1000, 90),
            ("other", "something", 10, 0),
        ];
        for (code, metric, required, expected) in cases {
            assert_eq!(progress(code, metric, &deeds, required), expected, "{code} {metric} {required}");
        }
    }

    #[test]
    fn minutes_are_rounded_half_to_even() {
        let cases = [(29.499, 29), (29.5, 30), (30.5, 30), (31.5, 32), (0.0, 0), (-3.0, 0), (1e300, i32::MAX)];
        for (minutes, whole) in cases {
            assert_eq!(whole_minutes(minutes), whole, "{minutes}");
        }
    }

    #[test]
    fn only_active_quests_expire() {
        let (before, end) = (Timestamp::EPOCH, Timestamp::EPOCH.plus_s(1));
        assert_eq!(Status::Active.at(before, Some(end)), Status::Active);
        assert_eq!(Status::Active.at(end, Some(end)), Status::Expired);
        assert_eq!(Status::Active.at(end, None), Status::Active);
        for status in [Status::Completed, Status::Claimed, Status::Expired] {
            assert_eq!(status.at(end, Some(end)), status);
            assert_eq!(Status::of(status.name()), status);
        }
    }
}

#[cfg(test)]
mod properties;
