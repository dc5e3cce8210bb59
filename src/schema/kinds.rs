//! The kinds of values that callers send, with their bounds: text, numbers, yes and no.

use serde_json::{Value, json};

use super::{At, Components, Input, Raw, Schema, fail_type};

/// The pattern of a text without NUL.
pub const WITHOUT_NUL: &str = r"^[^\u0000]*$";
/// The pattern of a text without control characters.
pub const WITHOUT_CONTROLS: &str = r"^[^\u0000-\u001f\u007f-\u009f]*$";

/// Text of `MIN` to `MAX` characters, without NUL, which PostgreSQL cannot store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text<const MIN: usize, const MAX: usize>(pub String);

impl<const MIN: usize, const MAX: usize> Input for Text<MIN, MAX> {
    fn read(raw: Raw<'_>, at: &mut At<'_>) -> Option<Self> {
        let Some(text) = raw.text() else { return fail_type(raw, at, "be text") };
        if text.contains('\0') {
            return at.fail("format", "not contain NUL");
        }
        if !(MIN..=MAX).contains(&text.chars().count()) {
            return at.fail("length", &format!("have {MIN} to {MAX} characters"));
        }
        Some(Self(text.to_owned()))
    }
}

impl<const MIN: usize, const MAX: usize> Schema for Text<MIN, MAX> {
    fn schema(_: &mut Components) -> Value {
        json!({ "type": "string", "minLength": MIN, "maxLength": MAX, "pattern": WITHOUT_NUL })
    }
}

impl Input for bool {
    fn read(raw: Raw<'_>, at: &mut At<'_>) -> Option<Self> {
        match raw {
            Raw::Json(Value::Bool(value)) => Some(*value),
            Raw::Text("true") => Some(true),
            Raw::Text("false") => Some(false),
            _ => fail_type(raw, at, "be true or false"),
        }
    }
}

/// Declares a number with its bounds: `number! { /// Doc. pub struct WeightKg in 0.0..=1000.0; }`.
#[macro_export]
macro_rules! number { ($(#[doc = $doc:literal])* $v:vis struct $name:ident in $min:literal..=$max:literal;) => {
    $(#[doc = $doc])*
    #[derive(Debug, Clone, Copy, PartialEq)]
    $v struct $name(pub f64);
    impl $crate::schema::Input for $name {
        fn read(raw: $crate::schema::Raw<'_>, at: &mut $crate::schema::At<'_>) -> Option<Self> {
            let Some(number) = raw.number() else { return $crate::schema::fail_type(raw, at, "be a finite number") };
            if !($min..=$max).contains(&number) {
                return at.fail("range", &format!("be from {} to {}", $min, $max));
            }
            Some(Self(number + 0.0)) // there is no -0 kg
        }
    }
    impl $crate::schema::Schema for $name {
        fn schema(_: &mut $crate::schema::Components) -> serde_json::Value {
            serde_json::json!({ "type": "number", "minimum": $min, "maximum": $max, "description": concat!($($doc),*).trim() })
        }
    }
} }

/// Declares a whole number with its bounds: `integer! { /// Doc. pub struct Reps = i32, 0..=1000; }`.
#[macro_export]
macro_rules! integer { ($(#[doc = $doc:literal])* $v:vis struct $name:ident = $t:ty, $min:literal..=$max:literal;) => {
    $(#[doc = $doc])*
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    $v struct $name(pub $t);
    impl $crate::schema::Input for $name {
        fn read(raw: $crate::schema::Raw<'_>, at: &mut $crate::schema::At<'_>) -> Option<Self> {
            let Some(number) = raw.integer() else { return $crate::schema::fail_type(raw, at, "be a whole number") };
            match <$t>::try_from(number) {
                Ok(number) if ($min..=$max).contains(&number) => Some(Self(number)),
                _ => at.fail("range", &format!("be from {} to {}", $min, $max)),
            }
        }
    }
    impl $crate::schema::Schema for $name {
        fn schema(_: &mut $crate::schema::Components) -> serde_json::Value {
            serde_json::json!({ "type": "integer", "minimum": $min, "maximum": $max, "description": concat!($($doc),*).trim() })
        }
    }
} }
