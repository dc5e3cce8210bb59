//! Refresh tokens that are none of ours, and secrets that change.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use super::{
    NOW, Tokens, by_body, by_cookie, claims, counter, lifter, log_in, logged_in, login_request, me, refreshed,
};
use crate::support::app::SECRET;
use crate::support::{PASSWORD, Request, Served, TestApp};

const REFRESH_SECRET: &str = "refresh-secret-of-the-tests-987654321";

fn signed(claims: &Value, algorithm: Algorithm, secret: &str) -> String {
    jsonwebtoken::encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
}

/// The token with one character of this part changed to another one of its alphabet.
fn spoilt(token: &str, part: usize) -> String {
    let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    let first = if parts[part].starts_with('A') { "B" } else { "A" };
    parts[part].replace_range(..1, first);
    parts.join(".")
}

#[tokio::test]
async fn a_refresh_token_that_is_not_ours_is_refused() {
    let app = TestApp::with_clock(NOW).await;
    let (_, tokens) = logged_in(&app, "ada").await;
    let good = claims(&tokens.refresh);
    let with = |key: &str, value: Value| {
        let mut claims = good.clone();
        claims[key] = value;
        signed(&claims, Algorithm::HS256, REFRESH_SECRET)
    };
    let [_, payload, signature] = tokens.refresh.split('.').collect::<Vec<_>>().try_into().unwrap();
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0"; // {"alg":"none","typ":"JWT"}
    let cases = [
        ("no algorithm", format!("{none}.{payload}.")),
        ("no algorithm, signed", format!("{none}.{payload}.{signature}")),
        ("another algorithm", signed(&good, Algorithm::HS512, REFRESH_SECRET)),
        ("the access secret", signed(&good, Algorithm::HS256, SECRET)),
        ("a stranger's secret", signed(&good, Algorithm::HS256, "a-strangers-secret-0123456789abcdef")),
        ("an access token", tokens.access.clone()),
        ("an access token by the refresh secret", with("type", json!("access"))),
        ("a changed header", spoilt(&tokens.refresh, 0)),
        ("a changed payload", spoilt(&tokens.refresh, 1)),
        ("a changed signature", spoilt(&tokens.refresh, 2)),
        ("a cut signature", tokens.refresh[..tokens.refresh.len() - 2].to_owned()),
        ("expired", with("exp", json!(NOW))),
        ("an end beyond the calendar", with("exp", json!(i64::MIN))),
        ("a count that is none", with("ctr", json!("0"))),
        ("a count beyond counting", with("ctr", json!(i64::MAX))),
        ("a count ahead", with("ctr", json!(1))),
        ("no count", with("ctr", Value::Null)),
        ("another session", with("sid", json!(uuid::Uuid::new_v4()))),
        ("a session that is none", with("sid", json!("'; drop table sessions"))),
        ("no session", with("sid", Value::Null)),
        ("another issuer", with("iss", json!("elsewhere"))),
        ("no audience", with("aud", Value::Null)),
        ("nobody", with("sub", json!("nobody"))),
        ("garbage", "a.b.c".to_owned()),
        ("no token", "x".repeat(4096)),
    ];
    for (what, token) in &cases {
        let by_body = by_body(app.address, token).send().await;
        assert_eq!((by_body.status, what), (401, what));
        by_body.unauthorized();
        let by_cookie = by_cookie(app.address, token).send().await;
        assert_eq!((by_cookie.status, what), (401, what));
        assert!(by_cookie.header("set-cookie").is_none() && by_cookie.header("cache-control") == Some("no-store"));
        by_cookie.unauthorized();
    }
    by_cookie(app.address, &"x".repeat(60_000)).send().await.unauthorized();
    by_body(app.address, &"x".repeat(60_000)).send().await.invalid(&["/refresh_token"]);
    assert_eq!(counter(&app, tokens.session).await, 0);
    // What was spoilt each time is good as it was.
    refreshed(&app, &signed(&good, Algorithm::HS256, REFRESH_SECRET)).await;
    assert_eq!(counter(&app, tokens.session).await, 1);
}

