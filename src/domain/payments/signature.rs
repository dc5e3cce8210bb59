//! Who may speak to the webhooks: Stripe by a signature over the bytes that it sent, RevenueCat by a token that was agreed on.
//! Both are compared in constant time.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;

use crate::time::Timestamp;

/// Seconds between a signature and its arrival, either way: what is older may have been caught and sent again by a stranger.
const TOLERANCE_S: i64 = 300;

/// What a `Stripe-Signature` header holds.
struct Signed<'a> {
    at_s: i64,
    at: &'a str,
    signatures: Vec<Vec<u8>>,
}

/// Reads `t=…,v1=…[,v1=…]`. Schemes that are not known are skipped; anything but pairs is no such header.
fn parse(header: &str) -> Option<Signed<'_>> {
    let (mut at, mut signatures) = (None, Vec::new());
    for part in header.split(',') {
        match part.split_once('=')? {
            ("t", _) if at.is_some() => return None,
            ("t", text) if text.bytes().all(|byte| byte.is_ascii_digit()) => at = Some(text),
            ("t", _) => return None,
            ("v1", hex) => signatures.extend(from_hex(hex)),
            _ => {}
        }
    }
    let at = at?;
    Some(Signed { at_s: at.parse().ok()?, at, signatures })
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    };
    text.as_bytes().chunks(2).map(pair).collect()
}

/// Whether Stripe signed these bytes, with this secret and not long ago.
#[must_use]
pub fn is_stripes(header: &str, body: &[u8], secret: &str, now: Timestamp) -> bool {
    let Some(signed) = parse(header) else { return false };
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let message = [signed.at.as_bytes(), b".", body].concat();
    let fits = signed.signatures.iter().any(|signature| hmac::verify(&key, &message, signature).is_ok());
    let age_s = now.unix_s().saturating_sub(signed.at_s);
    fits && (-TOLERANCE_S..=TOLERANCE_S).contains(&age_s)
}

/// Whether these are the same. Digests are compared, so that not even the length can be told by the time it takes.
#[must_use]
pub fn is_token(given: &[u8], token: &str) -> bool {
    let (given, token) = (digest(&SHA256, given), digest(&SHA256, token.as_bytes()));
    verify_slices_are_equal(given.as_ref(), token.as_ref()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::OffsetDateTime;

    const SECRET: &str = "whsec_test";
    const BODY: &[u8] = br#"{"id":"evt_1"}"#;
    const NOW_S: i64 = 1_700_000_000;

    fn now() -> Timestamp {
        Timestamp(OffsetDateTime::from_unix_timestamp(NOW_S).unwrap())
    }

    fn v1(secret: &str, at: &str, body: &[u8]) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let tag = hmac::sign(&key, &[at.as_bytes(), b".", body].concat());
        tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn fits(header: &str) -> bool {
        is_stripes(header, BODY, SECRET, now())
    }

    #[test]
    fn the_scheme_is_the_published_one() {
        // Computed by another program: printf '1700000000.{"id":"evt_1"}' | openssl dgst -sha256 -hmac whsec_test
        let published = include_str!("../../../tests/data/stripe_signature.txt").trim();
        assert_eq!(v1(SECRET, "1700000000", BODY), published);
        assert!(fits(&format!("t=1700000000,v1={published}")));
    }

    #[test]
    fn one_good_signature_among_several_is_enough() {
        let good = v1(SECRET, "1700000000", BODY);
        let bad = v1("other", "1700000000", BODY);
        for header in [
            format!("t=1700000000,v1={bad},v1={good}"),
            format!("v1={good},t=1700000000,v0={bad}"),
            format!("t=1700000000,v1=zz,v1=,v1={good},v2=x=y"),
            format!("t=1700000000,v1={}", good.to_uppercase()),
        ] {
            assert!(fits(&header), "{header}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let good = v1(SECRET, "1700000000", BODY);
        for header in [
            String::new(),
            good.clone(),
            "t=1700000000".to_owned(),
            format!("v1={good}"),
            format!("t=1700000001,v1={good}"),
            format!("t=,v1={good}"),
            format!("t=+1700000000,v1={good}"),
            format!("t=1700000000,v1={good},x"),
            format!("t=1700000000,t=1700000000,v1={good}"),
            format!("t=1700000000,v0={good}"),
            format!("t=1700000000 ,v1={good}"),
            format!("t=1700000000, v1={good}"),
            format!("t=1700000000,v1={}", &good[..62]),
            format!("t=1700000000,v1={}", v1("other", "1700000000", BODY)),
            format!("t=99999999999999999999,v1={good}"),
        ] {
            assert!(!fits(&header), "{header}");
        }
        for index in 0..BODY.len() {
            let mut changed = BODY.to_vec();
            changed[index] ^= 1;
            let header = format!("t=1700000000,v1={good}");
            assert!(!is_stripes(&header, &changed, SECRET, now()));
        }
    }

    #[test]
    fn signatures_are_good_for_five_minutes_either_way() {
        for (offset, good) in [(0, true), (300, true), (-300, true), (301, false), (-301, false)] {
            let at = (NOW_S + offset).to_string();
            assert_eq!(fits(&format!("t={at},v1={}", v1(SECRET, &at, BODY))), good, "{offset}");
        }
        let at = i64::MAX.to_string();
        assert!(!fits(&format!("t={at},v1={}", v1(SECRET, &at, BODY))));
    }

    #[test]
    fn tokens_are_the_same_or_not() {
        assert!(is_token(b"token", "token"));
        for given in [&b""[..], b"toke", b"tokenn", b"Token", b"Bearer token", b"t\xffken"] {
            assert!(!is_token(given, "token"));
        }
    }
}
