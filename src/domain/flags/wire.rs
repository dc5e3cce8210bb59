//! Feature flags on the wire.

use serde::Serialize;
use serde_json::{Value, json};

use crate::flags::FlagMap;
use crate::schema::{At, Components, Input, Raw, Schema, Text};
use crate::{input, output};

/// A flag's name: 1 to 64 lower-case letters, digits, dots, hyphens and underscores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlagName(pub String);

impl FlagName {
    const MAX: usize = 64;
    const PATTERN: &str = "^[a-z0-9._-]+$";
}

impl Input for FlagName {
    fn read(raw: Raw<'_>, at: &mut At<'_>) -> Option<Self> {
        let Text::<1, { Self::MAX }>(name) = Text::read(raw, at)?;
        let is_plain = name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-'));
        if is_plain {
            Some(Self(name))
        } else {
            at.fail("format", "have lower-case letters, digits, dots, hyphens and underscores only")
        }
    }
}

impl Schema for FlagName {
    fn schema(_: &mut Components) -> Value {
        json!({ "type": "string", "minLength": 1, "maxLength": Self::MAX, "pattern": Self::PATTERN })
    }
}

input! { /// How a feature flag is to be.
pub struct NewFlag {
    /// Whether the feature is switched on.
    enabled: bool,
    /// What it is about; absent: as it was.
    description: Option<Text<0, 255>>,
} }

/// Flags by their names.
#[derive(Clone, Debug, Serialize)]
pub struct States(pub FlagMap);

impl Schema for States {
    fn schema(_: &mut Components) -> Value {
        json!({ "type": "object", "additionalProperties": { "type": "boolean" } })
    }
}

output! { /// Every feature flag.
pub struct FlagList {
    /// Whether each feature is switched on, by the flags' names. A feature without a flag is switched off.
    flags: States,
} }
