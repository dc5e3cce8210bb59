//! Tokens of the earlier server, which name no session, and of our own first builds, whose access tokens did not either.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    DAY_S, ME, NOW, SESSIONS, Tokens, by_body, by_cookie, claims, cookie_token, counter, end_reason, lifter, log_in,
    me, refresh, refreshed,
};
use crate::support::app::SECRET;
use crate::support::{TestApp, at_once};

const REFRESH_SECRET: &str = "refresh-secret-of-the-tests-987654321";

fn signed(secret: &str, claims: &Value) -> String {
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
}

/// What the earlier server handed out at a login at this time.
pub fn legacy(id: Uuid, at: i64) -> (String, String) {
    let claims = |kind: &str, life_s: i64| json!({ "sub": id, "exp": at + life_s, "type": kind });
    (signed(SECRET, &claims("access", 3600)), signed(REFRESH_SECRET, &claims("refresh", 30 * DAY_S)))
}

async fn patch(app: &TestApp, access: &str, body: Value) {
    app.request("PATCH", ME).bearer(access).json(&body).send().await.expect(200);
}

#[tokio::test]
async fn both_tokens_of_the_earlier_server_work() {
    let app = TestApp::with_clock(NOW).await;
    let id = lifter(&app, "ada").await;
    let (access, token) = legacy(id, NOW);
    me(app.address, &access).await.expect(200);
    let answer = by_cookie(app.address, &token).send().await.expect(200);
    let next = cookie_token(&answer);
    let session: Uuid = claims(&next)["sid"].as_str().unwrap().parse().unwrap();
    assert_eq!((counter(&app, session).await, &claims(&next)["ctr"]), (1, &json!(1)));
    me(app.address, answer.json()["access_token"].as_str().unwrap()).await.expect(200);
    me(app.address, &access).await.expect(200);
    assert_eq!(refreshed(&app, &next).await.session, session);
    assert_eq!(app.count("select count(*) from sessions").await, 1);
}

#[tokio::test]
async fn a_refresh_token_of_the_earlier_server_opens_one_session_however_often_it_comes_at_once() {
    let app = TestApp::start().await;
    let another = app.another().await;
    let id = lifter(&app, "ada").await;
    let (_, token) = legacy(id, app.app.clock.now().unix_s());
    let requests = (0..32).map(|n| by_body(if n % 2 == 0 { app.address } else { another }, &token));
    let answers = at_once(requests.map(|request| async move { request.send().await.expect(200) })).await;
    let first = Tokens::of(&answers[0]);
    assert!(answers.iter().all(|answer| Tokens::of(answer) == first));
    assert_eq!((app.count("select count(*) from sessions").await, counter(&app, first.session).await), (1, 1));
}

#[tokio::test]
async fn it_counts_as_the_token_before_the_first_of_its_session() {
    let app = TestApp::with_clock(NOW).await;
    let id = lifter(&app, "ada").await;
    let (_, token) = legacy(id, NOW - DAY_S);
    let first = refreshed(&app, &token).await;
    app.advance_s(DAY_S);
    // The answer was lost.
    assert_eq!(refreshed(&app, &token).await.refresh, first.refresh);
    let second = refreshed(&app, &first.refresh).await;
    app.advance_s(10);
    assert_eq!(refreshed(&app, &token).await, second);
    app.advance_s(1);
    refresh(&app, &token).await.problem(401, "refresh_token_reused");
    me(app.address, &second.access).await.unauthorized();
    refresh(&app, &token).await.problem(401, "invalid_token");
    assert_eq!(app.count("select count(*) from sessions").await, 1);
}

#[tokio::test]
async fn where_the_configuration_is_strict_it_is_exchanged_once() {
    let app = TestApp::with_clock_and_variables(NOW, &[("REFRESH_STRICT", "true")]).await;
    let id = lifter(&app, "ada").await;
    let (_, token) = legacy(id, NOW);
    let first = refreshed(&app, &token).await;
    app.advance_s(10);
    assert_eq!(refreshed(&app, &token).await, first);
    app.advance_s(1);
    refresh(&app, &token).await.problem(401, "refresh_token_reused");
    refresh(&app, &first.refresh).await.problem(401, "invalid_token");
}

#[tokio::test]
async fn tokens_of_two_logins_open_two_sessions() {
    let app = TestApp::with_clock(NOW).await;
    let (ada, bob) = (lifter(&app, "ada").await, lifter(&app, "bob").await);
    let mut sessions = Vec::new();
    for (id, at) in [(ada, NOW), (ada, NOW - 1), (bob, NOW)] {
        sessions.push(refreshed(&app, &legacy(id, at).1).await.session);
    }
    sessions.sort_unstable();
    sessions.dedup();
    assert_eq!(sessions.len(), 3);
}

#[tokio::test]
async fn a_session_of_the_earlier_server_that_ended_is_not_opened_anew() {
    let app = TestApp::with_clock(NOW).await;
    let id = lifter(&app, "ada").await;
    let (_, token) = legacy(id, NOW);
    let first = refreshed(&app, &token).await;
    app.request("POST", "/api/v1/users/logout").bearer(&first.access).send().await.expect(204);
    refresh(&app, &token).await.problem(401, "invalid_token");
    for _ in 0..29 {
        app.advance_s(DAY_S);
        log_in(&app, "ada").await; // forgets what has long been over
        refresh(&app, &token).await.problem(401, "invalid_token");
    }
    app.advance_s(DAY_S);
    refresh(&app, &token).await.problem(401, "invalid_token");
    log_in(&app, "ada").await;
    assert_eq!(app.count("select count(*) from sessions where legacy_expires_at is not null").await, 1);
    app.advance_s(1);
    log_in(&app, "ada").await;
    assert_eq!(app.count("select count(*) from sessions where legacy_expires_at is not null").await, 0);
}

