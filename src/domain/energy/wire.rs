//! Energy on the wire.

use super::sql::{BoardRow, DayRow};
use crate::config::PictureConfig;
use crate::domain::standards::rules::UNRANKED;
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
    /// The row at this position.
    #[must_use]
    pub fn new(position: i64, row: BoardRow, pictures: &PictureConfig) -> Self {
        Self {
            rank: position,
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
