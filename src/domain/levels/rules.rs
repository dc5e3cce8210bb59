//! The curve of levels. Pure.

use crate::config::LevelConfig;

/// Where a number of points stands on the curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// From 1.
    pub level: i32,
    /// Points to the next level; 0 at the highest.
    pub xp_to_next: i32,
    /// Share of the way through the level, 0 to 1; 1 at the highest.
    pub progress_pct: f64,
}

/// Points that a level needs in all: `base × (level − 1)²`.
fn points_for(level: i32, curve: &LevelConfig) -> i64 {
    let steps = i64::from(level) - 1;
    i64::from(curve.base) * steps * steps
}

/// The level of so many points.
#[must_use]
pub fn level(total_xp: i32, curve: &LevelConfig) -> i32 {
    let steps = (total_xp.max(0) / curve.base.max(1)).isqrt();
    steps.saturating_add(1).min(curve.max_level)
}

/// Where so many points stand.
#[must_use]
pub fn progress(total_xp: i32, curve: &LevelConfig) -> Progress {
    let level = level(total_xp, curve);
    if level >= curve.max_level {
        return Progress { level, xp_to_next: 0, progress_pct: 1.0 };
    }
    let (from, to) = (points_for(level, curve), points_for(level + 1, curve));
    let xp = i64::from(total_xp.max(0));
    let to_next = i32::try_from(to - xp).unwrap_or(i32::MAX);
    Progress { level, xp_to_next: to_next, progress_pct: share(xp - from, to - from) }
}

#[expect(clippy::cast_precision_loss, reason = "points are far below 2^53")]
fn share(done: i64, whole: i64) -> f64 {
    done as f64 / whole.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const CURVE: LevelConfig = LevelConfig { base: 100, max_level: 100 };

    #[test]
    fn levels_begin_at_their_points() {
        let cases = [(0, 1, 100), (99, 1, 1), (100, 2, 300), (399, 2, 1), (400, 3, 500), (-5, 1, 100)];
        for (xp, level, to_next) in cases {
            let progress = progress(xp, &CURVE);
            assert_eq!((progress.level, progress.xp_to_next), (level, to_next), "{xp}");
            assert!((0.0..1.0).contains(&progress.progress_pct), "{xp}");
        }
    }

    #[test]
    fn the_highest_level_is_the_end() {
        for xp in [100 * 99 * 99, i32::MAX] {
            assert_eq!(progress(xp, &CURVE), Progress { level: 100, xp_to_next: 0, progress_pct: 1.0 });
        }
        assert_eq!(progress(100 * 99 * 99 - 1, &CURVE).level, 99);
    }
}

#[cfg(test)]
mod properties {
    use super::*;
    use crate::property;
    use proptest::prelude::*;

    /// Every curve that the configuration allows.
    fn curves() -> impl Strategy<Value = LevelConfig> {
        let bases = prop_oneof![Just(100), 1..=200_000];
        (bases, 1..=100).prop_map(|(base, max_level)| LevelConfig { base, max_level })
    }

    /// Totals of points, many of them at the beginning of a level.
    fn totals() -> impl Strategy<Value = (LevelConfig, i32)> {
        (curves(), 1..=101, -2..=2_i64, any::<i32>(), any::<bool>()).prop_map(|(curve, level, off, anywhere, near)| {
            let begins = i32::try_from(points_for(level, &curve) + off).unwrap_or(i32::MAX);
            (curve, if near { begins } else { anywhere })
        })
    }

    #[test]
    fn a_level_begins_with_its_points_and_not_before() {
        property::holds((curves(), 2..=100_i32), |(curve, wanted)| {
            let wanted = wanted.min(curve.max_level);
            let points = i32::try_from(points_for(wanted, &curve)).unwrap();
            assert_eq!(level(points, &curve), wanted);
            assert_eq!(level(points - 1, &curve), (wanted - 1).max(1));
        });
    }

    #[test]
    fn more_points_never_cost_a_level() {
        property::holds((totals(), any::<i32>()), |((curve, one), other)| {
            assert!(level(one.min(other), &curve) <= level(one.max(other), &curve));
            assert!((1..=curve.max_level).contains(&level(one, &curve)));
        });
    }

    #[test]
    fn the_points_to_the_next_level_are_as_many_as_it_takes() {
        property::holds(totals(), |(curve, total)| {
            let Progress { level: now, xp_to_next, .. } = progress(total, &curve);
            assert_eq!(now, level(total, &curve));
            if now == curve.max_level {
                assert_eq!(xp_to_next, 0);
            } else {
                assert!(xp_to_next > 0);
                let reached = total.max(0).saturating_add(xp_to_next);
                assert_eq!(level(reached - 1, &curve), now);
                assert_eq!(level(reached, &curve), now + i32::from(reached < i32::MAX));
            }
        });
    }

    #[test]
    fn progress_is_the_share_of_the_level_that_is_done() {
        property::holds(totals(), |(curve, total)| {
            let Progress { level, xp_to_next, progress_pct } = progress(total, &curve);
            assert!((0.0..=1.0).contains(&progress_pct), "{progress_pct}");
            assert_eq!(progress_pct == 1.0, level == curve.max_level);
            if level < curve.max_level {
                let whole = points_for(level + 1, &curve) - points_for(level, &curve);
                let left = (1.0 - progress_pct) * whole as f64;
                assert!((left - f64::from(xp_to_next)).abs() < 0.01, "{left}");
            }
        });
    }
}
