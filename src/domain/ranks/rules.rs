//! Thresholds of the ranks on one exercise. Pure.

use crate::domain::scenarios::{Calibration, ScenarioRow};
use crate::domain::standards::rules::exact_total_kg;
use crate::domain::standards::{Rank, Sex};

/// The thresholds of every rank, lowest first.
pub type Thresholds = [f64; 12];

/// A weighted exercise: its share of the total that each rank asks for, in kilograms, not rounded.
#[must_use]
pub fn weighted(scenario: &ScenarioRow, sex: Sex, body_weight_kg: f64) -> Thresholds {
    Rank::ALL.map(|rank| (exact_total_kg(rank, sex, body_weight_kg) * scenario.multiplier).min(f64::MAX))
}

/// Body weights between which the calibrations are interpolated.
const LIGHT_KG: f64 = 50.0;
const HEAVY_KG: f64 = 140.0;
const MIDDLE_KG: f64 = 95.0;
/// What women are asked of the repetitions that men are.
const WOMENS_SHARE: f64 = 0.6;
/// Where an intermediate lies between beginner and elite if the calibration cannot tell.
const ALPHA_DEFAULT: f64 = 0.6;

/// A bodyweight exercise: repetitions between a beginner's and an elite's at this body weight, as the calibration says.
#[must_use]
pub fn calibrated(calibration: &Calibration, sex: Sex, body_weight_kg: f64) -> Thresholds {
    let (beginner, elite) = ends(calibration, body_weight_kg);
    let alpha = alpha(calibration);
    let share = if sex == Sex::Female { WOMENS_SHARE } else { 1.0 };
    let at = |fraction: f64| ((beginner + fraction * (elite - beginner)) * share).round_ties_even();
    let lower = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0].map(|step| at(alpha * step / 6.0));
    let upper = [1.0, 2.0, 3.0, 4.0].map(|step| at(alpha + (1.0 - alpha) * step / 4.0));
    let [iron, bronze, silver, gold, platinum, diamond, jade] = lower;
    let [master, grandmaster, nova, astra] = upper;
    let celestial = astra + (astra - nova);
    [iron, bronze, silver, gold, platinum, diamond, jade, master, grandmaster, nova, astra, celestial]
}

/// A beginner's and an elite's repetitions at this body weight.
fn ends(calibration: &Calibration, body_weight_kg: f64) -> (f64, f64) {
    let t = ((body_weight_kg - LIGHT_KG) / (HEAVY_KG - LIGHT_KG)).clamp(0.0, 1.0);
    let between = |light: i32, heavy: i32| f64::from(light) + t * (f64::from(heavy) - f64::from(light));
    (between(calibration.beginner_50, calibration.beginner_140), between(calibration.elite_50, calibration.elite_140))
}

/// Where the intermediate lies between beginner and elite, 0 to 1.
fn alpha(calibration: &Calibration) -> f64 {
    let (beginner, elite) = ends(calibration, MIDDLE_KG);
    if beginner == elite {
        return ALPHA_DEFAULT;
    }
    ((f64::from(calibration.intermediate_95) - beginner) / (elite - beginner)).clamp(0.0, 1.0)
}

/// The highest rank whose threshold the score reaches, and the threshold of the next one; `None` at the top.
#[must_use]
pub fn reached(thresholds: Thresholds, score: f64) -> (Option<Rank>, Option<f64>) {
    let mut current = None;
    for (rank, threshold) in Rank::ALL.into_iter().zip(thresholds) {
        if threshold <= score {
            current = Some(rank);
        }
    }
    let next = Rank::ALL.into_iter().zip(thresholds).find(|(rank, _)| current.is_none_or(|current| *rank > current));
    (current, next.map(|(_, threshold)| threshold))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PULL_UPS: Calibration =
        Calibration { beginner_50: 4, elite_50: 30, beginner_140: 0, elite_140: 12, intermediate_95: 12 };

    #[test]
    fn calibrated_thresholds_follow_the_table() {
        // At 95 kg: beginner 2, elite 21, the intermediate's 12 at alpha 10/19.
        let men = calibrated(&PULL_UPS, Sex::Male, 95.0);
        assert_eq!(men, [2.0, 4.0, 5.0, 7.0, 9.0, 10.0, 12.0, 14.0, 16.0, 19.0, 21.0, 23.0]);
        let women = calibrated(&PULL_UPS, Sex::Female, 95.0);
        assert_eq!((women[0], women[10]), (1.0, 13.0));
    }

    #[test]
    fn body_weights_outside_the_calibration_count_as_its_ends() {
        assert_eq!(calibrated(&PULL_UPS, Sex::Male, 10.0), calibrated(&PULL_UPS, Sex::Male, 50.0));
        assert_eq!(calibrated(&PULL_UPS, Sex::Male, 400.0), calibrated(&PULL_UPS, Sex::Male, 140.0));
    }

    #[test]
    fn equal_ends_make_equal_thresholds() {
        let flat = Calibration { beginner_50: 5, elite_50: 5, beginner_140: 5, elite_140: 5, intermediate_95: 5 };
        assert_eq!(calibrated(&flat, Sex::Male, 80.0), [5.0; 12]);
    }

    #[test]
    fn ranks_are_reached_at_their_thresholds() {
        let thresholds =
            weighted(&ScenarioRow { is_bodyweight: false, multiplier: 0.33, volume_multiplier: 1.0 }, Sex::Male, 90.7);
        assert_eq!(reached(thresholds, thresholds[0] - 0.1), (None, Some(thresholds[0])));
        assert_eq!(reached(thresholds, thresholds[0]), (Some(Rank::Iron), Some(thresholds[1])));
        assert_eq!(reached(thresholds, 1e6), (Some(Rank::Celestial), None));
    }
}

