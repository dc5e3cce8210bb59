//! Access tokens: which are taken, and that all others are told the same.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use super::login;
use crate::support::app::SECRET;
use crate::support::{Answer, Lifter, PASSWORD, TestApp};

const ME: &str = "/api/v1/users/me";
/// 2100-01-01.
const FAR: i64 = 4_102_444_800;

fn signed(claims: &Value, algorithm: Algorithm, secret: &str) -> String {
    jsonwebtoken::encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
}

/// The claims of the earlier server.
fn legacy(lifter: &Lifter) -> Value {
    json!({ "sub": lifter.id.to_string(), "exp": FAR, "type": "access" })
}

async fn me_with(app: &TestApp, authorization: &str) -> Answer {
    app.request("GET", ME).header("authorization", authorization).send().await
}

#[tokio::test]
async fn tokens_of_the_earlier_server_are_taken_until_they_expire() {
    let app = TestApp::with_clock(FAR - 60).await;
    let ada = app.lifter("ada").await;
    let token = signed(&legacy(&ada), Algorithm::HS256, SECRET);
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let user = me_with(&app, &format!("{scheme} {token}")).await.expect(200).json();
        assert_eq!(user["id"], ada.id.to_string());
        assert_eq!(user["email"], "ada@example.com");
    }
    app.advance_s(60);
    me_with(&app, &format!("Bearer {token}")).await.unauthorized();
}

#[tokio::test]
async fn tokens_of_our_own_expire() {
    let app = TestApp::with_clock(1_800_000_000).await;
    let ada = app.lifter("ada").await;
    app.advance_s(3599);
    app.get_as(&ada, ME).await.expect(200);
    app.advance_s(1);
    app.get_as(&ada, ME).await.unauthorized();
}

#[tokio::test]
async fn a_token_that_is_not_ours_is_refused() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let claims = legacy(&ada);
    let with = |key: &str, value: Value| {
        let mut claims = claims.clone();
        claims[key] = value;
        signed(&claims, Algorithm::HS256, SECRET)
    };
    let good = signed(&claims, Algorithm::HS256, SECRET);
    let [_, payload, signature] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
    // {"alg":"none","typ":"JWT"}
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";
    let changed =
        |part: &str| if part.starts_with('A') { part.replacen('A', "B", 1) } else { format!("A{}", &part[1..]) };
    let cases = [
        ("no algorithm", format!("{none}.{payload}.")),
        ("no algorithm, signed", format!("{none}.{payload}.{signature}")),
        ("another algorithm of the same secret", signed(&claims, Algorithm::HS512, SECRET)),
        ("another secret", signed(&claims, Algorithm::HS256, "another-secret-0123456789")),
        ("the refresh secret", signed(&claims, Algorithm::HS256, "refresh-secret-of-the-tests-987654321")),
        ("a changed signature", good.replace(signature, &changed(signature))),
        ("a changed payload", good.replace(payload, &changed(payload))),
        ("a cut signature", good[..good.len() - 2].to_owned()),
        ("expired", with("exp", json!(1_600_000_000))),
        ("a refresh token", with("type", json!("refresh"))),
        ("no kind of token", with("type", json!(null))),
        ("somebody who is no user", with("sub", json!("admin"))),
        ("nobody", with("sub", json!(uuid::Uuid::new_v4().to_string()))),
        ("another issuer", with("iss", json!("elsewhere"))),
        ("another audience", with("aud", json!("elsewhere"))),
        ("40 KiB", format!("{good}{}", "a".repeat(40 * 1024))),
        ("garbage", "a.b.c".to_owned()),
        ("the admin token", crate::support::ADMIN_TOKEN.to_owned()),
    ];
    me_with(&app, &format!("Bearer {good}")).await.expect(200);
    for (what, token) in cases {
        let answer = me_with(&app, &format!("Bearer {token}")).await;
        assert_eq!(answer.status, 401, "{what}");
        answer.unauthorized();
    }
}

#[tokio::test]
async fn a_header_without_a_bearer_token_is_refused() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    app.get(ME).await.unauthorized();
    let token = &ada.token;
    for header in ["", "Bearer", "Bearer ", token, &format!("Basic {token}"), &format!("Bearer{token}")] {
        me_with(&app, header).await.unauthorized();
    }
    let twice = app.request("GET", ME).bearer(token).bearer(token).send().await;
    twice.unauthorized();
    app.get(&format!("{ME}?token={token}&access_token={token}")).await.unauthorized();
}

#[tokio::test]
async fn a_refresh_token_is_no_access_token() {
    let app = TestApp::start().await;
    app.lifter("ada").await;
    let answer = login(&app, "ada@example.com", PASSWORD).await.expect(200);
    let cookie = answer.header("set-cookie").unwrap().split(';').next().unwrap();
    let token = cookie.strip_prefix("refresh_token=").unwrap();
    me_with(&app, &format!("Bearer {token}")).await.unauthorized();
    app.request("GET", ME).header("cookie", cookie).send().await.unauthorized();
}

#[tokio::test]
async fn where_both_secrets_are_one_the_kind_still_tells_tokens_apart() {
    let app = TestApp::with_variables(&[("REFRESH_JWT_SECRET_KEY", SECRET)]).await;
    app.lifter("ada").await;
    let answer = login(&app, "ada@example.com", PASSWORD).await.expect(200);
    let cookie = answer.header("set-cookie").unwrap().split(';').next().unwrap();
    let token = cookie.strip_prefix("refresh_token=").unwrap();
    me_with(&app, &format!("Bearer {token}")).await.unauthorized();
}

/// Every route that acts for its caller, with a body that it would take.
fn routes_of_a_caller(lifter: &Lifter) -> Vec<(&'static str, &'static str, Value)> {
    vec![
        ("GET", ME, Value::Null),
        ("PATCH", ME, json!({ "display_name": "Ghost" })),
        ("PATCH", ME, json!({ "username": "ghost", "password": "correct ghost" })),
        ("PATCH", "/api/v1/users/me/unit", json!({ "preferred_unit": "lbs" })),
        ("DELETE", ME, Value::Null),
        ("GET", "/api/v1/levels/me", Value::Null),
        ("POST", "/api/v1/scores/scenario/back_squat", json!({ "weight_lifted": 100 })),
        ("POST", "/api/v1/energy/submit", json!({ "user_id": lifter.id, "energy": 1, "rank": "Iron" })),
    ]
}

async fn is_refused_everywhere(app: &TestApp, lifter: &Lifter) {
    for (method, path, body) in routes_of_a_caller(lifter) {
        let request = app.request(method, path).bearer(&lifter.token);
        let request = if body.is_null() { request } else { request.json(&body) };
        let answer = request.send().await;
        assert_eq!(answer.status, 401, "{method} {path}");
        answer.unauthorized();
    }
}

#[tokio::test]
async fn the_token_of_a_deleted_account_is_refused() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    app.request("DELETE", ME).bearer(&ada.token).send().await.expect(204);
    is_refused_everywhere(&app, &ada).await;
    assert_eq!(app.count("select count(*) from scores").await, 0);
}

#[tokio::test]
async fn the_token_of_a_deactivated_account_is_refused_and_changes_nothing() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    app.pg.execute("update users set is_active = false where id = $1", &[&ada.id]).await.unwrap();
    is_refused_everywhere(&app, &ada).await;
    let untouched =
        "select count(*) from users where username = 'ada' and display_name is null and preferred_unit = 'kg'";
    assert_eq!(app.count(untouched).await, 1);
    assert_eq!(app.count("select count(*) from scores").await, 0);
}
