//! Quests on the wire.

use super::rules::{Status, share};
use super::sql::QuestRow;
use crate::ids::{QuestId, QuestTemplateId};
use crate::output;
use crate::time::Timestamp;

output! { /// What every lifter gets, cycle by cycle.
pub struct QuestTemplate {
    /// Its id.
    id: QuestTemplateId,
    /// Its stable name.
    code: String,
    /// Its name for people.
    title: String,
    /// What is to be done.
    description: Option<String>,
    /// `daily` (a UTC day), `weekly` (from Monday) or `limited` (while the template can be had).
    cadence: String,
    /// `workouts_completed` or `active_minutes`.
    metric: String,
    /// How much is to be done.
    target_value: i32,
    /// Experience points for it.
    reward_xp: i32,
    /// Whether the points come without being claimed.
    auto_claim: bool,
    /// From when on it can be had.
    available_from: Option<Timestamp>,
    /// Until when.
    expires_at: Option<Timestamp>,
} }

output! { /// A lifter's quest: a template in one of its cycles.
pub struct Quest {
    /// Its id.
    id: QuestId,
    /// `active`, `completed` (its reward waits), `claimed` or `expired`.
    status: &'static str,
    /// What was done, up to `required`.
    progress: i32,
    /// What is to be done.
    required: i32,
    /// Share of the way, 0 to 1.
    progress_pct: f64,
    /// From when on it counts.
    available_from: Timestamp,
    /// Until when.
    expires_at: Option<Timestamp>,
    /// First instant of its cycle.
    cycle_start: Timestamp,
    /// First instant after its cycle.
    cycle_end: Option<Timestamp>,
    /// When the target was reached.
    completed_at: Option<Timestamp>,
    /// When the reward was paid.
    reward_claimed_at: Option<Timestamp>,
    /// When it came further last.
    last_progress_at: Option<Timestamp>,
    /// Experience points.
    reward_xp: i32,
    /// What it was made from.
    template: QuestTemplate,
} }

impl Quest {
    /// The quest of this row, as it stands now.
    #[must_use]
    pub fn new(row: QuestRow, now: Timestamp) -> Self {
        Self {
            id: row.id,
            status: Status::of(&row.status).at(now, row.expires_at).name(),
            progress: row.progress_value,
            required: row.required_value,
            progress_pct: share(row.progress_value, row.required_value),
            available_from: row.available_from,
            expires_at: row.expires_at,
            cycle_start: row.cycle_start,
            cycle_end: row.cycle_end,
            completed_at: row.completed_at,
            reward_claimed_at: row.reward_claimed_at,
            last_progress_at: row.last_progress_at,
            reward_xp: row.reward_xp,
            template: QuestTemplate {
                id: row.template_id,
                code: row.code,
                title: row.title,
                description: row.description,
                cadence: row.cadence,
                metric: row.metric,
                target_value: row.target_value,
                reward_xp: row.reward_xp,
                auto_claim: row.auto_claim,
                available_from: row.template_available_from,
                expires_at: row.template_expires_at,
            },
        }
    }
}

output! { /// A lifter's quests.
pub struct QuestList {
    /// When this was put together.
    generated_at: Timestamp,
    /// The newest cycle first.
    quests: Vec<Quest>,
} }
