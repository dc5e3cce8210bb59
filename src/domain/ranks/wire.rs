//! Ranks on the wire.

use crate::ids::ScenarioId;
use crate::schema::Text;
use crate::{input, number, output};

number! { /// A score value.
pub struct ScoreValue in -1.0e9..=1.0e9; }
number! { /// A body weight in kilograms; old clients send 0 where it is unknown, and the nearest that the rules know counts.
pub struct BodyWeightKg in 0.0..=1.0e6; }
number! { /// An energy.
pub struct EnergyValue in -1.0e9..=1.0e9; }

input! { /// Whose score, on what.
pub struct ProgressQuery {
    /// The exercise.
    scenario_id: ScenarioId,
    /// The score value: kilograms, or repetitions of a bodyweight exercise.
    final_score: ScoreValue,
    /// Body weight in kilograms.
    user_weight: BodyWeightKg,
    /// `female`, `f` or `woman` in any case; every other text counts as male.
    user_gender: Option<Text<0, 4096>>,
} }

output! { /// How far a score is.
pub struct RankProgress {
    /// Name of the rank that it reaches, or `Unranked`.
    current_rank: &'static str,
    /// What the next rank asks for; -1 at the highest.
    next_rank_threshold: f64,
} }
