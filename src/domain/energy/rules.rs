//! How lifts become energy and an overall rank. Pure.
//!
//! Rounding is half away from zero in this file, and only here: the phones show the same number, computed on the phone.

use crate::domain::standards::rules::UNRANKED;
use crate::domain::standards::{Pack, Rank, Sex, Unit};

/// The exercises that count, in the order of the standards' lifts: squat, bench press, deadlift.
pub const CORE_LIFTS: [&str; 3] = ["back_squat", "barbell_bench_press", "deadlift"];
/// The body weight of a lifter who has not told theirs.
const BODY_WEIGHT_UNKNOWN_KG: f64 = 90.7;
/// Energy between two neighbouring ranks; Iron stands at one step.
const STEP: f64 = 100.0;

/// Best score values in kilograms, in the order of [`CORE_LIFTS`]; 0 where there is none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CoreBests(pub [f64; 3]);

impl CoreBests {
    /// The same with a new best, if the exercise counts and the value is greater.
    #[must_use]
    pub fn with(mut self, scenario: &str, value: f64) -> Self {
        for (lift, best) in CORE_LIFTS.iter().zip(&mut self.0) {
            if *lift == scenario {
                *best = best.max(value);
            }
        }
        self
    }
}

/// A lifter's energy and overall rank.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standing {
    /// A whole number.
    pub energy: f64,
    /// `None` below Iron.
    pub rank: Option<Rank>,
}

impl Standing {
    /// The rank's name.
    #[must_use]
    pub fn rank_name(&self) -> &'static str {
        self.rank.map_or(UNRANKED, Rank::name)
    }
}

/// The energy of these bests for a lifter of this body weight (in kilograms; unknown or not positive: 90.7), gender and unit.
#[must_use]
pub fn standing(bests: CoreBests, body_weight_kg: Option<f64>, gender: Option<&str>, unit: Unit) -> Standing {
    let known = body_weight_kg.filter(|kg| kg.is_finite() && *kg > 0.0);
    let Pack(standards) = Pack::new(Sex::of(gender), known.unwrap_or(BODY_WEIGHT_UNKNOWN_KG), unit);
    let mut sum = 0.0;
    for (lift, best_kg) in bests.0.into_iter().enumerate() {
        let steps = standards.map(|standard| standard.lifts.get(lift).copied().unwrap_or(0));
        sum += lift_energy(unit.from_kg(best_kg), steps);
    }
    let mean = sum / 3.0;
    Standing { energy: mean.round(), rank: overall_rank(mean) }
}

/// The energy of one lift on its standards, lowest rank first: linear between two neighbours, and beyond the highest on the
/// slope of the last two.
#[expect(clippy::cast_precision_loss, reason = "standards are some hundreds")]
fn lift_energy(score: f64, standards: [i64; 12]) -> f64 {
    let standards = standards.map(|standard| standard as f64);
    let [iron, .., astra, celestial] = standards;
    if score < iron {
        return (score / iron * STEP).round();
    }
    if score >= celestial {
        return (12.0 * STEP + (score - celestial) / (celestial - astra) * STEP).round();
    }
    let mut floor = STEP;
    for pair in standards.windows(2) {
        if let [low, high] = pair
            && (*low..*high).contains(&score)
        {
            return (floor + (score - low) / (high - low) * STEP).round();
        }
        floor += STEP;
    }
    floor
}

/// The highest rank whose floor is within this energy.
#[must_use]
pub fn overall_rank(energy: f64) -> Option<Rank> {
    let mut reached = None;
    let mut floor = 0.0;
    for rank in Rank::ALL {
        floor += STEP;
        if energy >= floor {
            reached = Some(rank);
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(squat: f64, bench: f64, deadlift: f64) -> (f64, &'static str) {
        let standing = standing(CoreBests([squat, bench, deadlift]), Some(90.7), Some("male"), Unit::Kg);
        (standing.energy, standing.rank_name())
    }

    #[test]
    fn the_contracts_checks_hold() {
        let alone = |lift: usize, kg: f64| {
            let Pack(pack) = Pack::new(Sex::Male, 90.7, Unit::Kg);
            lift_energy(kg, pack.map(|standard| standard.lifts[lift]))
        };
        assert_eq!((alone(1, 100.0), alone(0, 140.0), alone(2, 180.0)), (550.0, 600.0, 625.0));
        assert_eq!(of(140.0, 100.0, 180.0), (592.0, "Platinum"));
        assert_eq!(of(0.0, 100.0, 0.0), (183.0, "Iron"));
        assert_eq!(of(0.0, 0.0, 0.0), (0.0, "Unranked"));
    }

    #[test]
    fn the_rank_follows_the_mean_before_it_is_rounded() {
        assert_eq!(overall_rank(99.67), None);
        assert_eq!(overall_rank(100.0), Some(Rank::Iron));
        assert_eq!(overall_rank(1e9), Some(Rank::Celestial));
    }

    #[test]
    fn energy_never_falls_as_a_lift_grows() {
        for sex in ["male", "female"] {
            for unit in [Unit::Kg, Unit::Lbs] {
                for body_weight in [1.0, 40.0, 60.0, 90.7, 210.0, 400.0] {
                    let energies: Vec<f64> = (0..=2000)
                        .map(|half_kg| CoreBests([f64::from(half_kg) / 2.0; 3]))
                        .map(|bests| standing(bests, Some(body_weight), Some(sex), unit).energy)
                        .collect();
                    assert!(energies.windows(2).all(|pair| pair[0] <= pair[1]), "{sex} {unit:?} {body_weight}");
                }
            }
        }
    }

    #[test]
    fn a_lifter_who_reads_pounds_is_weighed_in_kilograms() {
        let kg = standing(CoreBests([140.0, 100.0, 180.0]), Some(90.7), None, Unit::Kg).energy;
        let lbs = standing(CoreBests([140.0, 100.0, 180.0]), Some(90.7), None, Unit::Lbs).energy;
        assert!((kg - lbs).abs() < 10.0, "{kg} and {lbs} differ by rounding only");
    }

    #[test]
    fn unknown_body_weight_is_the_average_one() {
        let bests = CoreBests([140.0, 100.0, 180.0]);
        for unknown in [None, Some(0.0), Some(-1.0), Some(f64::NAN)] {
            assert_eq!(standing(bests, unknown, None, Unit::Kg), standing(bests, Some(90.7), None, Unit::Kg));
        }
    }
}
