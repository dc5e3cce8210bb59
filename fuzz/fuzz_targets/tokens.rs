//! Access and refresh tokens: any text, and any head and claims with a true signature. Never a panic, and nobody is let in but
//! on the claims that a token has to have.

#![no_main]

use std::sync::LazyLock;

use jsonwebtoken::{Algorithm, EncodingKey};
use libfuzzer_sys::fuzz_target;
use repduel_backend::config::TokenConfig;
use repduel_backend::ids::UserId;
use repduel_backend::time::Timestamp;
use repduel_backend::token::Tokens;
use serde_json::Value;
use time::macros::datetime;
use uuid::Uuid;

const SECRET: &str = "the access secret";
const REFRESH_SECRET: &str = "the refresh secret";
const NOW: Timestamp = Timestamp(datetime!(2027-01-15 09:00 UTC));

static TOKENS: LazyLock<Tokens> = LazyLock::new(|| {
    Tokens::new(&TokenConfig {
        access_secret: SECRET.into(),
        access_secret_previous: Some("the one before".into()),
        refresh_secret: REFRESH_SECRET.into(),
        refresh_secret_previous: Some("the refresh secret before".into()),
        access_life_s: 3600,
        refresh_life_s: 86_400,
        refresh_strict: false,
        accept_legacy: true,
        issuer: "repduel".to_owned(),
        audience: "repduel-api".to_owned(),
    })
});

fn base64url(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for piece in bytes.chunks(3) {
        let bits = piece.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - piece.len()));
        for at in 0..=piece.len() {
            text.push(char::from(LETTERS[(bits >> (18 - 6 * at)) as usize & 63]));
        }
    }
    text
}

/// A token with this head and these claims, signed with this secret.
fn signed(head: &str, claims: &str, secret: &str) -> String {
    let message = format!("{}.{}", base64url(head.as_bytes()), base64url(claims.as_bytes()));
    let key = EncodingKey::from_secret(secret.as_bytes());
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).expect("HS256 signs");
    format!("{message}.{signature}")
}

fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

fn id(claim: &Value) -> Option<Uuid> {
    claim.as_str().and_then(|id| Uuid::try_parse(id).ok())
}

/// Whether these are the words of a token of this kind that has not expired: one of ours, or one of the earlier server.
fn counts(head: &str, claims: &str, kind: &str, user: UserId) -> bool {
    let (head, claims) = (read(head), read(claims));
    let named = (claims["iss"].as_str(), claims["aud"].as_str());
    let ours = named == (Some("repduel"), Some("repduel-api"));
    let legacy = claims["iss"].is_null() && claims["aud"].is_null() && claims["sid"].is_null();
    head["alg"] == "HS256"
        && claims["type"] == kind
        && (ours || legacy)
        && claims["exp"].as_i64().is_some_and(|exp| exp > NOW.unix_s())
        && id(&claims["sub"]) == Some(user.0)
}

fuzz_target!(|input: &str| {
    assert!(TOKENS.verify_access(input, NOW).is_err(), "nobody knows the secret");
    assert!(TOKENS.verify_refresh(input, NOW).is_err(), "nobody knows the secret");
    let (head, claims) = input.split_once('\n').unwrap_or((r#"{"typ":"JWT","alg":"HS256"}"#, input));
    if let Ok(access) = TOKENS.verify_access(&signed(head, claims, SECRET), NOW) {
        assert!(counts(head, claims, "access", access.user), "{head} {claims}");
        assert_eq!(access.session.map(|session| session.0), id(&read(claims)["sid"]), "{claims}");
    }
    let refresh_token = signed(head, claims, REFRESH_SECRET);
    assert!(TOKENS.verify_access(&refresh_token, NOW).is_err(), "a refresh token opens nothing");
    if let Ok(refresh) = TOKENS.verify_refresh(&refresh_token, NOW) {
        assert!(counts(head, claims, "refresh", refresh.user), "{head} {claims}");
        assert_eq!(refresh.legacy_expires_at.is_some(), read(claims)["sid"].is_null(), "{claims}");
    }
});