#[cfg(test)]
mod properties {
    use super::*;
    use crate::property;
    use proptest::array::uniform12;
    use proptest::prelude::*;
    use proptest::sample::select;

    fn sexes() -> impl Strategy<Value = Sex> {
        select(vec![Sex::Male, Sex::Female])
    }

    /// An elite that is no worse than a beginner, as everywhere in the catalogue; an intermediate anywhere.
    fn calibrations() -> impl Strategy<Value = Calibration> {
        let parts = (0..100, 0..100, 0..100, 0..100, -10..300);
        parts.prop_map(|(beginner_50, more_50, beginner_140, more_140, intermediate_95)| Calibration {
            beginner_50,
            elite_50: beginner_50 + more_50,
            beginner_140,
            elite_140: beginner_140 + more_140,
            intermediate_95,
        })
    }

    #[test]
    fn calibrated_thresholds_climb_from_the_beginner_to_the_elite() {
        property::holds((calibrations(), sexes(), 0.0..=400.0), |(calibration, sex, body_weight_kg)| {
            let thresholds = calibrated(&calibration, sex, body_weight_kg);
            assert!(thresholds.windows(2).all(|pair| pair[0] <= pair[1]), "{thresholds:?}");
            assert!(thresholds.iter().all(|threshold| threshold.fract() == 0.0), "{thresholds:?}");
            let (beginner, elite) = ends(&calibration, body_weight_kg);
            let share = if sex == Sex::Female { 0.6 } else { 1.0 };
            assert!((thresholds[0] - beginner * share).abs() <= 0.5, "{thresholds:?} begin at {beginner}");
            assert!((thresholds[10] - elite * share).abs() <= 0.5, "{thresholds:?} reach {elite}");
            assert_eq!(thresholds[11] - thresholds[10], thresholds[10] - thresholds[9]);
        });
    }

    #[test]
    fn an_intermediate_at_95_kg_is_jade() {
        property::holds((calibrations(), sexes()), |(calibration, sex)| {
            let (beginner, elite) = ends(&calibration, MIDDLE_KG);
            if beginner == elite {
                return;
            }
            let wanted = f64::from(calibration.intermediate_95).clamp(beginner, elite);
            let share = if sex == Sex::Female { 0.6 } else { 1.0 };
            let jade = calibrated(&calibration, sex, MIDDLE_KG)[6];
            assert!((jade - wanted * share).abs() <= 0.5 + 1e-9, "{jade} for {wanted}");
        });
    }

    #[test]
    fn between_the_two_body_weights_thresholds_lie_between_theirs() {
        property::holds((calibrations(), sexes(), 50.0..=140.0), |(calibration, sex, body_weight_kg)| {
            let [light, between, heavy] =
                [50.0, body_weight_kg, 140.0].map(|body_weight_kg| calibrated(&calibration, sex, body_weight_kg));
            for rank in 0..11 {
                let (low, high) = (light[rank].min(heavy[rank]), light[rank].max(heavy[rank]));
                assert!((low..=high).contains(&between[rank]), "{light:?} {between:?} {heavy:?}");
            }
        });
    }

    #[test]
    fn weighted_thresholds_are_a_share_of_the_total() {
        property::holds((sexes(), 0.0..=400.0, 0.01..=2.0), |(sex, body_weight_kg, multiplier)| {
            let scenario = |multiplier| ScenarioRow { is_bodyweight: false, multiplier, volume_multiplier: 1.0 };
            let thresholds = weighted(&scenario(multiplier), sex, body_weight_kg);
            assert!(thresholds.windows(2).all(|pair| pair[0] < pair[1]), "{thresholds:?}");
            let points = thresholds.map(|threshold| threshold / multiplier * sex.dots_coefficient(body_weight_kg));
            assert!(Rank::ALL.iter().zip(points).all(|(rank, points)| (points - rank.dots()).abs() < 1e-6));
            let beyond = weighted(&scenario(f64::MAX), sex, body_weight_kg);
            assert!(beyond.iter().all(|threshold| threshold.is_finite()), "{beyond:?}");
        });
    }

    #[test]
    fn the_rank_is_the_last_one_reached_and_the_next_is_out_of_reach() {
        // Some thresholds are the same, and some scores are one of them.
        let thresholds = uniform12((0..30).prop_map(f64::from)).prop_map(|mut thresholds| {
            thresholds.sort_by(f64::total_cmp);
            thresholds
        });
        let scores = (-1..32, select(vec![0.0, 0.5])).prop_map(|(whole, half)| f64::from(whole) + half);
        property::holds((thresholds, scores), |(thresholds, score)| {
            let (rank, next) = reached(thresholds, score);
            let passed = thresholds.iter().filter(|threshold| **threshold <= score).count();
            assert_eq!(rank, passed.checked_sub(1).map(|last| Rank::ALL[last]));
            assert_eq!(next, thresholds.get(passed).copied());
        });
    }
}
