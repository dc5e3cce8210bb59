//! Sliding windows in memory, of as many lifters or addresses as may come ([`Recent`]), [`MARKS_MAX`] marks each.

use std::collections::VecDeque;

use super::recent::Recent;
use crate::budget::{Budget, Quota};

/// Marks of a window. Requests that come closer together than this part of its length share a mark, and leave with the last of
/// them: so late, never early.
const MARKS_MAX: u32 = 32;

/// Whose window: the budget, and the lifter's or the address's number.
pub type Key = (Budget, u128);

/// The windows.
#[derive(Default)]
pub struct Windows(Recent<Key, Window>);

#[derive(Default)]
struct Window {
    marks: VecDeque<Mark>,
    used: u32,
}

/// Requests that count together.
struct Mark {
    first_micros: i64,
    last_micros: i64,
    count: u32,
}

impl Windows {
    /// Counts a request if there is room. Answers whether there was, how many count now, and in how many microseconds the
    /// first of them leaves.
    pub fn take(&self, key: Key, quota: Quota, now_micros: i64) -> (bool, u32, i64) {
        self.0.with(key, |window| window.take(quota, now_micros))
    }
}

impl Window {
    fn take(&mut self, quota: Quota, now: i64) -> (bool, u32, i64) {
        let length = quota.window_micros();
        while let Some(gone) = self.marks.front().filter(|mark| mark.last_micros + length <= now).map(|mark| mark.count)
        {
            self.used -= gone;
            self.marks.pop_front();
        }
        let taken = self.used < quota.limit;
        if taken {
            self.used += 1;
            let grain = if quota.limit <= MARKS_MAX { 0 } else { length / i64::from(MARKS_MAX) };
            match self.marks.back_mut().filter(|mark| now - mark.first_micros < grain) {
                Some(mark) => {
                    mark.last_micros = now.max(mark.last_micros);
                    mark.count += 1;
                }
                None => self.marks.push_back(Mark { first_micros: now, last_micros: now, count: 1 }),
            }
        }
        let next = self.marks.front().map_or(0, |mark| mark.last_micros + length - now);
        (taken, self.used, next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;
    const ADA: Key = (Budget::Read, 7);

    #[test]
    fn no_span_of_a_windows_length_sees_more_than_the_limit() {
        for limit in [1, 5, 32, 33, 240, 1200] {
            let quota = Quota { limit, window_s: 60 };
            let windows = Windows::default();
            let mut dice = 88_172_645_463_325_252_u64; // xorshift64
            let (mut now, mut taken): (i64, Vec<i64>) = (0, Vec::new());
            for _ in 0..20_000 {
                dice ^= dice << 13;
                dice ^= dice >> 7;
                dice ^= dice << 17;
                now += i64::try_from(dice % (120 * 1_000_000 / u64::from(limit))).unwrap();
                let (was_taken, used, next) = windows.take(ADA, quota, now);
                if was_taken {
                    taken.push(now);
                }
                let counting = taken.iter().rev().take_while(|at| **at + quota.window_micros() > now).count();
                assert!(u32::try_from(counting).unwrap() <= used && used <= limit, "{counting} {used} {limit}");
                assert!(next > 0 && next <= quota.window_micros() + quota.window_micros() / i64::from(MARKS_MAX));
            }
        }
    }

    #[test]
    fn there_is_room_when_it_is_said_to_be_and_not_before() {
        let windows = Windows::default();
        let quota = Quota { limit: 2, window_s: 60 };
        assert_eq!(windows.take(ADA, quota, 0), (true, 1, 60 * SECOND));
        assert_eq!(windows.take(ADA, quota, 10 * SECOND), (true, 2, 50 * SECOND));
        assert_eq!(windows.take(ADA, quota, 59 * SECOND), (false, 2, SECOND));
        assert_eq!(windows.take(ADA, quota, 60 * SECOND - 1), (false, 2, 1));
        assert_eq!(windows.take(ADA, quota, 60 * SECOND), (true, 2, 10 * SECOND));
        assert_eq!(windows.take((Budget::Read, 8), quota, 60 * SECOND), (true, 1, 60 * SECOND));
        assert_eq!(windows.take((Budget::Write, 7), quota, 60 * SECOND), (true, 1, 60 * SECOND));
        let crowd = Quota { limit: 1200, window_s: 60 };
        for n in 0..1200 {
            assert!(windows.take((Budget::Read, 9), crowd, n).0);
        }
        let (taken, used, next) = windows.take((Budget::Read, 9), crowd, 1200);
        assert_eq!((taken, used, next), (false, 1200, 60 * SECOND - 1));
        assert!(windows.take((Budget::Read, 9), crowd, 1200 + next).0);
    }

    #[test]
    fn a_busy_window_keeps_few_marks() {
        let mut window = Window::default();
        let quota = Quota { limit: 10_000, window_s: 60 };
        for n in 0..100_000 {
            window.take(quota, n * 5_000);
            assert!(window.marks.len() <= MARKS_MAX as usize + 1);
        }
    }
}
