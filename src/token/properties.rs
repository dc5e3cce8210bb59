//! What is true of the tokens of every session, and of what is no token.

use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::tests::{at, tokens};
use super::*;
use crate::property;

/// A session of somebody, with an instant from 1970 to the year 2286 and a life of up to a month.
#[derive(Clone, Copy, Debug)]
struct Issued {
    user: UserId,
    session: SessionId,
    counter: i32,
    iat: i64,
    exp: i64,
}

impl Issued {
    fn access_by(self, tokens: &Tokens) -> String {
        tokens.access(self.user, self.session, self.iat, self.exp).unwrap()
    }

    fn refresh_by(self, tokens: &Tokens) -> String {
        tokens.refresh(self.user, self.session, self.counter, self.iat, self.exp).unwrap()
    }

    /// What its access token says.
    fn as_access(self) -> Access {
        Access { user: self.user, session: Some(self.session), issued_at: at(self.iat) }
    }

    /// What its refresh token says.
    fn as_refresh(self) -> Refresh {
        let Self { user, session, counter, .. } = self;
        Refresh { user, session, counter, issued_at: at(self.iat), legacy_expires_at: None }
    }
}

fn issued() -> impl Strategy<Value = Issued> {
    let parts = (any::<u128>(), any::<u128>(), any::<i32>(), 0..10_000_000_000_i64, 1..3_000_000_i64);
    parts.prop_map(|(user, session, counter, iat, life_s)| Issued {
        user: UserId(Uuid::from_u128(user)),
        session: SessionId(Uuid::from_u128(session)),
        counter,
        iat,
        exp: iat + life_s,
    })
}

#[test]
fn tokens_speak_for_their_session_until_their_last_second() {
    let offs = prop_oneof![-2..=2_i64, -3_000_000..3_000_000_i64];
    property::holds((issued(), offs), |(issued, off)| {
        let now = issued.exp.saturating_add(off).max(0);
        let lives = now < issued.exp;
        let access = tokens().verify_access(&issued.access_by(&tokens()), at(now)).ok();
        assert_eq!(access, Some(issued.as_access()).filter(|_| lives));
        let refresh = tokens().verify_refresh(&issued.refresh_by(&tokens()), at(now)).ok();
        assert_eq!(refresh, Some(issued.as_refresh()).filter(|_| lives));
    });
}

#[test]
fn a_token_of_one_kind_is_none_of_the_other_whatever_the_secrets_are() {
    property::holds(issued(), |issued| {
        let mut same_secret = tokens().terms;
        same_secret.refresh_secret = same_secret.access_secret.clone();
        let tokens = Tokens::new(&same_secret);
        assert!(tokens.verify_access(&issued.refresh_by(&tokens), at(issued.iat)).is_err());
        assert!(tokens.verify_refresh(&issued.access_by(&tokens), at(issued.iat)).is_err());
    });
}

#[test]
fn a_token_with_another_letter_anywhere_is_none() {
    property::holds((issued(), any::<Index>(), "[A-Za-z0-9_.=-]"), |(issued, place, letter)| {
        let token = issued.access_by(&tokens());
        let place = place.index(token.len());
        let changed = format!("{}{letter}{}", &token[..place], &token[place + 1..]);
        assert_eq!(tokens().verify_access(&changed, at(issued.iat)).is_ok(), changed == token, "{changed}");
        assert!(tokens().verify_access(&token[..place], at(issued.iat)).is_err());
    });
}

#[test]
fn whoever_knows_another_secret_is_nobody() {
    let secrets =
        prop_oneof!["[a-z]{1,40}", select(vec!["access", "access before", "refresh"]).prop_map(str::to_owned)];
    property::holds((issued(), secrets), |(issued, secret)| {
        let mut theirs = tokens().terms;
        theirs.access_secret = secret.as_str().into();
        let token = issued.access_by(&Tokens::new(&theirs));
        let known = ["access", "access before"].contains(&secret.as_str());
        assert_eq!(tokens().verify_access(&token, at(issued.iat)).is_ok(), known);
    });
}

#[test]
fn each_token_of_the_earlier_server_opens_the_same_session_however_often_and_no_other_does() {
    property::holds((issued(), issued(), any::<bool>()), |(one, other, same_user)| {
        let other = if same_user { Issued { user: one.user, ..other } } else { Issued { exp: one.exp, ..other } };
        let session = |issued: Issued| {
            let Issued { user, exp, .. } = issued;
            let claims = Claims {
                sub: user.to_string(),
                sid: None,
                ctr: None,
                iat: None,
                exp,
                kind: Kind::Refresh,
                iss: None,
                aud: None,
            };
            let token = sign(&claims, &tokens().refresh_signing).unwrap();
            tokens().verify_refresh(&token, at(exp - 1)).unwrap().session
        };
        assert_eq!(session(one), session(one));
        let are_same = one.user == other.user && one.exp == other.exp;
        assert_eq!(session(one) == session(other), are_same);
    });
}
