//! What is true of however a lifter's workouts are told and counted: the way does not matter, only what was done.

use std::collections::HashSet;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use uuid::Uuid;

use super::*;
use crate::property;

/// A workout: its day within the cycle, and its minutes.
type Workout = (usize, f64);

/// A week's workouts. Quarters of minutes are exact in a float, so their sum is the same in every order.
fn workouts() -> impl Strategy<Value = Vec<Workout>> {
    vec((0..7_usize, prop_oneof![0..400, 110..130].prop_map(|quarters| f64::from(quarters) / 4.0)), 0..8)
}

/// What distinguishes quests.
#[derive(Clone, Copy, Debug)]
struct Kind {
    code: &'static str,
    metric: &'static str,
    status: Status,
    required: i32,
    auto_claim: bool,
}

fn kinds() -> impl Strategy<Value = Kind> {
    let codes = select(vec![rules::LONGEST_SESSION, rules::LONG_SESSION_DAYS, "other"]);
    let metrics = select(vec!["workouts_completed", "active_minutes"]);
    let statuses = select(vec![Status::Active, Status::Expired]);
    (codes, metrics, statuses, prop_oneof![1..6, 1..120], any::<bool>())
        .prop_map(|(code, metric, status, required, auto_claim)| Kind { code, metric, status, required, auto_claim })
}

/// A quest of this kind before anything was done.
fn fresh(kind: Kind) -> OpenRow {
    OpenRow {
        id: QuestId(Uuid::nil()),
        status: kind.status.name().to_owned(),
        progress_value: 0,
        required_value: kind.required,
        code: kind.code.to_owned(),
        metric: kind.metric.to_owned(),
        reward_xp: 100,
        auto_claim: kind.auto_claim,
        workouts: 0,
        minutes: 0.0,
        longest_session: 0,
        long_session_days: 0,
    }
}

/// What the statement counts of these workouts.
fn count(quest: &mut OpenRow, done: &[Workout]) {
    let whole = || done.iter().map(|(day, minutes)| (*day, rules::whole_minutes(*minutes)));
    quest.workouts = i64::try_from(done.len()).unwrap();
    quest.minutes = done.iter().map(|(_, minutes)| minutes).sum();
    quest.longest_session = whole().map(|(_, minutes)| minutes).max().unwrap_or(0);
    let days = (0..7).filter(|day| whole().any(|(its, minutes)| its == *day && minutes >= LONG_SESSION_MINUTES));
    quest.long_session_days = i64::try_from(days.count()).unwrap();
}

/// What a quest of this kind asks for, of these workouts.
fn asked_for(kind: Kind, done: &[Workout]) -> i32 {
    let minutes = done.iter().map(|(_, minutes)| *minutes);
    let long = done.iter().filter(|(_, minutes)| *minutes >= 29.5);
    match (kind.code, kind.metric) {
        (rules::LONGEST_SESSION, _) => minutes.map(rules::whole_minutes).max().unwrap_or(0),
        (rules::LONG_SESSION_DAYS, _) => i32::try_from(long.map(|(day, _)| day).collect::<HashSet<_>>().len()).unwrap(),
        (_, "active_minutes") => rules::whole_minutes(minutes.sum()),
        _ => i32::try_from(done.len()).unwrap(),
    }
}

fn is_done(quest: &OpenRow) -> bool {
    matches!(Status::of(&quest.status), Status::Completed | Status::Claimed)
}

/// Counts these workouts, and stores the step that follows, if any. What is done is not looked at again.
fn advance_by(quest: &mut OpenRow, done: &[Workout]) -> bool {
    count(quest, done);
    let step = if is_done(quest) { None } else { step(quest) };
    let Some(Step { status, progress }) = step else { return false };
    quest.status = status.name().to_owned();
    quest.progress_value = progress;
    true
}

fn standing(quest: &OpenRow) -> (i32, String) {
    (quest.progress_value, quest.status.clone())
}

#[test]
fn any_order_and_any_pauses_between_counts_come_equally_far() {
    let told = workouts().prop_flat_map(|done| (Just(done.clone()).prop_shuffle(), vec(any::<bool>(), done.len())));
    property::holds((kinds(), told), |(kind, (done, counted))| {
        let (mut at_once, mut bit_by_bit) = (fresh(kind), fresh(kind));
        advance_by(&mut at_once, &done);
        // Where a count failed, the next one makes up for it; the last one comes in the end.
        for told in 1..=done.len() {
            if counted[told - 1] || told == done.len() {
                advance_by(&mut bit_by_bit, &done[..told]);
            }
        }
        assert_eq!(standing(&bit_by_bit), standing(&at_once));
        assert_eq!(at_once.progress_value, asked_for(kind, &done).min(kind.required));
    });
}

#[test]
fn a_workout_in_two_parts_is_as_many_minutes() {
    let parts = (any::<Index>(), 0.0..=1.0_f64);
    property::holds((kinds(), workouts(), parts), |(kind, mut done, (which, share))| {
        let kind = Kind { code: "other", metric: "active_minutes", ..kind };
        let (mut whole, mut parts) = (fresh(kind), fresh(kind));
        advance_by(&mut whole, &done);
        if !done.is_empty() {
            let which = which.index(done.len());
            let (day, minutes) = done[which];
            let first = (minutes * share * 4.0).floor() / 4.0;
            done[which].1 = first;
            done.push((day, minutes - first));
        }
        for told in 1..=done.len() {
            advance_by(&mut parts, &done[..told]);
        }
        assert_eq!(standing(&parts), standing(&whole));
    });
}

#[test]
fn counting_again_changes_nothing() {
    property::holds((kinds(), workouts()), |(kind, done)| {
        let mut quest = fresh(kind);
        advance_by(&mut quest, &done);
        let before = standing(&quest);
        assert!(!advance_by(&mut quest, &done));
        assert_eq!(standing(&quest), before);
    });
}

#[test]
fn nothing_goes_back_and_the_target_is_the_end() {
    property::holds((kinds(), workouts(), workouts()), |(kind, earlier, later)| {
        let mut quest = fresh(kind);
        advance_by(&mut quest, &earlier);
        let (progress_then, status_then) = standing(&quest);
        // Fewer, when a lifter's workouts were deleted meanwhile.
        advance_by(&mut quest, &later);
        let (progress, status) = standing(&quest);
        assert!((progress_then..=quest.required_value).contains(&progress), "{progress} after {progress_then}");
        assert_eq!(is_done(&quest), progress == quest.required_value, "{status} after {status_then}");
        assert!(is_done(&quest) || status == status_then, "{status} after {status_then}");
        assert!(status != "claimed" || quest.auto_claim, "nobody claimed it");
        assert!(status != "completed" || !quest.auto_claim, "it claims itself");
    });
}

#[test]
fn a_reward_is_paid_whole_or_fills_the_total() {
    let totals = prop_oneof![any::<i32>(), -5..=5, i32::MAX - 5..=i32::MAX];
    property::holds((prop_oneof![any::<i32>(), -2..8, Just(i32::MAX)], totals), |(reward_xp, total)| {
        let amount = reward(QuestId(Uuid::nil()), reward_xp, total).map_or(0, |award| award.amount);
        let room = i64::from(i32::MAX) - i64::from(total.max(0));
        assert_eq!(i64::from(amount), i64::from(reward_xp.max(0)).min(room));
        assert_ne!(reward(QuestId(Uuid::nil()), reward_xp, total).map(|award| award.amount), Some(0));
    });
}
