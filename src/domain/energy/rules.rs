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

#[cfg(test)]
mod properties {
    use super::*;
    use crate::property;
    use proptest::array::uniform3;
    use proptest::prelude::*;
    use proptest::sample::select;

    #[derive(Clone, Copy, Debug)]
    struct Lifter {
        body_weight_kg: f64,
        gender: &'static str,
        unit: Unit,
    }

    impl Lifter {
        fn standing(self, bests: [f64; 3]) -> Standing {
            standing(CoreBests(bests), Some(self.body_weight_kg), Some(self.gender), self.unit)
        }

        /// What each rank asks of each lift, in the lifter's unit.
        fn standards(self) -> [[f64; 3]; 12] {
            let Pack(pack) = Pack::new(Sex::of(Some(self.gender)), self.body_weight_kg, self.unit);
            pack.map(|standard| standard.lifts.map(|lift| lift as f64))
        }

        fn in_kg(self, weight: f64) -> f64 {
            weight / self.unit.from_kg(1.0)
        }
    }

    fn lifters() -> impl Strategy<Value = Lifter> {
        let parts = (1.0..=400.0, select(vec!["male", "female"]), select(vec![Unit::Kg, Unit::Lbs]));
        parts.prop_map(|(body_weight_kg, gender, unit)| Lifter { body_weight_kg, gender, unit })
    }

    /// Lifts of beginners and of the strongest, many of them close to what a rank asks for.
    fn lifters_with_bests() -> impl Strategy<Value = (Lifter, [f64; 3])> {
        let near = (0..12_usize, -0.05..=0.05).prop_map(Some);
        let lifts = uniform3((0.0..=600.0, prop_oneof![1 => Just(None), 2 => near]));
        (lifters(), lifts).prop_map(|(lifter, lifts)| {
            let standards = lifter.standards();
            let mut bests = lifts.map(|(anywhere, _)| anywhere);
            for (lift, best) in bests.iter_mut().enumerate() {
                if let Some((rank, off)) = lifts[lift].1 {
                    *best = lifter.in_kg(standards[rank][lift] * (1.0 + off));
                }
            }
            (lifter, bests)
        })
    }

    /// The energy of one lift alone: three times what it adds to the mean.
    fn alone(lifter: Lifter, bests: [f64; 3], lift: usize) -> i64 {
        let standards = lifter.standards().map(|standard| standard[lift] as i64);
        lift_energy(lifter.unit.from_kg(bests[lift]), standards) as i64
    }

    #[test]
    fn energy_is_a_whole_number_and_nothing_lifted_is_nothing() {
        property::holds(lifters_with_bests(), |(lifter, bests)| {
            let energy = lifter.standing(bests).energy;
            assert!(energy >= 0.0 && energy.fract() == 0.0, "{energy}");
            assert_eq!(lifter.standing([0.0; 3]), Standing { energy: 0.0, rank: None });
        });
    }

    #[test]
    fn a_better_lift_never_costs_energy_or_rank() {
        property::holds((lifters_with_bests(), 0..3_usize, 0.0..100.0), |((lifter, bests), lift, more_kg)| {
            let before = lifter.standing(bests);
            let mut better = bests;
            better[lift] += more_kg;
            let after = lifter.standing(better);
            assert!(after.energy >= before.energy && after.rank >= before.rank, "{before:?}, then {after:?}");
        });
    }

    #[test]
    fn whoever_lifts_what_a_rank_asks_for_has_it() {
        property::holds((lifters(), 0..12_usize), |(lifter, rank)| {
            let asked = lifter.standards()[rank];
            let standing = lifter.standing(asked.map(|weight| lifter.in_kg(weight)));
            let energy = f64::from(u32::try_from(rank + 1).unwrap()) * STEP;
            assert_eq!(standing, Standing { energy, rank: Some(Rank::ALL[rank]) });
            let slightly_less = asked.map(|weight| lifter.in_kg(weight * 0.97));
            assert_eq!(lifter.standing(slightly_less).rank, rank.checked_sub(1).map(|below| Rank::ALL[below]));
        });
    }

    #[test]
    fn between_two_ranks_each_percent_of_the_way_is_one_of_the_step() {
        property::holds((lifters(), 0..12_usize, 0..3_usize, 0..100_u8), |(lifter, rank, lift, percent)| {
            let standards = lifter.standards();
            let low = rank.checked_sub(1).map_or(0.0, |below| standards[below][lift]);
            let mut bests = [0.0; 3];
            bests[lift] = lifter.in_kg(low + (standards[rank][lift] - low) * f64::from(percent) / 100.0);
            assert_eq!(alone(lifter, bests, lift), 100 * i64::try_from(rank).unwrap() + i64::from(percent));
        });
    }

    #[test]
    fn the_mean_is_rounded_for_the_energy_and_not_for_the_rank() {
        property::holds(lifters_with_bests(), |(lifter, bests)| {
            let thirds: i64 = (0..3).map(|lift| alone(lifter, bests, lift)).sum();
            let standing = lifter.standing(bests);
            // In whole thirds: a third is less than a half, two thirds are more.
            assert_eq!(standing.energy as i64, (thirds + 1).div_euclid(3));
            let floors = usize::try_from(thirds / 300).unwrap();
            assert_eq!(standing.rank, floors.min(12).checked_sub(1).map(|rank| Rank::ALL[rank]));
        });
    }

    #[test]
    fn a_unit_changes_what_is_rounded_and_nothing_else() {
        property::holds(lifters_with_bests(), |(lifter, bests)| {
            // Beyond the highest rank a rounded slope goes on for ever; below, a standard of either unit is off by half of
            // its step of 5 at most, which is less than a rank in all.
            let bests = std::array::from_fn(|lift| {
                let celestial = |unit| Lifter { unit, ..lifter }.in_kg(Lifter { unit, ..lifter }.standards()[11][lift]);
                bests[lift].min(celestial(Unit::Kg)).min(celestial(Unit::Lbs))
            });
            let [kg, lbs] = [Unit::Kg, Unit::Lbs].map(|unit| Lifter { unit, ..lifter }.standing(bests).energy);
            assert!((kg - lbs).abs() < STEP, "{kg} in kilograms, {lbs} in pounds");
        });
    }

    #[test]
    fn a_new_best_counts_for_its_own_lift_and_only_if_it_is_one() {
        let scenarios = select(vec![CORE_LIFTS[0], CORE_LIFTS[1], CORE_LIFTS[2], "front_squat"]);
        property::holds((uniform3(0.0..300.0), scenarios, 0.0..300.0), |(bests, scenario, value)| {
            let CoreBests(after) = CoreBests(bests).with(scenario, value);
            for lift in 0..3 {
                let expected = if CORE_LIFTS[lift] == scenario && value > bests[lift] { value } else { bests[lift] };
                assert_eq!(after[lift], expected);
            }
        });
    }
}
