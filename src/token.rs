//! Tokens: JSON Web Tokens signed with HS256 and nothing else.
//!
//! An access token says who calls and lives an hour; a refresh token buys the next one. The kinds never stand in for each
//! other: each has its secret and names its `type`. The earlier server's tokens name no issuer and no audience; they are valid
//! until they expire, while the configuration says so.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::config::TokenConfig;
use crate::error::{Error, Problem, Result};
use crate::ids::UserId;
use crate::time::Timestamp;

/// Bytes of the longest token that is looked at: ours have about 350.
const BYTES_MAX: usize = 4096;

/// What a token says.
#[derive(Serialize, Deserialize)]
struct Claims {
    sub: String,
    exp: i64,
    #[serde(rename = "type")]
    kind: Kind,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    iat: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    iss: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    aud: Option<String>,
}

#[derive(Serialize, Deserialize, PartialEq, Eq, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Access,
    Refresh,
}

/// Signs and verifies tokens.
pub struct Tokens {
    access_signing: EncodingKey,
    access_verifying: Vec<DecodingKey>,
    refresh_signing: EncodingKey,
    validation: Validation,
    terms: TokenConfig,
}

impl Tokens {
    /// Keys and terms from the configuration.
    #[must_use]
    pub fn new(terms: &TokenConfig) -> Self {
        let secrets = std::iter::once(&terms.access_secret).chain(&terms.access_secret_previous);
        Self {
            access_signing: EncodingKey::from_secret(terms.access_secret.expose().as_bytes()),
            access_verifying: secrets.map(|secret| DecodingKey::from_secret(secret.expose().as_bytes())).collect(),
            refresh_signing: EncodingKey::from_secret(terms.refresh_secret.expose().as_bytes()),
            validation: signature_only(),
            terms: terms.clone(),
        }
    }

    /// A new access token for this lifter, and its life in seconds.
    ///
    /// # Errors
    /// `Internal` if signing fails.
    pub fn access(&self, user: UserId, now: Timestamp) -> Result<(String, i64)> {
        let life_s = self.terms.access_life_s;
        let claims = Claims {
            sub: user.to_string(),
            exp: now.unix_s() + life_s,
            kind: Kind::Access,
            iat: Some(now.unix_s()),
            iss: Some(self.terms.issuer.clone()),
            aud: Some(self.terms.audience.clone()),
        };
        Ok((sign(&claims, &self.access_signing)?, life_s))
    }

    /// A new refresh token for this lifter, and its life in seconds. It has the earlier server's form.
    ///
    /// # Errors
    /// `Internal` if signing fails.
    pub fn refresh(&self, user: UserId, now: Timestamp) -> Result<(String, i64)> {
        let life_s = self.terms.refresh_life_s;
        let exp = now.unix_s() + life_s;
        let claims = Claims { sub: user.to_string(), exp, kind: Kind::Refresh, iat: None, iss: None, aud: None };
        Ok((sign(&claims, &self.refresh_signing)?, life_s))
    }

    /// Who an access token speaks for.
    ///
    /// # Errors
    /// `InvalidToken` whatever is wrong with it; the caller does not learn what.
    pub fn verify_access(&self, token: &str, now: Timestamp) -> Result<UserId> {
        if token.len() > BYTES_MAX {
            return Err(Error::new(Problem::InvalidToken));
        }
        let decode = |key| jsonwebtoken::decode::<Claims>(token, key, &self.validation).ok();
        let claims = self.access_verifying.iter().find_map(decode).map(|data| data.claims);
        claims.and_then(|claims| self.subject(&claims, now)).ok_or_else(|| Error::new(Problem::InvalidToken))
    }

