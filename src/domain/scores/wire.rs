//! Scores on the wire.

use super::recording::Recorded;
use super::rules::Lift;
use super::sql::{FriendRow, PlaceRow, Score};
use crate::domain::users::User;
use crate::http::page::{HISTORY_LIMIT_DEFAULT, HistoryLimit, LIMIT_DEFAULT};
use crate::ids::{ScenarioId, ScoreId};
use crate::time::Timestamp;
use crate::{input, integer, number, output};

number! { /// Load in kilograms.
pub struct WeightLifted in 0.0..=1000.0; }
integer! { /// Repetitions in a set.
pub struct Reps = i32, 0..=1000; }
integer! { /// Sets.
pub struct Sets = i32, 0..=100; }

input! { /// A lift to record.
pub struct NewScore {
    /// The exercise, if it is not in the path.
    scenario_id: Option<ScenarioId>,
    /// Load in kilograms.
    weight_lifted: WeightLifted,
    /// Repetitions in a set; 1 if absent.
    reps: Option<Reps>,
    /// Sets; 1 if absent.
    sets: Option<Sets>,
} }

impl NewScore {
    /// The lift that was done.
    #[must_use]
    pub fn lift(&self) -> Lift {
        Lift { weight_kg: self.weight_lifted.0, reps: self.reps.map(|reps| reps.0), sets: self.sets.map(|sets| sets.0) }
    }
}

output! { /// A recorded lift and what it changed.
pub struct RecordedScore {
    /// The score.
    score: Score,
    /// Whether it is a personal best.
    is_personal_best: bool,
    /// Value of the best before.
    previous_best_score_value: Option<f64>,
    /// Load of the best before, in kilograms.
    previous_best_weight_lifted: Option<f64>,
    /// Repetitions of the best before.
    previous_best_reps: Option<i32>,
    /// Sets of the best before.
    previous_best_sets: Option<i32>,
} }

impl From<Recorded> for RecordedScore {
    fn from(recorded: Recorded) -> Self {
        let ground = recorded.ground;
        Self {
            is_personal_best: recorded.is_personal_best,
            previous_best_score_value: ground.best_value,
            previous_best_weight_lifted: ground.best_weight,
            previous_best_reps: ground.best_reps,
            previous_best_sets: ground.best_sets,
            score: recorded.score,
        }
    }
}

integer! { /// A score's id.
pub struct ScoreNumber = i32, 1..=2147483647; }

input! { /// Which part of a history of scores.
pub struct ScoresQuery {
    /// Scores; 1,000 if absent.
    limit: Option<HistoryLimit>,
    /// The id of a score of this list: those behind it are listed. Behind one that is not there is nothing.
    before: Option<ScoreNumber>,
} }

impl ScoresQuery {
    /// Scores to list.
    #[must_use]
    pub fn limit(&self) -> i64 {
        self.limit.map_or(HISTORY_LIMIT_DEFAULT, |limit| limit.0)
    }

    /// Behind which score.
    #[must_use]
    pub fn before(&self) -> Option<ScoreId> {
        self.before.map(|before| ScoreId(before.0))
    }
}

integer! { /// Events of a page.
pub struct EventLimit = i64, 1..=200; }

input! { /// How many events.
pub struct EventsQuery {
    /// Events; 50 if absent.
    limit: Option<EventLimit>,
} }

impl EventsQuery {
    /// Events to list.
    #[must_use]
    pub fn limit(&self) -> i64 {
        self.limit.map_or(LIMIT_DEFAULT, |limit| limit.0)
    }
}

output! { /// A place on an exercise's board.
pub struct ScorePlace {
    /// The score's id.
    id: ScoreId,
    /// Load in kilograms.
    weight_lifted: f64,
    /// Estimated one-repetition maximum in kilograms, or the repetitions of a bodyweight exercise.
    score_value: f64,
    /// When it was reached.
    created_at: Timestamp,
    /// The lifter.
    user: User,
    /// Position, from 1.
    rank: i64,
} }

impl ScorePlace {
    /// The row, with its lifter.
    #[must_use]
    pub fn new(row: &PlaceRow, user: User) -> Self {
        Self {
            id: row.score_id,
            weight_lifted: row.weight_lifted,
            score_value: row.score_value,
            created_at: row.reached_at,
            user,
            rank: row.position,
        }
    }
}

impl ScorePlace {
    /// Whether it is above this position.
    #[must_use]
    pub fn is_above(&self, position: i64) -> bool {
        self.rank < position
    }
}

output! { /// Where a lifter stands on an exercise's board.
pub struct ScoreRank {
    /// 1, and one more for each lifter with a higher value: equal ones share it.
    rank: i64,
    /// Position from 1, as the board has it: of equal ones, who was first stands first.
    position: i64,
    /// Lifters on the board.
    total: i64,
    /// Percent of the others whom the lifter is better than; equal ones count half.
    percentile: f64,
    /// Estimated one-repetition maximum in kilograms, or the repetitions of a bodyweight exercise.
    score: f64,
    /// Who stands directly above, in the board's order.
    above: Vec<ScorePlace>,
    /// Who stands directly below.
    below: Vec<ScorePlace>,
} }

output! { /// A place on an exercise's board among friends.
pub struct FriendScorePlace {
    /// The score's id.
    id: ScoreId,
    /// Load in kilograms.
    weight_lifted: f64,
    /// Estimated one-repetition maximum in kilograms, or the repetitions of a bodyweight exercise.
    score_value: f64,
    /// When it was reached.
    created_at: Timestamp,
    /// The lifter.
    user: User,
    /// Position among friends, from 1.
    rank: i64,
    /// Position on the whole board, from 1.
    overall_rank: i64,
} }

impl FriendScorePlace {
    /// The row, with its lifter.
    #[must_use]
    pub fn new(row: &FriendRow, user: User) -> Self {
        Self {
            id: row.score_id,
            weight_lifted: row.weight_lifted,
            score_value: row.score_value,
            created_at: row.reached_at,
            user,
            rank: row.position,
            overall_rank: row.overall,
        }
    }
}

output! { /// The value of a best score.
pub struct HighScoreValue {
    /// Estimated one-repetition maximum in kilograms, or the repetitions of a bodyweight exercise.
    high_score: f64,
} }
