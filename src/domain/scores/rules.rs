//! What a lift is worth. Pure.

/// A lift as it was done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lift {
    /// Load in kilograms.
    pub weight_kg: f64,
    /// Repetitions in a set.
    pub reps: Option<i32>,
    /// Sets.
    pub sets: Option<i32>,
}

/// Experience points for a personal best.
pub const PERSONAL_BEST_XP: i32 = 10;
/// Epley's formula adds a thirtieth of the load for each repetition (Boyd Epley, 1985).
const EPLEY: f64 = 30.0;

/// The score value: an estimate of the one-repetition maximum in kilograms, or the repetitions of a bodyweight exercise.
#[must_use]
pub fn score_value(lift: Lift, is_bodyweight: bool) -> f64 {
    match lift.reps {
        reps if is_bodyweight => f64::from(reps.unwrap_or(0)),
        None | Some(1) => lift.weight_kg,
        Some(reps) => lift.weight_kg * (1.0 + f64::from(reps) / EPLEY),
    }
}

/// Whether a value is a personal best: there is none before, or it is strictly greater.
#[must_use]
pub fn is_personal_best(value: f64, best_before: Option<f64>) -> bool {
    best_before.is_none_or(|best| value > best)
}

/// Experience points for the volume of a lift: kilograms moved, by the exercise's factor and the lifter's body weight. `None`
/// where the body weight is unknown or it comes to nothing.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "a cast of a float saturates, as the column would have to")]
pub fn volume_xp(lift: Lift, is_bodyweight: bool, volume_multiplier: f64, body_weight_kg: Option<f64>) -> Option<i32> {
    let body_weight_kg = body_weight_kg.filter(|kg| *kg > 0.0)?;
    let load_kg = if is_bodyweight && lift.weight_kg <= 0.0 { body_weight_kg } else { lift.weight_kg };
    let repetitions = f64::from(lift.reps.unwrap_or(1)) * f64::from(lift.sets.unwrap_or(1));
    let points = (load_kg * repetitions * volume_multiplier / body_weight_kg).floor();
    (points >= 1.0).then_some(points as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn lift(weight_kg: f64, reps: Option<i32>, sets: Option<i32>) -> Lift {
        Lift { weight_kg, reps, sets }
    }

    #[test]
    fn values_follow_the_table() {
        let cases = [
            (lift(100.0, None, None), false, 100.0),
            (lift(100.0, Some(1), None), false, 100.0),
            (lift(100.0, Some(0), None), false, 100.0),
            (lift(100.0, Some(3), None), false, 110.0),
            (lift(90.0, Some(30), Some(5)), false, 180.0),
            (lift(20.0, Some(12), None), true, 12.0),
            (lift(20.0, None, None), true, 0.0),
        ];
        for (lift, is_bodyweight, expected) in cases {
            assert!((score_value(lift, is_bodyweight) - expected).abs() < 1e-9, "{lift:?}");
        }
    }

    #[test]
    fn only_strictly_more_is_a_best() {
        assert!(is_personal_best(0.0, None));
        assert!(is_personal_best(100.1, Some(100.0)));
        assert!(!is_personal_best(100.0, Some(100.0)));
    }

    #[test]
    fn volume_brings_points() {
        let cases = [
            (lift(100.0, Some(5), Some(3)), false, 1.0, Some(80.0), Some(18)),
            (lift(100.0, None, None), false, 1.0, Some(80.0), Some(1)),
            (lift(0.0, Some(10), Some(3)), true, 0.5, Some(80.0), Some(15)),
            (lift(20.0, Some(10), None), true, 1.0, Some(80.0), Some(2)),
            (lift(79.0, None, None), false, 1.0, Some(80.0), None),
            (lift(100.0, Some(5), Some(0)), false, 1.0, Some(80.0), None),
            (lift(100.0, Some(5), None), false, 1.0, None, None),
            (lift(100.0, Some(5), None), false, 1.0, Some(0.0), None),
            (lift(1000.0, Some(1000), Some(100)), false, 1.0, Some(1e-300), Some(i32::MAX)),
        ];
        for (lift, is_bodyweight, factor, body_weight, expected) in cases {
            assert_eq!(volume_xp(lift, is_bodyweight, factor, body_weight), expected, "{lift:?}");
        }
    }
}
