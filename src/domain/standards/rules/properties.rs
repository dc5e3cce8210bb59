//! What is true of every coefficient and every pack of standards.

use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::property;

fn sexes() -> impl Strategy<Value = Sex> {
    select(vec![Sex::Male, Sex::Female])
}

fn units() -> impl Strategy<Value = Unit> {
    select(vec![Unit::Kg, Unit::Lbs])
}

/// Body weights of people, and what else can be sent.
fn body_weights() -> impl Strategy<Value = f64> {
    prop_oneof![4 => 30.0..=250.0, 1 => 0.0..=1.0e6, 1 => select(vec![0.0, 40.0, 150.0, 210.0, 1.0e308])]
}

#[test]
fn coefficients_stay_as_they_are_beyond_their_range() {
    property::holds((sexes(), body_weights()), |(sex, body_weight_kg)| {
        let max_kg = if sex == Sex::Male { 210.0 } else { 150.0 };
        let coefficient = sex.dots_coefficient(body_weight_kg);
        assert!((0.49..1.49).contains(&coefficient), "{coefficient}"); // from the heaviest men to the lightest women
        let nearest = if body_weight_kg < 40.0 { 40.0 } else { body_weight_kg.min(max_kg) };
        assert_eq!(coefficient, sex.dots_coefficient(nearest));
    });
}

#[test]
fn standards_bring_the_points_they_are_made_for() {
    property::holds((sexes(), body_weights(), select(Rank::ALL.to_vec())), |(sex, body_weight_kg, rank)| {
        let points = exact_total_kg(rank, sex, body_weight_kg) * sex.dots_coefficient(body_weight_kg);
        assert!((points - rank.dots()).abs() < 1e-9, "{points}");
    });
}

#[test]
fn standards_never_get_easier_with_body_weight() {
    property::holds((sexes(), units(), body_weights(), body_weights()), |(sex, unit, one, other)| {
        let light = Pack::new(sex, one.min(other), unit).0;
        let heavy = Pack::new(sex, one.max(other), unit).0;
        for (light, heavy) in light.iter().zip(&heavy) {
            assert!(light.total <= heavy.total);
            assert!(light.lifts.iter().zip(&heavy.lifts).all(|(light, heavy)| light <= heavy), "{:?}", light.rank);
        }
    });
}

#[test]
fn packs_are_multiples_of_five_next_to_what_is_exact() {
    property::holds((sexes(), units(), body_weights()), |(sex, unit, body_weight_kg)| {
        for standard in Pack::new(sex, body_weight_kg, unit).0 {
            let exact = unit.from_kg(exact_total_kg(standard.rank, sex, body_weight_kg));
            let [squat, bench, deadlift] = standard.lifts;
            let wanted = [(standard.total, 1.0), (squat, 0.33), (bench, 0.25), (deadlift, 0.42)];
            for (rounded, share) in wanted {
                assert_eq!(rounded % 5, 0);
                assert!((rounded as f64 - exact * share).abs() <= 2.5 + 1e-9, "{rounded} for {}", exact * share);
            }
        }
    });
}

#[test]
fn every_rank_asks_for_more_than_the_one_below() {
    property::holds((sexes(), units(), body_weights()), |(sex, unit, body_weight_kg)| {
        let pack = Pack::new(sex, body_weight_kg, unit).0;
        assert_eq!(pack.map(|standard| standard.rank), Rank::ALL);
        for pair in pack.windows(2) {
            assert!(pair[0].total < pair[1].total);
            assert!((0..3).all(|lift| pair[0].lifts[lift] < pair[1].lifts[lift]), "{pair:?}");
        }
    });
}

#[test]
fn women_are_asked_for_less_than_men() {
    property::holds((body_weights(), units()), |(body_weight_kg, unit)| {
        let [women, men] = [Sex::Female, Sex::Male].map(|sex| Pack::new(sex, body_weight_kg, unit).0);
        assert!(women.iter().zip(&men).all(|(women, men)| women.total < men.total));
    });
}

#[test]
fn half_a_step_is_rounded_to_even() {
    property::holds(0..1000_i64, |steps| {
        let halfway = steps as f64 * STEP + STEP / 2.0;
        assert_eq!(rounded(halfway) % 10, 0);
        assert_eq!((rounded(halfway - 0.01), rounded(halfway + 0.01)), (steps * 5, steps * 5 + 5));
    });
}

#[test]
fn a_womans_word_is_one_in_any_case_and_with_blanks_around_it() {
    let any_case = select(vec!["female", "f", "woman"]).prop_flat_map(|word| {
        let letters: Vec<_> = word.chars().map(|c| select(vec![c, c.to_ascii_uppercase()])).collect();
        letters.prop_map(|letters| letters.into_iter().collect::<String>())
    });
    property::holds(("\\s{0,3}", any_case, "\\s{0,3}", "[a-zA-Z]"), |(before, word, after, letter)| {
        assert_eq!(Sex::of(Some(&format!("{before}{word}{after}"))), Sex::Female);
        assert_eq!(Sex::of(Some(&format!("{letter}{word}"))), Sex::Male);
    });
}

#[test]
fn names_are_those_of_one_rank_or_unit() {
    property::holds(("[A-Za-z]{0,12}", select(Rank::ALL.to_vec()), units()), |(text, rank, unit)| {
        assert_eq!((Rank::of(rank.name()), Unit::of(unit.name())), (Some(rank), unit));
        assert!(Rank::of(&text).is_none_or(|rank| rank.name() == text));
        assert_eq!(Rank::of(&rank.name().to_lowercase()), None);
    });
}
