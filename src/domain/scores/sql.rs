//! Statements about scores.

use crate::domain::energy::BasisRow;
use crate::ids::{ScenarioId, ScoreId, UserId};
use crate::time::Timestamp;
use crate::{output_row, row, statements};

output_row! { /// A recorded lift.
pub struct Score {
    /// Its id.
    id: ScoreId,
    /// The lifter.
    user_id: UserId,
    /// The exercise.
    scenario_id: ScenarioId,
    /// Load in kilograms.
    weight_lifted: f64,
    /// Estimated one-repetition maximum in kilograms, or the repetitions of a bodyweight exercise.
    score_value: f64,
    /// Whether the exercise is done without load.
    is_bodyweight: bool,
    /// When it was recorded.
    created_at: Timestamp,
    /// Sets.
    sets: Option<i32>,
    /// Repetitions in a set.
    reps: Option<i32>,
} }

row! { /// All that recording a lift depends on.
pub struct GroundRow {
    /// The id of the score that will be written.
    score_id: ScoreId,
    /// Whether the exercise is done without load.
    is_bodyweight: bool,
    /// What its volume counts.
    volume_multiplier: f64,
    /// The best so far: its value,
    best_value: Option<f64>,
    /// its load in kilograms,
    best_weight: Option<f64>,
    /// its repetitions in a set,
    best_reps: Option<i32>,
    /// and its sets.
    best_sets: Option<i32>,
    /// Body weight in kilograms.
    weight: Option<f64>,
    /// The lifter's own word.
    gender: Option<String>,
    /// `kg` or `lbs`.
    preferred_unit: String,
    /// Energy as stored.
    energy: Option<f64>,
    /// Rank as stored.
    rank: Option<String>,
    /// Best back squat, or 0.
    squat: f64,
    /// Best bench press, or 0.
    bench: f64,
    /// Best deadlift, or 0.
    deadlift: f64,
    /// Experience points.
    total_xp: i32,
    /// Which lift it is for, from 1.
    asked: i64,
} }

impl GroundRow {
    /// The part that the lifter's energy depends on.
    #[must_use]
    pub fn basis(&self) -> BasisRow {
        BasisRow {
            weight: self.weight,
            gender: self.gender.clone(),
            preferred_unit: self.preferred_unit.clone(),
            energy: self.energy,
            rank: self.rank.clone(),
            squat: self.squat,
            bench: self.bench,
            deadlift: self.deadlift,
        }
    }
}

row! { /// A place on a board.
pub struct PlaceRow {
    /// From 1.
    position: i64,
    score_id: ScoreId,
    user_id: UserId,
    score_value: f64,
    weight_lifted: f64,
    reached_at: Timestamp,
} }

row! { /// A place near a lifter's own on a board, and what is true of that one.
pub struct NearRow {
    position: i64,
    score_id: ScoreId,
    user_id: UserId,
    score_value: f64,
    weight_lifted: f64,
    reached_at: Timestamp,
    /// Places from the lifter's own; negative above it.
    distance: i64,
    /// Lifters on the board.
    total: i64,
    /// Lifters with a higher value than this one.
    better: i64,
    /// Lifters with a lower one.
    worse: i64,
} }

row! { /// A place among friends.
pub struct FriendRow {
    /// Among friends, from 1.
    position: i64,
    score_id: ScoreId,
    user_id: UserId,
    score_value: f64,
    weight_lifted: f64,
    reached_at: Timestamp,
    /// Among all, from 1.
    overall: i64,
} }

output_row! { /// A personal best as it was reached.
pub struct PersonalBestEvent {
    /// Its id.
    id: i32,
    /// The lifter.
    user_id: UserId,
    /// The exercise.
    scenario_id: ScenarioId,
    /// Estimated one-repetition maximum in kilograms, or the repetitions of a bodyweight exercise.
    score_value: f64,
    /// Load in kilograms.
    weight_lifted: f64,
    /// Whether the exercise is done without load.
    is_bodyweight: bool,
    /// When it was reached.
    created_at: Timestamp,
    /// Repetitions in a set.
    reps: Option<i32>,
} }

statements! {
    /// All that recording lifts depends on; nothing for a lift whose exercise is not there.
    pooled fn list_grounds(users: &[UserId], scenarios: &[&ScenarioId]) -> many GroundRow = "scores/list_grounds";
    /// Writes scores; triggers raise the personal bests.
    pooled fn insert_scores(
        ids: &[ScoreId], users: &[UserId], scenarios: &[&ScenarioId], score_values: &[f64], weights_lifted: &[f64],
        reps: &[Option<i32>], sets: &[Option<i32>], are_bodyweight: &[bool], now: Timestamp,
    ) -> exec = "scores/insert_scores";
    /// Notes that personal bests were reached.
    pooled fn insert_events(
        users: &[UserId], scenarios: &[&ScenarioId], score_values: &[f64], weights_lifted: &[f64], reps: &[Option<i32>],
        are_bodyweight: &[bool], now: Timestamp,
    ) -> exec = "scores/insert_personal_best_events";
    /// A page of an exercise's board.
    replicated fn list_board(scenario: &ScenarioId, limit: i64, offset: i64) -> many PlaceRow = "scores/list_board";
    /// The page of an exercise's board behind a place.
    replicated fn list_board_behind(
        scenario: &ScenarioId, score: f64, reached_at: Timestamp, id: ScoreId, limit: i64,
    ) -> many PlaceRow = "scores/list_board_behind";
    /// A lifter's place on an exercise's board, with so many neighbours either way.
    gathered_replicated fn get_rank(scenario: ScenarioId, user: UserId, around: i64) -> many NearRow = "scores/get_rank";
    /// A page of an exercise's board among a lifter and so many of those they follow.
    replicated fn list_friends_board(
        scenario: &ScenarioId, user: UserId, limit: i64, offset: i64, friends_max: i64,
    ) -> many FriendRow = "scores/list_friends_board";
    /// A lifter's scores on an exercise, newest first.
    pooled fn list_scores(user: UserId, scenario: &ScenarioId, limit: i64, before: Option<ScoreId>) -> many Score = "scores/list_scores";
    /// A lifter's best score on an exercise.
    shared fn get_highscore(user: UserId, scenario: &ScenarioId) -> opt Score = "scores/get_highscore";
    /// Deletes a lifter's scores; triggers do the same to the personal bests.
    pooled fn delete_scores(user: UserId) -> exec = "scores/delete_scores";
    /// Deletes what a lifter's personal bests were.
    pooled fn delete_events(user: UserId) -> exec = "scores/delete_personal_best_events";
    /// A lifter's personal bests as they were reached, newest first.
    pooled fn list_events(user: UserId, limit: i64) -> many PersonalBestEvent = "scores/list_personal_best_events";
}
