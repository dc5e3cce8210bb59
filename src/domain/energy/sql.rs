//! Statements about energy.

use uuid::Uuid;

use super::rules::{CoreBests, Standing, standing};
use crate::domain::standards::Unit;
use crate::ids::UserId;
use crate::time::{Day, Timestamp};
use crate::{output_row, row, statements};

row! { /// What a lifter's energy depends on, and what is stored of it.
pub struct BasisRow {
    /// Body weight in kilograms.
    weight: Option<f64>,
    /// The lifter's own word.
    gender: Option<String>,
    /// `kg` or `lbs`.
    preferred_unit: String,
    /// As stored.
    energy: Option<f64>,
    /// As stored.
    rank: Option<String>,
    /// Best back squat, or 0.
    squat: f64,
    /// Best bench press, or 0.
    bench: f64,
    /// Best deadlift, or 0.
    deadlift: f64,
} }

impl BasisRow {
    /// The bests that are stored.
    #[must_use]
    pub fn bests(&self) -> CoreBests {
        CoreBests([self.squat, self.bench, self.deadlift])
    }

    /// The standing that these bests bring this lifter.
    #[must_use]
    pub fn standing(&self, bests: CoreBests) -> Standing {
        standing(bests, self.weight, self.gender.as_deref(), Unit::of(&self.preferred_unit))
    }
}

row! { /// A place on the board.
pub struct BoardRow {
    /// From 1.
    position: i64,
    user_id: UserId,
    username: String,
    display_name: Option<String>,
    energy: f64,
    reached_at: Timestamp,
    avatar_url: Option<String>,
    rank: Option<String>,
} }

row! { /// A place near a lifter's own on the board, and what is true of that one.
pub struct NearRow {
    position: i64,
    user_id: UserId,
    username: String,
    display_name: Option<String>,
    energy: f64,
    reached_at: Timestamp,
    avatar_url: Option<String>,
    rank: Option<String>,
    /// Places from the lifter's own; negative above it.
    distance: i64,
    /// Lifters on the board.
    total: i64,
    /// Lifters with a higher energy than this one.
    better: i64,
    /// Lifters with a lower one.
    worse: i64,
} }

row! { /// A place among friends.
pub struct FriendRow {
    /// Among friends, from 1.
    position: i64,
    user_id: UserId,
    username: String,
    display_name: Option<String>,
    energy: f64,
    avatar_url: Option<String>,
    rank: Option<String>,
    /// Among all, from 1.
    overall: i64,
} }

row! { /// The highest energy of a day.
pub struct DayRow {
    day: Day,
    energy: f64,
} }

output_row! { /// An energy a lifter reached or fell to.
pub struct EnergyChange {
    /// Its id.
    id: Uuid,
    /// The lifter.
    user_id: UserId,
    /// Energy.
    energy: f64,
    /// When.
    created_at: Timestamp,
} }

row! { /// A lifter's present energy.
pub struct LatestRow {
    energy: f64,
} }

statements! {
    /// What the energy depends on.
    pooled fn get_basis(user: UserId) -> opt BasisRow = "energy/get_basis";
    /// Stores energies and ranks, and the energy's history of those for which an id is given.
    pooled fn update_standings(
        users: &[UserId], energies: &[f64], ranks: &[&str], history_ids: &[Option<Uuid>], now: Timestamp,
    ) -> exec = "energy/update_standings";
    /// A page of the board.
    replicated fn list_board(limit: i64, offset: i64) -> many BoardRow = "energy/list_board";
    /// The page of the board behind a place.
    replicated fn list_board_behind(energy: f64, reached_at: Timestamp, user: Uuid, limit: i64) -> many BoardRow
        = "energy/list_board_behind";
    /// A lifter's place on the board, with so many neighbours either way.
    gathered_replicated fn get_rank(user: UserId, around: i64) -> many NearRow = "energy/get_rank";
    /// A page of the board among a lifter and so many of those they follow.
    replicated fn list_friends_board(user: UserId, limit: i64, offset: i64, friends_max: i64) -> many FriendRow
        = "energy/list_friends_board";
    /// The highest energy of each day, oldest first.
    pooled fn list_days(user: UserId, limit: i64, before: Option<Day>) -> many DayRow = "energy/list_days";
    /// Every energy, newest first.
    pooled fn list_history(user: UserId, limit: i64, before: Option<Uuid>) -> many EnergyChange = "energy/list_history";
    /// The present energy.
    shared fn get_latest(user: UserId) -> opt LatestRow = "energy/get_latest";
}
