//! DOTS points and the standards that follow from them. Pure.
//!
//! DOTS (Tim Konertz, 2019) makes totals of lifters of different body weight comparable: points = coefficient × total, where
//! the coefficient is 500 over a polynomial of the body weight. A rank asks for a number of points; its standard is the total
//! that brings them, shared out among the three lifts.

use serde_json::{Value, json};

use crate::schema::{At, Components, Input, Raw, Schema, fail_type};

/// Kilograms to pounds, as the phones compute it.
pub const LB_PER_KG: f64 = 2.204_622_621_8;
/// Pounds to kilograms: the international pound.
pub const KG_PER_LB: f64 = 0.453_592_37;
/// Shares of the three-lift total: squat, bench press, deadlift.
pub const SHARES: [f64; 3] = [0.33, 0.25, 0.42];
/// Published standards are multiples of this, in either unit.
const STEP: f64 = 5.0;

/// Which polynomial is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sex {
    /// Men, and whoever said nothing else.
    Male,
    /// Women.
    Female,
}

impl Sex {
    /// What a lifter's own word for their gender means here; old clients send any text.
    #[must_use]
    pub fn of(gender: Option<&str>) -> Self {
        let word = gender.unwrap_or_default().trim().to_lowercase();
        if matches!(word.as_str(), "female" | "f" | "woman") { Self::Female } else { Self::Male }
    }

    /// The polynomial's coefficients, highest power first, and the body weights in kg it is made for.
    const fn polynomial(self) -> ([f64; 5], f64, f64) {
        match self {
            Self::Male => ([-0.000_001_093, 0.000_739_129_3, -0.191_875_922_1, 24.090_075_6, -307.750_76], 40.0, 210.0),
            Self::Female => {
                ([-0.000_001_070_6, 0.000_515_856_8, -0.112_665_549_5, 13.617_503_2, -57.962_88], 40.0, 150.0)
            }
        }
    }

    /// The DOTS coefficient at this body weight. Outside the range it is that of the nearest end: beyond, the polynomial turns
    /// over, and standards would fall as lifters get heavier.
    #[must_use]
    pub fn dots_coefficient(self, body_weight_kg: f64) -> f64 {
        let (coefficients, min_kg, max_kg) = self.polynomial();
        let b = body_weight_kg.clamp(min_kg, max_kg);
        500.0 / coefficients.iter().fold(0.0, |sum, coefficient| sum * b + coefficient)
    }
}

/// The unit a lifter reads weights in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Kilograms.
    Kg,
    /// Pounds.
    Lbs,
}

impl Unit {
    /// As it is stored and sent.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kg => "kg",
            Self::Lbs => "lbs",
        }
    }

    /// The unit of this name; the column takes no other than `kg` and `lbs`.
    #[must_use]
    pub fn of(name: &str) -> Self {
        if name == "lbs" { Self::Lbs } else { Self::Kg }
    }

    /// A weight of so many kilograms, in this unit.
    #[must_use]
    pub fn from_kg(self, kg: f64) -> f64 {
        match self {
            Self::Kg => kg,
            Self::Lbs => kg * LB_PER_KG,
        }
    }
}

impl Input for Unit {
    fn read(raw: Raw<'_>, at: &mut At<'_>) -> Option<Self> {
        match raw.text() {
            Some("kg") => Some(Self::Kg),
            Some("lbs") => Some(Self::Lbs),
            Some(_) => at.fail("format", "be kg or lbs"),
            None => fail_type(raw, at, "be kg or lbs"),
        }
    }
}

impl Schema for Unit {
    fn schema(_: &mut Components) -> Value {
        json!({ "type": "string", "enum": ["kg", "lbs"] })
    }
}

/// The ranks, lowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "their names say it")]
pub enum Rank {
    Iron,
    Bronze,
    Silver,
    Gold,
    Platinum,
    Diamond,
    Jade,
    Master,
    Grandmaster,
    Nova,
    Astra,
    Celestial,
}

/// The name of having no rank.
pub const UNRANKED: &str = "Unranked";

impl Rank {
    /// Every rank, lowest first.
    pub const ALL: [Self; 12] = [
        Self::Iron,
        Self::Bronze,
        Self::Silver,
        Self::Gold,
        Self::Platinum,
        Self::Diamond,
        Self::Jade,
        Self::Master,
        Self::Grandmaster,
        Self::Nova,
        Self::Astra,
        Self::Celestial,
    ];

