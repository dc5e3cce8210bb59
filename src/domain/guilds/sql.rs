//! Statements about guilds.

use uuid::Uuid;

use crate::ids::UserId;
use crate::time::Timestamp;
use crate::{row, statements};

row! { /// A guild.
pub struct GuildRow {
    /// Its id.
    id: Uuid,
    /// Its name.
    name: String,
    /// A stored key or an address.
    icon_url: Option<String>,
    /// Who made it.
    owner_id: UserId,
    /// When it was made.
    created_at: Timestamp,
    /// When it was changed.
    updated_at: Timestamp,
} }

row! { /// How many guilds a lifter owns.
pub struct TotalRow {
    total: i64,
} }

statements! {
    /// A lifter's guilds, newest first.
    pooled fn list_guilds(owner: UserId) -> many GuildRow = "guilds/list_guilds";
    /// How many guilds a lifter owns.
    pooled fn count_guilds(owner: UserId) -> one TotalRow = "guilds/count_guilds";
    /// Makes a guild.
    pooled fn insert_guild(id: Uuid, name: &str, icon_url: Option<&str>, owner: UserId, now: Timestamp) -> one GuildRow
        = "guilds/insert_guild";
}
