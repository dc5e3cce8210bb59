//! Statements about quests.

use crate::ids::{QuestId, QuestTemplateId, UserId};
use crate::time::Timestamp;
use crate::{row, statements};

row! { /// A quest that can be had.
pub struct TemplateRow {
    id: QuestTemplateId,
    #[expect(dead_code, reason = "the statement orders by it")]
    code: String,
    cadence: String,
    target_value: i32,
    available_from: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    created_at: Timestamp,
} }

row! { /// A lifter's quest with its template.
pub struct QuestRow {
    /// Its id.
    id: QuestId,
    /// Its template's id.
    template_id: QuestTemplateId,
    /// As it was stored last.
    status: String,
    /// Up to `required_value`.
    progress_value: i32,
    /// The target when it was given.
    required_value: i32,
    /// First instant of its cycle.
    cycle_start: Timestamp,
    /// First instant after it.
    cycle_end: Option<Timestamp>,
    /// From when on it counts.
    available_from: Timestamp,
    /// Until when.
    expires_at: Option<Timestamp>,
    /// When its target was reached.
    completed_at: Option<Timestamp>,
    /// When its reward was paid.
    reward_claimed_at: Option<Timestamp>,
    /// When it came further last.
    last_progress_at: Option<Timestamp>,
    /// The template's code.
    code: String,
    /// The template's title.
    title: String,
    /// The template's description.
    description: Option<String>,
    /// `daily`, `weekly` or `limited`.
    cadence: String,
    /// `workouts_completed` or `active_minutes`.
    metric: String,
    /// The template's target.
    target_value: i32,
    /// Experience points.
    reward_xp: i32,
    /// Whether the reward is paid at once.
    auto_claim: bool,
    /// From when on the template can be had.
    template_available_from: Option<Timestamp>,
    /// Until when.
    template_expires_at: Option<Timestamp>,
} }

row! { /// A quest that is not completed, and what was done within its cycle.
pub struct OpenRow {
    id: QuestId,
    status: String,
    progress_value: i32,
    required_value: i32,
    code: String,
    metric: String,
    reward_xp: i32,
    auto_claim: bool,
    workouts: i64,
    minutes: f64,
    longest_session: i32,
    long_session_days: i64,
} }

statements! {
    /// The quests that can be had.
    shared fn list_templates() -> many TemplateRow = "quests/list_templates";
    /// A lifter's, newest first: those that are good for something, and all that began since then.
    pooled fn list_quests(user: UserId, since: Timestamp) -> many QuestRow = "quests/list_quests";
    /// One of a lifter's.
    pooled fn get_quest(id: QuestId, user: UserId) -> opt QuestRow = "quests/get_quest";
    /// Gives a lifter those of these that they do not have.
    pooled fn insert_quests(
        user: UserId, templates: &[QuestTemplateId], required: &[i32], starts: &[Timestamp], ends: &[Option<Timestamp>],
        now: Timestamp,
    ) -> exec = "quests/insert_quests";
    /// Those that a deed at this instant counts for, with what was done.
    pooled fn list_open(user: UserId, at: Timestamp) -> many OpenRow = "quests/list_open";
    /// Stores how far one has come.
    pooled fn update_progress(
        id: QuestId, status: &str, progress: i32, completed_at: Option<Timestamp>, claimed_at: Option<Timestamp>, now: Timestamp,
    ) -> exec = "quests/update_progress";
    /// Notes that the reward was paid.
    pooled fn update_claimed(id: QuestId, now: Timestamp) -> exec = "quests/update_claimed";
    /// Ends those whose time is over.
    pooled fn update_expired(user: UserId, now: Timestamp) -> exec = "quests/update_expired";
    /// Notes a session in its day.
    pooled fn upsert_day(user: UserId, day: Timestamp, minutes: i32, is_long: bool, now: Timestamp) -> exec =
        "quests/upsert_day";
}
