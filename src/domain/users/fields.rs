//! The fields of an account that have rules of their own.

use serde_json::{Value, json};

use crate::password;
use crate::schema::{At, Components, Input, Raw, Schema, Text, WITHOUT_NUL, fail_type};

/// A user name: 1 to 32 characters that can stand in an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Username(pub String);

impl Username {
    const MAX: usize = 32;
    /// Names that mean a folder in an address.
    const FOLDERS: [&str; 2] = [".", ".."];
    /// One character that is not blank, and none that is a control character or has a meaning in an address.
    const PATTERN: &str =
        r"^[^/?#%\u0000-\u001f\u007f-\u009f]*[^/?#%\s\u0000-\u001f\u007f-\u009f][^/?#%\u0000-\u001f\u007f-\u009f]*$";
}

impl Input for Username {
    fn read(raw: Raw<'_>, at: &mut At<'_>) -> Option<Self> {
        let Text::<1, { Self::MAX }>(name) = Text::read(raw, at)?;
        if name.chars().any(|c| c.is_control() || "/?#%".contains(c))
            || name.trim().is_empty()
            || Self::FOLDERS.contains(&name.as_str())
        {
            return at.fail(
                "format",
                "have no control characters, none of / ? # %, and be neither blank nor dots that mean a folder",
            );
        }
        Some(Self(name))
    }
}

impl Schema for Username {
    fn schema(_: &mut Components) -> Value {
        json!({
            "type": "string", "minLength": 1, "maxLength": Self::MAX,
            "pattern": Self::PATTERN, "not": { "enum": Self::FOLDERS },
        })
    }
}

/// An email address: something, an at sign, a domain name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email(pub String);

impl Email {
    /// Bytes of the longest address that can be mailed to (RFC 5321).
    const MAX: usize = 254;
    const LOCAL_MAX: usize = 64;

    fn is_valid(text: &str) -> bool {
        let Some((local, domain)) = text.rsplit_once('@') else { return false };
        let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"()<>[]:;@\\,\"".contains(c);
        let local_fits = (1..=Self::LOCAL_MAX).contains(&local.len()) && local.chars().all(plain);
        let dots_fit = !local.starts_with('.') && !local.ends_with('.') && !local.contains("..");
        let label = |label: &str| {
            let letters = label.chars().all(|c| c.is_alphanumeric() || c == '-');
            (1..=63).contains(&label.len()) && letters && !label.starts_with('-') && !label.ends_with('-')
        };
        text.len() <= Self::MAX && local_fits && dots_fit && domain.contains('.') && domain.split('.').all(label)
    }
}

impl Input for Email {
    fn read(raw: Raw<'_>, at: &mut At<'_>) -> Option<Self> {
        let Some(text) = raw.text() else { return fail_type(raw, at, "be text") };
        if Self::is_valid(text) { Some(Self(text.to_owned())) } else { at.fail("format", "be an email address") }
    }
}

impl Schema for Email {
    fn schema(_: &mut Components) -> Value {
        json!({ "type": "string", "format": "email", "maxLength": Self::MAX })
    }
}

/// A password that may be set: at least 8 characters, at most what bcrypt reads.
#[derive(Clone)]
pub struct NewPassword(pub String);

impl NewPassword {
    const MIN: usize = 8;
}

impl std::fmt::Debug for NewPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NewPassword(***)")
    }
}

impl Input for NewPassword {
    fn read(raw: Raw<'_>, at: &mut At<'_>) -> Option<Self> {
        let Some(text) = raw.text() else { return fail_type(raw, at, "be text") };
        if text.contains('\0') {
            return at.fail("format", "not contain NUL");
        }
        if text.chars().count() < Self::MIN || text.len() > password::BYTES_MAX {
            let must = format!("have at least {} characters and at most {} bytes", Self::MIN, password::BYTES_MAX);
            return at.fail("length", &must);
        }
        Some(Self(text.to_owned()))
    }
}

impl Schema for NewPassword {
    fn schema(_: &mut Components) -> Value {
        json!({ "type": "string", "format": "password", "minLength": Self::MIN, "maxLength": password::BYTES_MAX, "pattern": WITHOUT_NUL })
    }
}

/// A password that is tried: any text.
#[derive(Clone)]
pub struct GivenPassword(pub String);

impl std::fmt::Debug for GivenPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GivenPassword(***)")
    }
}

impl Input for GivenPassword {
    fn read(raw: Raw<'_>, at: &mut At<'_>) -> Option<Self> {
        let Text::<1, 4096>(text) = Text::read(raw, at)?;
        Some(Self(text))
    }
}

impl Schema for GivenPassword {
    fn schema(_: &mut Components) -> Value {
        json!({ "type": "string", "format": "password", "minLength": 1, "maxLength": 4096, "pattern": WITHOUT_NUL })
    }
}

/// A body weight in kilograms, more than 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BodyWeight(pub f64);

impl BodyWeight {
    const MAX: f64 = 1000.0;
}

impl Input for BodyWeight {
    fn read(raw: Raw<'_>, at: &mut At<'_>) -> Option<Self> {
        let Some(kg) = raw.number() else { return fail_type(raw, at, "be a finite number") };
        if kg > 0.0 && kg <= Self::MAX { Some(Self(kg)) } else { at.fail("range", "be more than 0 and at most 1000") }
    }
}

impl Schema for BodyWeight {
    fn schema(_: &mut Components) -> Value {
        json!({ "type": "number", "exclusiveMinimum": 0, "maximum": Self::MAX })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn email_addresses_have_a_name_and_a_domain() {
        for good in ["a@b.co", "first.last+tag@sub.example.com", "ü@exämple.de", "A@B.CO"] {
            assert!(Email::is_valid(good), "{good}");
        }
        let long = format!("{}@example.com", "a".repeat(65));
        for bad in
            ["", "a", "a@b", "@b.co", "a@", "a b@c.de", "a@b..co", ".a@b.co", "a@-b.co", "a@b@c.de", "a\0@b.co", &long]
        {
            assert!(!Email::is_valid(bad), "{bad}");
        }
    }
}
