//! Guilds on the wire.

use serde_json::{Value, json};
use uuid::Uuid;

use super::sql::GuildRow;
use crate::config::{PictureConfig, origin_of};
use crate::error::{Error, FieldError, Result};
use crate::ids::UserId;
use crate::schema::{At, Components, Input, Raw, Schema, Text};
use crate::time::Timestamp;
use crate::{input, output, pictures};

output! { /// A guild.
pub struct Guild {
    /// Its id.
    id: Uuid,
    /// Its name.
    name: String,
    /// Absolute address of its picture.
    icon_url: Option<String>,
    /// Who made it.
    owner_id: UserId,
    /// When it was made.
    created_at: Timestamp,
    /// When it was changed.
    updated_at: Timestamp,
} }

impl Guild {
    /// The guild with its picture's address.
    #[must_use]
    pub fn new(row: GuildRow, pictures: &PictureConfig) -> Self {
        Self {
            icon_url: pictures::address(pictures, row.icon_url.as_deref()),
            id: row.id,
            name: row.name,
            owner_id: row.owner_id,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// A guild's name: 1 to 64 characters, not all of them blank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuildName(pub String);

impl GuildName {
    const MAX: usize = 64;
    /// One character that is not blank, and no NUL.
    const PATTERN: &str = r"^[^\u0000]*[^\s\u0000][^\u0000]*$";
}

impl Input for GuildName {
    fn read(raw: Raw<'_>, at: &mut At<'_>) -> Option<Self> {
        let Text::<1, { Self::MAX }>(name) = Text::read(raw, at)?;
        if name.trim().is_empty() { at.fail("format", "not be blank") } else { Some(Self(name)) }
    }
}

impl Schema for GuildName {
    fn schema(_: &mut Components) -> Value {
        json!({ "type": "string", "minLength": 1, "maxLength": Self::MAX, "pattern": Self::PATTERN })
    }
}

input! { /// A guild to make.
pub struct NewGuild {
    /// Its name.
    name: GuildName,
    /// The key of a picture of ours, or an address that begins with http.
    icon_url: Option<Text<0, 2048>>,
} }

impl NewGuild {
    /// What to store of the picture: the key of one of ours, the address of another one; empty text is none.
    ///
    /// # Errors
    /// 422 if it is neither.
    pub fn icon(&self, pictures: &PictureConfig) -> Result<Option<String>> {
        let given = self.icon_url.as_ref().map(|text| text.0.trim()).filter(|given| !given.is_empty());
        let Some(given) = given else { return Ok(None) };
        let plain = !given.contains(|c: char| c.is_whitespace() || c.is_control());
        let foreign = || origin_of(given).filter(|_| plain).map(|_| given.to_owned());
        match pictures::own_key(pictures, given).or_else(foreign) {
            Some(icon) => Ok(Some(icon)),
            None => {
                let detail = "icon_url must be a picture of this service or an http address".to_owned();
                Err(Error::invalid(vec![FieldError { pointer: "/icon_url".to_owned(), code: "unknown", detail }]))
            }
        }
    }
}