    /// Name, DOTS points of the three-lift total, and the colour that clients paint it in.
    const fn facts(self) -> (&'static str, f64, &'static str) {
        match self {
            Self::Iron => ("Iron", 120.0, "#808080"),
            Self::Bronze => ("Bronze", 150.0, "#cd7f32"),
            Self::Silver => ("Silver", 180.0, "#c0c0c0"),
            Self::Gold => ("Gold", 210.0, "#efbf04"),
            Self::Platinum => ("Platinum", 240.0, "#00ced1"),
            Self::Diamond => ("Diamond", 270.0, "#b9f2ff"),
            Self::Jade => ("Jade", 300.0, "#62f40c"),
            Self::Master => ("Master", 330.0, "#ff00ff"),
            Self::Grandmaster => ("Grandmaster", 360.0, "#ffde21"),
            Self::Nova => ("Nova", 400.0, "#a45ee5"),
            Self::Astra => ("Astra", 450.0, "#ff4040"),
            Self::Celestial => ("Celestial", 500.0, "#00ffff"),
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.facts().0
    }

    /// The DOTS points it asks of the three-lift total.
    #[must_use]
    pub const fn dots(self) -> f64 {
        self.facts().1
    }

    /// Its colour.
    #[must_use]
    pub const fn colour(self) -> &'static str {
        self.facts().2
    }

    /// The rank of this name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rank| rank.name() == name)
    }
}

/// The total that a rank asks of this body weight, in kilograms, not rounded.
#[must_use]
pub fn exact_total_kg(rank: Rank, sex: Sex, body_weight_kg: f64) -> f64 {
    rank.dots() / sex.dots_coefficient(body_weight_kg)
}

/// What a rank asks for: the total and the three lifts, as multiples of five.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standard {
    /// The rank.
    pub rank: Rank,
    /// All three lifts together.
    pub total: i64,
    /// Squat, bench press, deadlift.
    pub lifts: [i64; 3],
}

/// The standards of every rank for one lifter, lowest rank first, rounded in one unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pack(pub [Standard; 12]);

impl Pack {
    /// The pack of this body weight, which is in kilograms whatever the unit of the pack is.
    #[must_use]
    pub fn new(sex: Sex, body_weight_kg: f64, unit: Unit) -> Self {
        Self(Rank::ALL.map(|rank| {
            let total_kg = exact_total_kg(rank, sex, body_weight_kg);
            let lifts = SHARES.map(|share| rounded(unit.from_kg(total_kg * share)));
            Standard { rank, total: rounded(unit.from_kg(total_kg)), lifts }
        }))
    }
}

/// To the nearest multiple of five, half to even, as the live data was computed.
#[expect(clippy::cast_possible_truncation, reason = "standards are some hundreds")]
fn rounded(weight: f64) -> i64 {
    ((weight / STEP).round_ties_even() * STEP) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Published points, sex, body weight in kg, total in kg, DOTS: carried over from openly published results.
    const VECTORS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/dots_vectors.csv"));

    #[test]
    fn published_points_are_met_to_a_hundredth() {
        let mut checked = 0;
        for line in VECTORS.lines().skip(1) {
            let fields: Vec<&str> = line.split(',').collect();
            let [sex, body_weight, total, dots] = fields.try_into().unwrap();
            let sex = if sex == "F" { Sex::Female } else { Sex::Male };
            let number = |text: &str| text.parse::<f64>().unwrap();
            let points = sex.dots_coefficient(number(body_weight)) * number(total);
            assert!((points - number(dots)).abs() <= 0.01, "{line}: {points}");
            checked += 1;
        }
        assert!(checked > 60, "{checked} vectors");
    }

    fn ends(sex: Sex, body_weight_kg: f64, unit: Unit) -> [(i64, [i64; 3]); 2] {
        let Pack(standards) = Pack::new(sex, body_weight_kg, unit);
        [standards[0], standards[11]].map(|standard| (standard.total, standard.lifts))
    }

    #[test]
    fn packs_are_those_the_phones_show() {
        assert_eq!(ends(Sex::Male, 90.7, Unit::Kg), [(185, [60, 45, 80]), (775, [255, 195, 325])]);
        let kg = 199.959_271_797_260_02 * KG_PER_LB;
        assert_eq!(ends(Sex::Male, kg, Unit::Lbs), [(410, [135, 105, 175]), (1710, [565, 430, 720])]);
        let jade = Pack::new(Sex::Female, 60.0, Unit::Kg).0[6];
        assert_eq!((jade.rank, jade.total, jade.lifts), (Rank::Jade, 270, [90, 70, 115]));
    }

    #[test]
    fn standards_never_fall_as_body_weight_rises() {
        for sex in [Sex::Male, Sex::Female] {
            let totals =
                (100..=40_000).map(|hundredths| exact_total_kg(Rank::Iron, sex, f64::from(hundredths) / 100.0));
            let totals: Vec<f64> = totals.collect();
            assert!(totals.iter().all(|total| total.is_finite() && *total > 0.0));
            assert!(totals.windows(2).all(|pair| pair[0] <= pair[1]), "{sex:?}");
        }
    }

    #[test]
    fn any_word_is_a_gender() {
        for word in ["female", "F", " Woman "] {
            assert_eq!(Sex::of(Some(word)), Sex::Female);
        }
        for word in [Some("male"), Some(""), Some("rather not say"), None] {
            assert_eq!(Sex::of(word), Sex::Male);
        }
    }
}

#[cfg(test)]
mod properties;
