//! What is true of every cycle, of whatever counts towards a quest, and of every status.

use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use time::UtcOffset;

use super::*;
use crate::property;

const ALWAYS: Availability = Availability { from: None, until: None };
const DAY_S: i64 = 24 * 3600;

/// Whoever has cycles that come again and again, with their length.
fn recurring() -> impl Strategy<Value = (&'static str, i64)> {
    select(vec![("daily", DAY_S), ("weekly", 7 * DAY_S)])
}

/// Instants from 1900 to 2400, half of them within two microseconds of a midnight.
fn instants() -> impl Strategy<Value = Timestamp> {
    let days = -25_567..157_054_i64;
    let midnights = (days.clone(), -2..=2_i64).prop_map(|(day, off)| day * DAY_S * 1_000_000 + off);
    let anywhere = (days, 0..DAY_S * 1_000_000).prop_map(|(day, micros)| day * DAY_S * 1_000_000 + micros);
    prop_oneof![midnights, anywhere].prop_map(at)
}

/// The instant so many microseconds after 1970.
fn at(micros: i64) -> Timestamp {
    Timestamp(Timestamp::EPOCH.0 + Duration::microseconds(micros))
}

fn always(cadence: &str, at: Timestamp) -> Span {
    cycle(cadence, ALWAYS, Timestamp::EPOCH, at).unwrap()
}

#[test]
fn a_cycle_holds_its_instant_and_has_the_length_of_its_cadence() {
    property::holds((recurring(), instants()), |((cadence, length_s), at)| {
        let span = always(cadence, at);
        assert!(span.holds(at), "{span:?}");
        assert_eq!(span.end, Some(span.start.plus_s(length_s)));
        assert_eq!(span.start.midnight(), span.start);
        assert!(cadence == "daily" || span.start.0.weekday() == time::Weekday::Monday, "{span:?}");
    });
}

#[test]
fn instants_share_a_cycle_if_one_holds_both() {
    let close = (instants(), -15 * DAY_S * 1_000_000..15 * DAY_S * 1_000_000);
    property::holds((recurring(), close), |((cadence, _), (one, off))| {
        let other = Timestamp(one.0 + Duration::microseconds(off));
        let (this, that) = (always(cadence, one), always(cadence, other));
        assert_eq!(this == that, this.holds(other), "{this:?} and {that:?}");
    });
}

#[test]
fn cycles_follow_each_other_without_a_gap() {
    property::holds((recurring(), instants()), |((cadence, _), at)| {
        let span = always(cadence, at);
        assert_eq!(always(cadence, span.end.unwrap()).start, span.end.unwrap());
        let last_before = Timestamp(span.start.0 - Duration::microseconds(1));
        assert_eq!(always(cadence, last_before).end, Some(span.start));
        assert!(!span.holds(last_before) && span.holds(span.start) && !span.holds(span.end.unwrap()));
    });
}

#[test]
fn clocks_of_every_meridian_show_the_same_cycle() {
    property::holds((recurring(), instants(), -64_800..=64_800), |((cadence, _), at, offset_s)| {
        let elsewhere = Timestamp(at.0.to_offset(UtcOffset::from_whole_seconds(offset_s).unwrap()));
        assert_eq!(always(cadence, elsewhere), always(cadence, at));
    });
}

/// Three instants close to each other, so that any of them may be the first, and some of them the same.
fn close() -> impl Strategy<Value = (Availability, Timestamp, Timestamp)> {
    let seconds = || (0..6_i64).prop_map(|halves| at(1_795_253_400_000_000 + halves * 500_000));
    (of(seconds()), of(seconds()), seconds(), seconds())
        .prop_map(|(from, until, made_at, now)| (Availability { from, until }, made_at, now))
}

#[test]
fn a_template_can_be_had_from_its_beginning_on_and_before_its_end() {
    property::holds((recurring(), close()), |((cadence, _), (available, made_at, now))| {
        let begun = available.from.is_none_or(|from| from <= now);
        let over = available.until.is_some_and(|until| until <= now);
        // The cycle of a template that can be had is everybody's: its bounds do not cut it.
        let expected = (begun && !over).then(|| always(cadence, now));
        assert_eq!(cycle(cadence, available, made_at, now), expected);
    });
}

#[test]
fn a_limited_template_has_one_cycle_as_long_as_it_can_be_had() {
    property::holds(close(), |(available, made_at, now)| {
        let start = available.from.unwrap_or(made_at);
        let within = start <= now && available.until.is_none_or(|until| now < until);
        let expected = within.then_some(Span { start, end: available.until });
        assert_eq!(cycle("limited", available, made_at, now), expected);
    });
}

