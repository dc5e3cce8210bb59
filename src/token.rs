//! Tokens: JSON Web Tokens signed with HS256 and nothing else.
//!
//! An access token says who calls, by which session, and lives an hour; a refresh token bears the session's counter and buys
//! the next pair. The kinds never stand in for each other: each has its secret and names its `type`. What is signed follows
//! from the arguments alone, so the same session at the same count has the same token, whoever makes it.
//!
//! Tokens of the earlier server name no issuer, no audience and no session; they are valid until they expire, while the
//! configuration says so. So are access tokens of our own first builds, which name no session yet.

use aws_lc_rs::digest;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::config::{Secret, TokenConfig};
use crate::error::{Error, Problem, Result};
use crate::ids::{SessionId, UserId};
use crate::time::Timestamp;

/// Bytes of the longest token that is looked at: ours have about 400.
pub const BYTES_MAX: usize = 4096;

/// What a token says.
#[derive(Serialize, Deserialize)]
struct Claims {
    sub: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    sid: Option<String>,
    /// The session's counter, in refresh tokens.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    ctr: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    iat: Option<i64>,
    exp: i64,
    #[serde(rename = "type")]
    kind: Kind,
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

/// Whom an access token speaks for. Whether its session still lives is the database's to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// The account.
    pub user: UserId,
    /// The session; none in tokens of the earlier server.
    pub session: Option<SessionId>,
    /// When it was issued; reckoned back from its end where it does not say.
    pub issued_at: Timestamp,
}

/// What a refresh token entitles to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refresh {
    /// The account.
    pub user: UserId,
    /// The session. Of a token of the earlier server it is the one that this token, and no other, opens.
    pub session: SessionId,
    /// How often the session had been refreshed when this token was made.
    pub counter: i32,
    /// When it was issued; reckoned back from its end where it does not say.
    pub issued_at: Timestamp,
    /// When it expires, of a token of the earlier server.
    pub legacy_expires_at: Option<Timestamp>,
}

/// Signs and verifies tokens.
pub struct Tokens {
    access_signing: EncodingKey,
    access_verifying: Vec<DecodingKey>,
    refresh_signing: EncodingKey,
    refresh_verifying: Vec<DecodingKey>,
    validation: Validation,
    terms: TokenConfig,
}

impl Tokens {
    /// Keys and terms from the configuration.
    #[must_use]
    pub fn new(terms: &TokenConfig) -> Self {
        let signing = |secret: &Secret| EncodingKey::from_secret(secret.expose().as_bytes());
        let verifying = |secret: &Secret, previous: &Option<Secret>| {
            let secrets = std::iter::once(secret).chain(previous);
            secrets.map(|secret| DecodingKey::from_secret(secret.expose().as_bytes())).collect()
        };
        Self {
            access_signing: signing(&terms.access_secret),
            access_verifying: verifying(&terms.access_secret, &terms.access_secret_previous),
            refresh_signing: signing(&terms.refresh_secret),
            refresh_verifying: verifying(&terms.refresh_secret, &terms.refresh_secret_previous),
            validation: signature_only(),
            terms: terms.clone(),
        }
    }

    /// An access token of this session, issued at `iat` and valid until `exp`, seconds since the epoch both.
    ///
    /// # Errors
    /// `Internal` if signing fails.
    pub fn access(&self, user: UserId, session: SessionId, iat: i64, exp: i64) -> Result<String> {
        sign(&self.claims(Kind::Access, (user, session, None), iat, exp), &self.access_signing)
    }

    /// The refresh token of this session at this count, issued at `iat` and valid until `exp`.
    ///
    /// # Errors
    /// `Internal` if signing fails.
    pub fn refresh(&self, user: UserId, session: SessionId, counter: i32, iat: i64, exp: i64) -> Result<String> {
        sign(&self.claims(Kind::Refresh, (user, session, Some(counter)), iat, exp), &self.refresh_signing)
    }

    fn claims(&self, kind: Kind, (user, session, ctr): (UserId, SessionId, Option<i32>), iat: i64, exp: i64) -> Claims {
        Claims {
            sub: user.to_string(),
            sid: Some(session.to_string()),
            ctr,
            iat: Some(iat),
            exp,
            kind,
            iss: Some(self.terms.issuer.clone()),
            aud: Some(self.terms.audience.clone()),
        }
    }