    fn subject(&self, claims: &Claims, now: Timestamp) -> Option<UserId> {
        let ours = claims.iss.as_ref() == Some(&self.terms.issuer) && claims.aud.as_ref() == Some(&self.terms.audience);
        let legacy = self.terms.accept_legacy && claims.iss.is_none() && claims.aud.is_none();
        let valid = (ours || legacy) && claims.kind == Kind::Access && claims.exp > now.unix_s();
        let id = Uuid::try_parse(&claims.sub).ok()?;
        valid.then_some(UserId(id))
    }
}

fn sign(claims: &Claims, key: &EncodingKey) -> Result<String> {
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, key).map_err(Error::internal)
}

/// The library checks algorithm and signature; the claims are ours to check, against our clock.
fn signature_only() -> Validation {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    validation
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const NOW: i64 = 1_800_000_000;

    fn tokens() -> Tokens {
        Tokens::new(&TokenConfig {
            access_secret: "access".into(),
            access_secret_previous: Some("before".into()),
            refresh_secret: "refresh".into(),
            access_life_s: 3600,
            refresh_life_s: 86_400,
            accept_legacy: true,
            issuer: "repduel".to_owned(),
            audience: "repduel-api".to_owned(),
        })
    }

    fn at(unix_s: i64) -> Timestamp {
        Timestamp(time::OffsetDateTime::from_unix_timestamp(unix_s).unwrap())
    }

    fn made(algorithm: Algorithm, secret: &str, claims: &Value) -> String {
        jsonwebtoken::encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
    }

    const ID: &str = "6f8dc2bb-9a4c-4b7e-a4f2-0c3d6a1f2b11";

    #[test]
    fn our_own_and_the_earlier_servers_tokens_are_valid_until_they_expire() {
        let user = UserId(Uuid::try_parse(ID).unwrap());
        let (token, life_s) = tokens().access(user, at(NOW)).unwrap();
        assert_eq!(tokens().verify_access(&token, at(NOW + life_s - 1)).unwrap(), user);
        assert!(tokens().verify_access(&token, at(NOW + life_s)).is_err());
        for secret in ["access", "before"] {
            let legacy = made(Algorithm::HS256, secret, &json!({ "sub": ID, "exp": NOW + 1, "type": "access" }));
            assert!(tokens().verify_access(&legacy, at(NOW)).is_ok());
        }
    }

    #[test]
    fn everything_else_is_refused() {
        let good = json!({ "sub": ID, "exp": NOW + 60, "type": "access" });
        let with = |key: &str, value: Value| {
            let mut claims = good.clone();
            claims[key] = value;
            made(Algorithm::HS256, "access", &claims)
        };
        let unsigned = format!(
            "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{}.",
            made(Algorithm::HS256, "x", &good).split('.').nth(1).unwrap()
        );
        let cases = [
            ("wrong secret", made(Algorithm::HS256, "refresh", &good)),
            ("wrong algorithm", made(Algorithm::HS512, "access", &good)),
            ("no algorithm", unsigned),
            ("refresh as access", with("type", json!("refresh"))),
            ("no type", with("type", Value::Null)),
            ("no subject", with("sub", Value::Null)),
            ("not a user", with("sub", json!("admin"))),
            ("foreign issuer", with("iss", json!("elsewhere"))),
            ("foreign audience", with("aud", json!("elsewhere"))),
            ("issuer without audience", with("iss", json!("repduel"))),
            ("expired", with("exp", json!(NOW))),
            ("text for a date", with("exp", json!("tomorrow"))),
            ("garbage", "a.b.c".to_owned()),
            ("empty", String::new()),
            ("huge", "a".repeat(1 << 20)),
        ];
        for (what, token) in cases {
            assert!(tokens().verify_access(&token, at(NOW)).is_err(), "{what}");
        }
    }

    #[test]
    fn legacy_tokens_can_be_switched_off() {
        let mut strict = tokens();
        strict.terms.accept_legacy = false;
        let legacy = made(Algorithm::HS256, "access", &json!({ "sub": ID, "exp": NOW + 60, "type": "access" }));
        assert!(strict.verify_access(&legacy, at(NOW)).is_err());
    }
}