#[test]
fn nothing_else_has_cycles() {
    property::holds(("[a-z]{0,8}|Daily|weekly ", close()), |(cadence, (available, made_at, now))| {
        let known = ["daily", "weekly", "limited"].contains(&cadence.as_str());
        assert!(known || cycle(&cadence, available, made_at, now).is_none());
    });
}

/// Codes and metrics of quests, two of which count single sessions.
fn kinds() -> impl Strategy<Value = (&'static str, &'static str)> {
    let codes = select(vec![LONGEST_SESSION, LONG_SESSION_DAYS, "other"]);
    (codes, select(vec!["workouts_completed", "active_minutes", "something"]))
}

fn deeds() -> impl Strategy<Value = Deeds> {
    let minutes = prop_oneof![0.0..200.0, (0..400).prop_map(|halves| f64::from(halves) / 2.0), 0.0..1e12];
    (prop_oneof![0..20_i64, 0..i64::MAX], minutes, 0..200, 0..8_i64).prop_map(
        |(workouts, minutes, longest_session, long_session_days)| Deeds {
            workouts,
            minutes,
            longest_session,
            long_session_days,
        },
    )
}

#[test]
fn progress_is_what_the_quest_asks_for_up_to_its_target_and_nothing_else() {
    property::holds((kinds(), deeds(), -1..300_i32), |((code, metric), deeds, required)| {
        let most = f64::from(required.max(0));
        let counted = match (code, metric) {
            (LONGEST_SESSION, _) => f64::from(deeds.longest_session),
            (LONG_SESSION_DAYS, _) => deeds.long_session_days as f64,
            (_, "workouts_completed") => deeds.workouts as f64,
            (_, "active_minutes") => deeds.minutes,
            _ => 0.0,
        };
        let progress = f64::from(progress(code, metric, &deeds, required));
        assert!((0.0..=most).contains(&progress), "{progress}");
        // Only minutes have fractions, and half of one is as far as rounding goes.
        let off = (progress - counted.min(most)).abs();
        assert!(off == 0.0 || (metric == "active_minutes" && code == "other" && off <= 0.5), "{progress}");
    });
}

#[test]
fn more_of_anything_is_never_less_progress() {
    property::holds((kinds(), deeds(), deeds(), 0..300_i32), |((code, metric), one, more, required)| {
        let both = Deeds {
            workouts: one.workouts.saturating_add(more.workouts),
            minutes: one.minutes + more.minutes,
            longest_session: one.longest_session.max(more.longest_session),
            long_session_days: one.long_session_days + more.long_session_days,
        };
        let alone = progress(code, metric, &one, required);
        assert!(progress(code, metric, &both, required) >= alone);
        assert_eq!(alone, progress(code, metric, &one, i32::MAX).min(required), "a target only cuts");
    });
}

#[test]
fn a_session_is_long_from_half_a_minute_before_thirty() {
    property::holds((-10.0..60.0, -100..200), |(minutes, halves)| {
        assert_eq!(whole_minutes(minutes) >= LONG_SESSION_MINUTES, minutes >= 29.5);
        assert!((f64::from(whole_minutes(minutes)) - minutes.max(0.0)).abs() <= 0.5);
        let half = f64::from(halves) + 0.5;
        assert!(whole_minutes(half) % 2 == 0, "{half} goes to the even one");
    });
}

#[test]
fn the_share_is_whole_when_the_target_is_reached_and_not_before() {
    property::holds((-5..1000_i32, -5..1000_i32), |(progress, required)| {
        let share = share(progress, required);
        assert!((0.0..=1.0).contains(&share), "{share}");
        assert_eq!(share == 1.0, required <= 0 || progress >= required);
        let back = share * f64::from(required.max(0));
        assert!((back - f64::from(progress.clamp(0, required.max(0)))).abs() < 1e-9, "{back}");
    });
}

#[test]
fn a_quest_is_over_from_its_last_instant_on_unless_it_was_completed() {
    let statuses = select(vec![Status::Active, Status::Completed, Status::Claimed, Status::Expired]);
    property::holds((statuses, close(), of(-2..=2_i64)), |(status, (_, _, now), ends_in)| {
        let end = ends_in.map(|micros| Timestamp(now.0 + Duration::microseconds(micros)));
        let over = ends_in.is_some_and(|micros| micros <= 0);
        let expected = if over && status == Status::Active { Status::Expired } else { status };
        assert_eq!(status.at(now, end), expected);
        assert_eq!(status.at(now, end).at(now, end), expected);
        assert_eq!(Status::of(status.name()), status);
    });
}