    /// Whom an access token speaks for.
    ///
    /// # Errors
    /// `InvalidToken` whatever is wrong with it; the caller does not learn what.
    pub fn verify_access(&self, token: &str, now: Timestamp) -> Result<Access> {
        let claims = self.verify(token, &self.access_verifying, Kind::Access, now);
        claims.and_then(|claims| self.read_access(&claims)).ok_or_else(|| Error::new(Problem::InvalidToken))
    }

    /// What a refresh token entitles to.
    ///
    /// # Errors
    /// `InvalidToken` whatever is wrong with it.
    pub fn verify_refresh(&self, token: &str, now: Timestamp) -> Result<Refresh> {
        let claims = self.verify(token, &self.refresh_verifying, Kind::Refresh, now);
        claims.and_then(|claims| self.read_refresh(&claims)).ok_or_else(|| Error::new(Problem::InvalidToken))
    }

    /// The claims of a token of this kind that one of these keys signed and that has not expired.
    fn verify(&self, token: &str, keys: &[DecodingKey], kind: Kind, now: Timestamp) -> Option<Claims> {
        if token.len() > BYTES_MAX {
            return None;
        }
        let decode = |key| jsonwebtoken::decode::<Claims>(token, key, &self.validation).ok();
        let claims = keys.iter().find_map(decode)?.claims;
        (claims.kind == kind && claims.exp > now.unix_s()).then_some(claims)
    }

    fn read_access(&self, claims: &Claims) -> Option<Access> {
        let session = match &claims.sid {
            Some(sid) => Some(session_id(sid)?),
            None => None,
        };
        let valid = match session {
            Some(_) => self.is_ours(claims),
            None => self.terms.accept_legacy && (self.is_ours(claims) || is_legacy(claims)),
        };
        let issued_at = issued_at(claims, self.terms.access_life_s)?;
        valid.then_some(Access { user: user_id(claims)?, session, issued_at })
    }

    fn read_refresh(&self, claims: &Claims) -> Option<Refresh> {
        let user = user_id(claims)?;
        let issued_at = issued_at(claims, self.terms.refresh_life_s)?;
        match (&claims.sid, claims.ctr) {
            (Some(sid), Some(counter)) if self.is_ours(claims) => {
                Some(Refresh { user, session: session_id(sid)?, counter, issued_at, legacy_expires_at: None })
            }
            (None, None) if self.terms.accept_legacy && is_legacy(claims) => {
                let session = legacy_session(user, claims.exp);
                let legacy_expires_at = Some(Timestamp::from_unix_s(claims.exp)?);
                Some(Refresh { user, session, counter: 0, issued_at, legacy_expires_at })
            }
            _ => None,
        }
    }

    fn is_ours(&self, claims: &Claims) -> bool {
        claims.iss.as_ref() == Some(&self.terms.issuer) && claims.aud.as_ref() == Some(&self.terms.audience)
    }
}

fn is_legacy(claims: &Claims) -> bool {
    claims.iss.is_none() && claims.aud.is_none()
}

fn user_id(claims: &Claims) -> Option<UserId> {
    Uuid::try_parse(&claims.sub).ok().map(UserId)
}

fn session_id(sid: &str) -> Option<SessionId> {
    Uuid::try_parse(sid).ok().map(SessionId)
}

fn issued_at(claims: &Claims, life_s: i64) -> Option<Timestamp> {
    Timestamp::from_unix_s(claims.iat.unwrap_or(claims.exp.saturating_sub(life_s)))
}

