//! Secrets and terms of tokens, and the cookie that bears one.

use super::reader::Reader;
use super::{AppEnv, Secret};

/// Secrets and terms of tokens.
#[derive(Clone, Debug)]
pub struct TokenConfig {
    /// Signs access tokens.
    pub access_secret: Secret,
    /// Verifies access tokens of before the last rotation.
    pub access_secret_previous: Option<Secret>,
    /// Signs refresh tokens.
    pub refresh_secret: Secret,
    /// Verifies refresh tokens of before the last rotation.
    pub refresh_secret_previous: Option<Secret>,
    /// Life of an access token.
    pub access_life_s: i64,
    /// Time that a session lasts without a refresh.
    pub refresh_life_s: i64,
    /// Whether the last refresh token but one ends its session outside of the grace.
    pub refresh_strict: bool,
    /// Whether tokens without a session are valid.
    pub accept_legacy: bool,
    /// The `iss` claim.
    pub issuer: String,
    /// The `aud` claim.
    pub audience: String,
}

/// Bytes a signing secret must have in production: as many as the digest that it keys (RFC 7518, 3.2).
const SECRET_BYTES_MIN: usize = 32;

impl TokenConfig {
    pub(super) fn read(reader: &mut Reader<'_>, app_env: AppEnv) -> Self {
        let access_secret = read_secret(reader, "JWT_SECRET_KEY", app_env).unwrap_or_else(|| {
            reader.fail("JWT_SECRET_KEY", "be set");
            Secret(String::new())
        });
        let access_secret_previous = read_secret(reader, "JWT_SECRET_KEY_PREVIOUS", app_env);
        let refresh_secret = read_secret(reader, "REFRESH_JWT_SECRET_KEY", app_env);
        let refresh_secret_previous = read_secret(reader, "REFRESH_JWT_SECRET_KEY_PREVIOUS", app_env);
        // One secret for both kinds is rotated as one.
        let shared_previous = access_secret_previous.clone().filter(|_| refresh_secret.is_none());
        Self {
            refresh_secret: refresh_secret.unwrap_or_else(|| access_secret.clone()),
            refresh_secret_previous: refresh_secret_previous.or(shared_previous),
            access_secret,
            access_secret_previous,
            access_life_s: 60 * reader.integer("ACCESS_TOKEN_EXPIRE_MINUTES", 1, 60 * 24),
            refresh_life_s: 86_400 * reader.integer("REFRESH_TOKEN_EXPIRE_DAYS", 1, 365),
            refresh_strict: reader.switch("REFRESH_STRICT"),
            accept_legacy: reader.switch("ACCEPT_LEGACY_TOKENS"),
            issuer: reader.text("TOKEN_ISSUER"),
            audience: reader.text("TOKEN_AUDIENCE"),
        }
    }
}

fn read_secret(reader: &mut Reader<'_>, name: &'static str, app_env: AppEnv) -> Option<Secret> {
    let secret = reader.secret(name)?;
    if app_env == AppEnv::Production && secret.0.len() < SECRET_BYTES_MIN {
        reader.fail(name, &format!("have at least {SECRET_BYTES_MIN} bytes in production"));
    }
    Some(secret)
}

/// Bearer token of the admin routes.
pub(super) fn admin_token(reader: &mut Reader<'_>, app_env: AppEnv) -> Option<Secret> {
    read_secret(reader, "ADMIN_API_TOKEN", app_env)
}

/// Attributes of the refresh cookie.
#[derive(Clone, Debug)]
pub struct CookieConfig {
    /// `Domain`.
    pub domain: Option<String>,
    /// `Secure`.
    pub secure: bool,
    /// `SameSite`.
    pub same_site: SameSite,
}

/// The `SameSite` attribute of the refresh cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameSite {
    /// Sent across sites; needs `Secure`.
    None,
    /// Sent on top-level navigation only.
    Lax,
    /// Never sent across sites.
    Strict,
}

impl SameSite {
    /// As the cookie's attribute is written.
    #[must_use]
    pub const fn attribute(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Lax => "Lax",
            Self::Strict => "Strict",
        }
    }
}

impl CookieConfig {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let domain = reader.optional("COOKIE_DOMAIN");
        let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || ".-".contains(c));
        if !domain.as_deref().is_none_or(plain) {
            reader.fail("COOKIE_DOMAIN", "be a host name");
        }
        let cookie = Self {
            domain,
            secure: reader.switch("COOKIE_SECURE"),
            same_site: reader.parsed("COOKIE_SAMESITE", "be none, lax or strict", SameSite::Strict, |text| match text
                .to_ascii_lowercase()
                .as_str()
            {
                "none" => Some(SameSite::None),
                "lax" => Some(SameSite::Lax),
                "strict" => Some(SameSite::Strict),
                _ => None,
            }),
        };
        if cookie.same_site == SameSite::None && !cookie.secure {
            reader.fail("COOKIE_SECURE", "be true while COOKIE_SAMESITE is none: browsers drop such a cookie");
        }
        cookie
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{LEAST, PRODUCTION, config};

    #[test]
    fn production_wants_long_secrets() {
        let pairs = [PRODUCTION.as_slice(), &[LEAST[0], LEAST[1]]].concat();
        assert_eq!(config(&pairs).unwrap_err().0, ["JWT_SECRET_KEY must have at least 32 bytes in production"]);
    }
}