#[tokio::test]
async fn a_token_that_was_never_exchanged_can_be_given_up() {
    let app = TestApp::with_clock(NOW).await;
    let id = lifter(&app, "ada").await;
    let (_, token) = legacy(id, NOW);
    let body = json!({ "refresh_token": token });
    for _ in 0..2 {
        app.request("POST", "/api/v1/auth/logout").json(&body).send().await.expect(204);
    }
    refresh(&app, &token).await.problem(401, "invalid_token");
}

#[tokio::test]
async fn a_new_password_ends_the_tokens_without_a_session() {
    let app = TestApp::with_clock(NOW).await;
    let id = lifter(&app, "ada").await;
    let (access, token) = legacy(id, NOW - 60);
    let exchanged = refreshed(&app, &legacy(id, NOW - 61).1).await;
    let own = log_in(&app, "ada").await;
    let bob = lifter(&app, "bob").await;
    let bobs = legacy(bob, NOW - 60);
    me(app.address, &access).await.expect(200);
    patch(&app, &own.access, json!({ "password": "battery staple" })).await;
    me(app.address, &access).await.unauthorized();
    refresh(&app, &token).await.problem(401, "invalid_token");
    me(app.address, &exchanged.access).await.unauthorized();
    refresh(&app, &exchanged.refresh).await.problem(401, "invalid_token");
    me(app.address, &own.access).await.expect(200);
    refreshed(&app, &own.refresh).await;
    me(app.address, &bobs.0).await.expect(200);
    refreshed(&app, &bobs.1).await;
    // While the switch can be undone the earlier server goes on making tokens.
    app.advance_s(5);
    let later = legacy(id, NOW + 1);
    me(app.address, &later.0).await.expect(200);
    refreshed(&app, &later.1).await;
}

#[tokio::test]
async fn who_changes_the_password_with_such_a_token_stays_in_and_older_ones_go() {
    let app = TestApp::with_clock(NOW).await;
    let id = lifter(&app, "ada").await;
    let (own, older) = (legacy(id, NOW - 60), legacy(id, NOW - 61));
    let session = log_in(&app, "ada").await;
    patch(&app, &own.0, json!({ "password": "battery staple" })).await;
    me(app.address, &own.0).await.expect(200);
    refreshed(&app, &own.1).await;
    me(app.address, &older.0).await.unauthorized();
    refresh(&app, &older.1).await.problem(401, "invalid_token");
    me(app.address, &session.access).await.unauthorized();
    assert_eq!(end_reason(&app, session.session).await.as_deref(), Some("password_changed"));
    app.request("POST", "/api/v1/auth/logout?scope=all").bearer(&own.0).send().await.expect(204);
    me(app.address, &own.0).await.unauthorized();
    refresh(&app, &own.1).await.problem(401, "invalid_token");
}

#[tokio::test]
async fn an_access_token_of_our_first_builds_lives_out_its_hour() {
    let app = TestApp::with_clock(NOW).await;
    let id = lifter(&app, "ada").await;
    let claims = json!({
        "sub": id, "iat": NOW - 60, "exp": NOW + 3540, "type": "access", "iss": "repduel", "aud": "repduel-api",
    });
    let access = signed(SECRET, &claims);
    me(app.address, &access).await.expect(200);
    let listed = app.request("GET", SESSIONS).bearer(&access).send().await.expect(200).json();
    assert_eq!(listed, json!([]));
    // It has no session that could end.
    let answer = app.request("POST", "/api/v1/users/logout").bearer(&access).send().await.expect(204);
    assert!(answer.header("set-cookie").unwrap().starts_with("refresh_token=; "));
    me(app.address, &access).await.expect(200);
    let own = log_in(&app, "ada").await;
    app.request("POST", "/api/v1/auth/logout?scope=others").bearer(&own.access).send().await.expect(204);
    me(app.address, &access).await.unauthorized();
}

#[tokio::test]
async fn tokens_without_a_session_can_be_switched_off() {
    let app = TestApp::with_variables(&[("ACCEPT_LEGACY_TOKENS", "false")]).await;
    let id = lifter(&app, "ada").await;
    let now = app.app.clock.now().unix_s();
    let (access, token) = legacy(id, now);
    let first_builds = json!({
        "sub": id, "iat": now, "exp": now + 3600, "type": "access", "iss": "repduel", "aud": "repduel-api",
    });
    for access in [access, signed(SECRET, &first_builds)] {
        me(app.address, &access).await.unauthorized();
    }
    refresh(&app, &token).await.problem(401, "invalid_token");
    let own = log_in(&app, "ada").await;
    me(app.address, &own.access).await.expect(200);
    refreshed(&app, &own.refresh).await;
}

#[tokio::test]
async fn a_token_of_nobody_opens_nothing() {
    let app = TestApp::with_clock(NOW).await;
    let id = lifter(&app, "ada").await;
    let (_, token) = legacy(id, NOW);
    app.pg.execute("update users set is_active = false where id = $1", &[&id]).await.unwrap();
    refresh(&app, &token).await.problem(401, "invalid_token");
    refresh(&app, &legacy(Uuid::new_v4(), NOW).1).await.problem(401, "invalid_token");
    assert_eq!(app.count("select count(*) from sessions").await, 0);
    app.pg.execute("update users set is_active = true where id = $1", &[&id]).await.unwrap();
    refreshed(&app, &token).await;
}