/// The session that a refresh token of the earlier server opens: a hash of all that the token says. Not of its text, because
/// base64 can write the same signature in more than one way.
fn legacy_session(user: UserId, exp: i64) -> SessionId {
    let text = format!("a refresh token of the earlier server, for {user}, until {exp}");
    let hash = digest::digest(&digest::SHA256, text.as_bytes());
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(hash.as_ref()).for_each(|(byte, hashed)| *byte = *hashed);
    SessionId(uuid::Builder::from_bytes(bytes).with_version(uuid::Version::Custom).into_uuid())
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
    const ID: &str = "6f8dc2bb-9a4c-4b7e-a4f2-0c3d6a1f2b11";
    const SID: &str = "b6a1e7ce-5a0e-4c55-8f3a-7d6f0c1d2e3f";

    fn terms() -> TokenConfig {
        TokenConfig {
            access_secret: "access".into(),
            access_secret_previous: Some("access before".into()),
            refresh_secret: "refresh".into(),
            refresh_secret_previous: Some("refresh before".into()),
            access_life_s: 3600,
            refresh_life_s: 86_400,
            refresh_strict: false,
            accept_legacy: true,
            issuer: "repduel".to_owned(),
            audience: "repduel-api".to_owned(),
        }
    }

    pub fn tokens() -> Tokens {
        Tokens::new(&terms())
    }

    pub fn at(unix_s: i64) -> Timestamp {
        Timestamp::from_unix_s(unix_s).unwrap()
    }

    fn ids() -> (UserId, SessionId) {
        (UserId(Uuid::try_parse(ID).unwrap()), SessionId(Uuid::try_parse(SID).unwrap()))
    }

    fn made(algorithm: Algorithm, secret: &str, claims: &Value) -> String {
        let key = EncodingKey::from_secret(secret.as_bytes());
        jsonwebtoken::encode(&Header::new(algorithm), claims, &key).unwrap()
    }

    fn claims_of(token: &str) -> Value {
        let decoded = jsonwebtoken::dangerous::insecure_decode::<Value>(token).unwrap();
        decoded.claims
    }

    /// What the earlier server put into its tokens.
    fn legacy(kind: &str) -> Value {
        json!({ "sub": ID, "exp": NOW + 60, "type": kind })
    }

    #[test]
    fn tokens_say_who_and_by_which_session_and_are_valid_until_they_expire() {
        let (user, session) = ids();
        let access = tokens().access(user, session, NOW, NOW + 3600).unwrap();
        let refresh = tokens().refresh(user, session, 7, NOW, NOW + 86_400).unwrap();
        let common = json!({ "sub": ID, "sid": SID, "iat": NOW, "iss": "repduel", "aud": "repduel-api" });
        let with = |more: Value| {
            let mut all = common.clone();
            all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            all
        };
        assert_eq!(claims_of(&access), with(json!({ "exp": NOW + 3600, "type": "access" })));
        assert_eq!(claims_of(&refresh), with(json!({ "exp": NOW + 86_400, "type": "refresh", "ctr": 7 })));
        let expected = Access { user, session: Some(session), issued_at: at(NOW) };
        assert_eq!(tokens().verify_access(&access, at(NOW + 3599)).unwrap(), expected);
        assert!(tokens().verify_access(&access, at(NOW + 3600)).is_err());
        let expected = Refresh { user, session, counter: 7, issued_at: at(NOW), legacy_expires_at: None };
        assert_eq!(tokens().verify_refresh(&refresh, at(NOW + 86_399)).unwrap(), expected);
        assert!(tokens().verify_refresh(&refresh, at(NOW + 86_400)).is_err());
        assert_eq!(refresh, tokens().refresh(user, session, 7, NOW, NOW + 86_400).unwrap());
    }

    #[test]
    fn tokens_of_the_earlier_server_are_valid_and_each_opens_a_session_of_its_own() {
        for secret in ["access", "access before"] {
            let access = tokens().verify_access(&made(Algorithm::HS256, secret, &legacy("access")), at(NOW)).unwrap();
            assert_eq!(access, Access { user: ids().0, session: None, issued_at: at(NOW + 60 - 3600) });
        }
        for secret in ["refresh", "refresh before"] {
            let token = made(Algorithm::HS256, secret, &legacy("refresh"));
            let refresh = tokens().verify_refresh(&token, at(NOW)).unwrap();
            assert_eq!((refresh.user, refresh.counter), (ids().0, 0));
            assert_eq!(refresh.legacy_expires_at, Some(at(NOW + 60)));
            assert_eq!(refresh.issued_at, at(NOW + 60 - 86_400));
            assert_eq!(refresh.session, legacy_session(ids().0, NOW + 60));
        }
        assert_ne!(legacy_session(ids().0, NOW), legacy_session(ids().0, NOW + 1));
        assert_ne!(legacy_session(ids().0, NOW), legacy_session(UserId(Uuid::nil()), NOW));
    }

    #[test]
    fn an_access_token_of_our_first_builds_names_no_session() {
        let mut claims = legacy("access");
        claims["iat"] = json!(NOW - 5);
        claims["iss"] = json!("repduel");
        claims["aud"] = json!("repduel-api");
        let access = tokens().verify_access(&made(Algorithm::HS256, "access", &claims), at(NOW)).unwrap();
        assert_eq!(access, Access { user: ids().0, session: None, issued_at: at(NOW - 5) });
    }

    /// Tokens that nobody takes, of either kind.
    fn refused(kind: &str, secret: &str, others: [&str; 2]) -> Vec<(&'static str, String)> {
        let good = legacy(kind);
        let with = |pairs: &[(&str, Value)]| {
            let mut claims = good.clone();
            pairs.iter().for_each(|(key, value)| claims[*key] = value.clone());
            made(Algorithm::HS256, secret, &claims)
        };
        let payload = made(Algorithm::HS256, "x", &good).split('.').nth(1).unwrap().to_owned();
        let ours = [("iss", json!("repduel")), ("aud", json!("repduel-api"))];
        vec![
            ("the other secret", made(Algorithm::HS256, others[0], &good)),
            ("a stranger's secret", made(Algorithm::HS256, "x", &good)),
            ("the other algorithm", made(Algorithm::HS512, secret, &good)),
            ("no algorithm", format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{payload}.")),
            ("the other kind", with(&[("type", json!(others[1]))])),
            ("no kind", with(&[("type", Value::Null)])),
            ("no subject", with(&[("sub", Value::Null)])),
            ("not a user", with(&[("sub", json!("admin"))])),
            ("a foreign issuer", with(&[("iss", json!("elsewhere")), ours[1].clone()])),
            ("a foreign audience", with(&[ours[0].clone(), ("aud", json!("elsewhere"))])),
            ("an issuer without an audience", with(&[ours[0].clone()])),
            ("a session without an issuer", with(&[("sid", json!(SID)), ("ctr", json!(1))])),
            ("a session that is none", with(&[ours[0].clone(), ours[1].clone(), ("sid", json!("x"))])),
            ("expired", with(&[("exp", json!(NOW))])),
            ("no time in the calendar", with(&[("exp", json!(i64::MAX))])),
            ("text for a date", with(&[("exp", json!("tomorrow"))])),
            ("garbage", "a.b.c".to_owned()),
            ("nothing", String::new()),
            ("huge", "a".repeat(1 << 20)),
        ]
    }

    #[test]
    fn everything_else_is_refused() {
        for (what, token) in refused("access", "access", ["refresh", "refresh"]) {
            assert!(tokens().verify_access(&token, at(NOW)).is_err(), "{what}");
        }
        for (what, token) in refused("refresh", "refresh", ["access", "access"]) {
            assert!(tokens().verify_refresh(&token, at(NOW)).is_err(), "{what}");
        }
        let (user, session) = ids();
        let access = tokens().access(user, session, NOW, NOW + 60).unwrap();
        let refresh = tokens().refresh(user, session, 0, NOW, NOW + 60).unwrap();
        assert!(tokens().verify_access(&refresh, at(NOW)).is_err());
        assert!(tokens().verify_refresh(&access, at(NOW)).is_err());
    }

    #[test]
    fn legacy_tokens_can_be_switched_off() {
        let strict = Tokens::new(&TokenConfig { accept_legacy: false, ..terms() });
        assert!(strict.verify_access(&made(Algorithm::HS256, "access", &legacy("access")), at(NOW)).is_err());
        assert!(strict.verify_refresh(&made(Algorithm::HS256, "refresh", &legacy("refresh")), at(NOW)).is_err());
        let (user, session) = ids();
        assert!(strict.verify_access(&strict.access(user, session, NOW, NOW + 60).unwrap(), at(NOW)).is_ok());
    }
}

#[cfg(test)]
mod properties;
