//! Energy on the wire.

use uuid::Uuid;

use super::sql::{BoardRow, DayRow, FriendRow};
use crate::config::PictureConfig;
use crate::domain::standards::rules::UNRANKED;
use crate::http::page::{HISTORY_LIMIT_DEFAULT, HistoryLimit};
use crate::ids::UserId;
use crate::time::Day;
use crate::{input, output, pictures};

output! { /// A place on the energy board.
pub struct EnergyPlace {
    /// Position, from 1.
    rank: i64,
    /// The lifter.
    user_id: UserId,
    /// The lifter's name.
    username: String,
    /// The name they show.
    display_name: Option<String>,
    /// Energy.
    total_energy: i64,
    /// Absolute address of the picture.
    avatar_url: Option<String>,
    /// Name of the overall rank.
    user_rank: String,
} }

/// Energy as a whole number.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "a cast of a float saturates")]
pub fn whole(energy: f64) -> i64 {
    energy.round() as i64
}

impl EnergyPlace {
    /// The row as it is shown.
    #[must_use]
    pub fn new(row: BoardRow, pictures: &PictureConfig) -> Self {
        Self {
            rank: row.position,
            user_id: row.user_id,
            username: row.username,
            display_name: row.display_name,
            total_energy: whole(row.energy),
            avatar_url: pictures::address(pictures, row.avatar_url.as_deref()),
            user_rank: row.rank.unwrap_or_else(|| UNRANKED.to_owned()),
        }
    }
}

output! { /// Where a lifter stands on the energy board.
pub struct EnergyRank {
    /// 1, and one more for each lifter with a higher energy: equal ones share it.
    rank: i64,
    /// Position from 1, as the board has it: of equal ones, who was first stands first.
    position: i64,
    /// Lifters on the board.
    total: i64,
    /// Percent of the others whom the lifter is better than; equal ones count half.
    percentile: f64,
    /// Energy.
    score: f64,
    /// Who stands directly above, in the board's order.
    above: Vec<EnergyPlace>,
    /// Who stands directly below.
    below: Vec<EnergyPlace>,
} }

output! { /// A place on the energy board among friends.
pub struct FriendEnergyPlace {
    /// Position among friends, from 1.
    rank: i64,
    /// Position on the whole board, from 1.
    overall_rank: i64,
    /// The lifter.
    user_id: UserId,
    /// The lifter's name.
    username: String,
    /// The name they show.
    display_name: Option<String>,
    /// Energy.
    total_energy: i64,
    /// Absolute address of the picture.
    avatar_url: Option<String>,
    /// Name of the overall rank.
    user_rank: String,
} }

impl FriendEnergyPlace {
    /// The row as it is shown.
    #[must_use]
    pub fn new(row: FriendRow, pictures: &PictureConfig) -> Self {
        Self {
            rank: row.position,
            overall_rank: row.overall,
            user_id: row.user_id,
            username: row.username,
            display_name: row.display_name,
            total_energy: whole(row.energy),
            avatar_url: pictures::address(pictures, row.avatar_url.as_deref()),
            user_rank: row.rank.unwrap_or_else(|| UNRANKED.to_owned()),
        }
    }
}

output! { /// The highest energy of a day.
pub struct DailyEnergy {
    /// The UTC day.
    date: Day,
    /// Energy.
    total_energy: i64,
} }

impl From<DayRow> for DailyEnergy {
    fn from(row: DayRow) -> Self {
        Self { date: row.day, total_energy: whole(row.energy) }
    }
}

input! { /// Which part of a history of energies.
pub struct HistoryQuery {
    /// Energies; 1,000 if absent.
    limit: Option<HistoryLimit>,
    /// The id of a line of this history: those behind it are listed. Behind one that is not there is nothing.
    before: Option<Uuid>,
} }

impl HistoryQuery {
    /// Energies to list.
    #[must_use]
    pub fn limit(&self) -> i64 {
        self.limit.map_or(HISTORY_LIMIT_DEFAULT, |limit| limit.0)
    }
}

input! { /// Which days.
pub struct DaysQuery {
    /// Days that have an energy, the newest of those before; 1,000 if absent.
    limit: Option<HistoryLimit>,
    /// A UTC day: those before it are listed.
    before: Option<Day>,
} }

impl DaysQuery {
    /// Days to list.
    #[must_use]
    pub fn limit(&self) -> i64 {
        self.limit.map_or(HISTORY_LIMIT_DEFAULT, |limit| limit.0)
    }
}

input! { /// What old clients computed: their energy and rank stand beside the id, and are ignored like every unknown key.
pub struct EnergySubmission {
    /// The lifter: oneself.
    user_id: UserId,
} }

output! { /// A sentence.
pub struct Message {
    /// The sentence.
    message: &'static str,
} }
