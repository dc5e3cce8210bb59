//! Accounts on the wire.

use super::fields::{BodyWeight, Email, GivenPassword, NewPassword, Username};
use super::sql::UserRow;
use crate::config::PictureConfig;
use crate::domain::standards::Unit;
use crate::domain::standards::rules::UNRANKED;
use crate::ids::UserId;
use crate::schema::{Patch, Text};
use crate::time::Timestamp;
use crate::{input, output, pictures};

output! { /// An account. Of another one `email` is empty and `original_transaction_id` null.
pub struct User {
    /// Its id.
    id: UserId,
    /// Its name.
    username: String,
    /// Its email address.
    email: String,
    /// Whether it may log in and stands on boards.
    is_active: bool,
    /// When it was made.
    created_at: Timestamp,
    /// When it was changed.
    updated_at: Timestamp,
    /// Absolute address of the picture.
    avatar_url: Option<String>,
    /// The name that is shown.
    display_name: Option<String>,
    /// Body weight in kilograms.
    weight: Option<f64>,
    /// The lifter's own word.
    gender: Option<String>,
    /// What kilograms are multiplied by for the preferred unit.
    weight_multiplier: f64,
    /// `free`, `gold` or `platinum`.
    subscription_level: String,
    /// Energy.
    energy: Option<f64>,
    /// Name of the overall rank.
    rank: String,
    /// The store's id of a purchase.
    original_transaction_id: Option<String>,
    /// `kg` or `lbs`.
    preferred_unit: String,
} }

/// What kilograms are multiplied by for this unit; clients know these two numbers.
#[must_use]
pub const fn weight_multiplier(unit: Unit) -> f64 {
    match unit {
        Unit::Kg => 1.0,
        Unit::Lbs => 2.20462,
    }
}

impl User {
    /// The account as its owner sees it.
    #[must_use]
    pub fn own(row: UserRow, pictures: &PictureConfig) -> Self {
        Self {
            weight_multiplier: weight_multiplier(Unit::of(&row.preferred_unit)),
            avatar_url: pictures::address(pictures, row.avatar_url.as_deref()),
            weight: row.weight,
            energy: row.energy,
            rank: row.rank.unwrap_or_else(|| UNRANKED.to_owned()),
            id: row.id,
            username: row.username,
            email: row.email,
            is_active: row.is_active,
            created_at: row.created_at,
            updated_at: row.updated_at,
            display_name: row.display_name,
            gender: row.gender,
            subscription_level: row.subscription_level,
            original_transaction_id: row.original_transaction_id,
            preferred_unit: row.preferred_unit,
        }
    }

    /// The account as others see it.
    #[must_use]
    pub fn other(row: UserRow, pictures: &PictureConfig) -> Self {
        Self { email: String::new(), original_transaction_id: None, ..Self::own(row, pictures) }
    }
}

input! { /// A lifter to register.
pub struct NewUser {
    /// A name that nobody has, whatever its case.
    username: Username,
    /// An address that nobody has, whatever its case.
    email: Email,
    /// At least 8 characters, at most 72 bytes.
    password: NewPassword,
    /// The name that is shown.
    display_name: Option<Text<0, 255>>,
    /// The key or address of a picture of ours.
    avatar_url: Option<Text<0, 2048>>,
    /// `kg` if absent.
    preferred_unit: Option<Unit>,
} }

input! { /// Who wants to log in.
pub struct Login {
    /// The email address.
    username: Text<1, 320>,
    /// The password.
    password: GivenPassword,
} }

input! { /// What to change of one's own account; what is absent stays, and
/// `weight_multiplier` follows the preferred unit.
pub struct ProfilePatch {
    /// A name that nobody has.
    username: Patch<Username>,
    /// An address that nobody has.
    email: Patch<Email>,
    /// The name that is shown.
    display_name: Patch<Option<Text<0, 255>>>,
    /// The key or address of a picture of ours.
    avatar_url: Patch<Option<Text<0, 2048>>>,
    /// Body weight in kilograms.
    weight: Patch<Option<BodyWeight>>,
    /// Any word.
    gender: Patch<Option<Text<0, 255>>>,
    /// The unit one reads weights in.
    preferred_unit: Patch<Unit>,
    /// A new password.
    password: Patch<NewPassword>,
} }

input! { /// The unit one reads weights in.
pub struct UnitPatch {
    /// `kg` or `lbs`.
    preferred_unit: Unit,
} }