#[tokio::test]
async fn an_access_token_for_the_session_of_another_is_refused() {
    let app = TestApp::with_clock(NOW).await;
    let (ada, _) = logged_in(&app, "ada").await;
    let (_, bobs) = logged_in(&app, "bob").await;
    let mut claims = claims(&bobs.access);
    claims["sub"] = json!(ada);
    me(app.address, &signed(&claims, Algorithm::HS256, SECRET)).await.unauthorized();
    claims["sid"] = json!("x");
    me(app.address, &signed(&claims, Algorithm::HS256, SECRET)).await.unauthorized();
}

/// What a client does through a change of secrets.
async fn refresh_at(server: &Served, tokens: &Tokens) -> Tokens {
    Request::new(server.address, "GET", super::ME).bearer(&tokens.access).send().await.expect(200);
    Tokens::of(&by_body(server.address, &tokens.refresh).send().await.expect(200))
}

#[tokio::test]
async fn a_change_of_both_secrets_logs_nobody_out() {
    let app = TestApp::start().await;
    let url = crate::faults::database_url(&app);
    lifter(&app, "ada").await;
    let [old, new, old_refresh, new_refresh] =
        ["old access secret", "new access secret", "old refresh secret", "new refresh secret"]
            .map(|name| name.repeat(2));
    let start = async |access: &str, refresh: Option<&str>, previous: &[(&str, &str)]| {
        let mut variables = vec![("DATABASE_URL", url.as_str()), ("JWT_SECRET_KEY", access)];
        variables.extend(refresh.map(|secret| ("REFRESH_JWT_SECRET_KEY", secret)));
        variables.extend(previous);
        Served::start(&variables).await
    };
    let log_in = async |server: &Served| {
        let login = login_request(server.address, "/api/v1/login", "ada", PASSWORD);
        Tokens::of(&login.send().await.expect(200))
    };
    // Two secrets.
    let before = start(&old, Some(&old_refresh), &[]).await;
    let tokens = log_in(&before).await;
    let previous = [("JWT_SECRET_KEY_PREVIOUS", old.as_str()), ("REFRESH_JWT_SECRET_KEY_PREVIOUS", &old_refresh)];
    let after = start(&new, Some(&new_refresh), &previous).await;
    let next = refresh_at(&after, &tokens).await;
    let lost = Tokens::of(&by_body(after.address, &tokens.refresh).send().await.expect(200));
    assert_eq!(lost.refresh, next.refresh, "the pair of a lost answer is signed anew");
    refresh_at(&after, &next).await;
    let last = start(&new, Some(&new_refresh), &[]).await;
    by_body(last.address, &tokens.refresh).send().await.unauthorized();
    // One secret for both kinds.
    let before = start(&old, None, &[]).await;
    let tokens = log_in(&before).await;
    let after = start(&new, None, &[("JWT_SECRET_KEY_PREVIOUS", &old)]).await;
    let next = refresh_at(&after, &tokens).await;
    let last = start(&new, None, &[]).await;
    refresh_at(&last, &next).await;
    by_body(last.address, &tokens.refresh).send().await.unauthorized();
    // From one secret to two.
    let tokens = log_in(&last).await;
    let after = start(&new, Some(&new_refresh), &[("REFRESH_JWT_SECRET_KEY_PREVIOUS", &new)]).await;
    refresh_at(&after, &tokens).await;
}

#[tokio::test]
async fn bodies_without_a_usable_token_are_told_so() {
    let app = TestApp::start().await;
    logged_in(&app, "ada").await;
    let path = super::BY_BODY;
    for (body, at) in [(json!({}), "/refresh_token"), (json!({ "refresh_token": null }), "/refresh_token")] {
        app.request("POST", path).json(&body).send().await.invalid(&[at]);
    }
    let answer = app.request("POST", path).send().await.problem(422, "validation_error");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    log_in(&app, "ada").await;
}
