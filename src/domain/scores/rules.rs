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

#[cfg(test)]
mod properties {
    use super::*;
    use crate::property;
    use proptest::collection::vec;
    use proptest::option::of;
    use proptest::prelude::*;

    fn lifts() -> impl Strategy<Value = Lift> {
        let loads = prop_oneof![1 => Just(0.0), 9 => 0.1..=1000.0];
        let parts = (loads, of(0..=1000), of(0..=100));
        parts.prop_map(|(weight_kg, reps, sets)| Lift { weight_kg, reps, sets })
    }

    #[test]
    fn more_weight_or_one_more_repetition_is_worth_more() {
        property::holds((lifts(), 0.001..100.0), |(lift, more_kg)| {
            let value = score_value(lift, false);
            let heavier = Lift { weight_kg: lift.weight_kg + more_kg, ..lift };
            let longer = Lift { reps: Some(lift.reps.unwrap_or(1) + 1), ..lift };
            assert!(value >= lift.weight_kg);
            assert!(value == lift.weight_kg || lift.reps.is_some_and(|reps| reps > 1));
            assert!(score_value(heavier, false) > value);
            assert!(score_value(longer, false) >= value);
            // From none to one repetition nothing changes, nor where nothing is lifted.
            assert!(score_value(longer, false) > value || lift.reps == Some(0) || lift.weight_kg == 0.0);
        });
    }

    #[test]
    fn thirty_repetitions_add_as_much_as_the_weight() {
        property::holds((1.0..1000.0, 2..=970), |(weight_kg, reps)| {
            let value = |reps| score_value(Lift { weight_kg, reps: Some(reps), sets: None }, false);
            let added = value(reps + 30) - value(reps);
            assert!((added / weight_kg - 1.0).abs() < 1e-9, "{added} kg");
        });
    }

    #[test]
    fn sets_are_worth_nothing_and_weight_nothing_where_repetitions_count() {
        property::holds((lifts(), lifts(), any::<bool>()), |(one, other, is_bodyweight)| {
            let same_sets = Lift { sets: other.sets, ..one };
            assert_eq!(score_value(one, is_bodyweight), score_value(same_sets, is_bodyweight));
            let same_weight = Lift { weight_kg: other.weight_kg, ..one };
            assert_eq!(score_value(one, true), score_value(same_weight, true));
            assert_eq!(score_value(one, true), f64::from(one.reps.unwrap_or(0)));
        });
    }

    #[test]
    fn each_best_of_a_history_beats_everything_before_it() {
        // Few different values, so that some come twice.
        property::holds(vec((0..20).prop_map(|tens| f64::from(tens) * 10.0), 0..30), |history| {
            let mut best = None;
            for (index, value) in history.iter().enumerate() {
                let beats_all = history[..index].iter().all(|earlier| earlier < value);
                assert_eq!(is_personal_best(*value, best), beats_all, "the value at {index}");
                if beats_all {
                    best = Some(*value);
                }
            }
        });
    }

    #[test]
    fn points_for_volume_are_the_whole_body_weights_that_were_moved() {
        property::holds((lifts(), 0.0..=10.0, 1.0..=1000.0), |(lift, factor, body_weight_kg)| {
            let moved_kg =
                lift.weight_kg * f64::from(lift.reps.unwrap_or(1)) * f64::from(lift.sets.unwrap_or(1)) * factor;
            let points = volume_xp(lift, false, factor, Some(body_weight_kg));
            let whole = f64::from(points.unwrap_or(0));
            let tolerance = 1e-9 * (1.0 + moved_kg / body_weight_kg);
            assert!(points != Some(0));
            assert!(whole <= moved_kg / body_weight_kg + tolerance);
            assert!(moved_kg / body_weight_kg < whole + 1.0 + tolerance || points == Some(i32::MAX));
            let with_load = volume_xp(lift, true, factor, Some(body_weight_kg));
            assert!(with_load == points || lift.weight_kg == 0.0);
        });
    }

    #[test]
    fn without_load_one_moves_oneself() {
        property::holds((0..=1000, of(0..=100), 1.0..=1000.0), |(reps, sets, body_weight_kg)| {
            let lift = Lift { weight_kg: 0.0, reps: Some(reps), sets };
            let oneself = Lift { weight_kg: body_weight_kg, ..lift };
            let points = volume_xp(lift, true, 1.0, Some(body_weight_kg));
            assert_eq!(points, volume_xp(oneself, false, 1.0, Some(body_weight_kg)));
            let (points, repetitions) = (points.unwrap_or(0), reps * sets.unwrap_or(1));
            assert!((repetitions - 1..=repetitions).contains(&points), "a division may lose the last point");
        });
    }

    #[test]
    fn nobody_without_a_body_weight_gets_points() {
        let unknown = prop_oneof![Just(None), (-1000.0..=0.0).prop_map(Some), Just(Some(f64::NAN))];
        property::holds((lifts(), any::<bool>(), unknown), |(lift, is_bodyweight, body_weight_kg)| {
            assert_eq!(volume_xp(lift, is_bodyweight, 1.0, body_weight_kg), None);
        });
    }
}
