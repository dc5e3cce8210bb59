//! Ending sessions, and that an ended one is over at once, everywhere.

use std::net::SocketAddr;

use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    ME, NOW, SESSIONS, Tokens, by_body, end_reason, lifter, log_in, logged_in, login_request, me, refresh, refreshed,
};
use crate::faults::{hold_lifter, until_waiting};
use crate::support::{Answer, Lifter, PASSWORD, Request, TestApp, at_once};

const LOGOUT: &str = "/api/v1/users/logout";
const LEAVE: &str = "/api/v1/auth/logout";

/// Several sessions of one lifter.
async fn sessions<const N: usize>(app: &TestApp, name: &str) -> (Uuid, [Tokens; N]) {
    let id = lifter(app, name).await;
    let mut all = Vec::new();
    for _ in 0..N {
        app.advance_s(1);
        all.push(log_in(app, name).await);
    }
    (id, all.try_into().unwrap())
}

async fn lives(addresses: &[SocketAddr], tokens: &Tokens) {
    for address in addresses {
        me(*address, &tokens.access).await.expect(200);
        by_body(*address, &tokens.refresh).send().await.expect(200);
    }
}

async fn is_over(addresses: &[SocketAddr], tokens: &Tokens) {
    for address in addresses {
        me(*address, &tokens.access).await.unauthorized();
        by_body(*address, &tokens.refresh).send().await.unauthorized();
    }
}

async fn leave(app: &TestApp, access: &str, scope: &str) -> Answer {
    app.request("POST", &format!("{LEAVE}{scope}")).bearer(access).send().await
}

#[tokio::test]
async fn logging_out_ends_the_session_of_the_token_and_no_other() {
    let app = TestApp::with_clock(NOW).await;
    let addresses = [app.address, app.another().await];
    let (_, [first, second, third, fourth]) = sessions(&app, "ada").await;
    let later = refreshed(&app, &first.refresh).await;
    let logout = app.request("POST", LOGOUT).bearer(&later.access).header("content-type", "application/json");
    logout.send().await.expect(204);
    for tokens in [&first, &later] {
        is_over(&addresses, tokens).await;
    }
    assert_eq!(end_reason(&app, first.session).await.as_deref(), Some("logout"));
    logout.send().await.unauthorized();
    leave(&app, &second.access, "").await.expect(204);
    leave(&app, &third.access, "?scope=local").await.expect(204);
    for tokens in [&second, &third] {
        is_over(&addresses, tokens).await;
        leave(&app, &tokens.access, "").await.unauthorized();
        leave(&app, &tokens.access, "?scope=all").await.unauthorized();
    }
    lives(&addresses, &fourth).await;
}

#[tokio::test]
async fn logging_out_elsewhere_spares_the_session_that_asks() {
    let app = TestApp::with_clock(NOW).await;
    let addresses = [app.address, app.another().await];
    let (_, [first, second, third]) = sessions(&app, "ada").await;
    let (_, bobs) = logged_in(&app, "bob").await;
    leave(&app, &second.access, "?scope=others").await.expect(204);
    for tokens in [&first, &third] {
        is_over(&addresses, tokens).await;
        assert_eq!(end_reason(&app, tokens.session).await.as_deref(), Some("logout_others"));
    }
    lives(&addresses, &second).await;
    lives(&addresses, &bobs).await;
}

#[tokio::test]
async fn logging_out_everywhere_ends_all() {
    let app = TestApp::with_clock(NOW).await;
    let addresses = [app.address, app.another().await];
    let (_, all) = sessions::<3>(&app, "ada").await;
    let (_, bobs) = logged_in(&app, "bob").await;
    leave(&app, &all[1].access, "?scope=all").await.expect(204);
    for tokens in &all {
        is_over(&addresses, tokens).await;
        assert_eq!(end_reason(&app, tokens.session).await.as_deref(), Some("logout_all"));
    }
    lives(&addresses, &bobs).await;
    lives(&addresses, &log_in(&app, "ada").await).await;
}

#[tokio::test]
async fn a_refresh_token_in_the_body_ends_its_session() {
    let app = TestApp::with_clock(NOW).await;
    let addresses = [app.address];
    let (_, [first, second, third, fourth]) = sessions(&app, "ada").await;
    let by_token = |tokens: &Tokens, scope: &str| {
        app.request("POST", &format!("{LEAVE}{scope}")).json(&json!({ "refresh_token": tokens.refresh }))
    };
    let request = by_token(&first, "");
    for _ in 0..2 {
        request.send().await.expect(204); // the answer was lost
    }
    is_over(&addresses, &first).await;
    // An access token that is sent along may have expired.
    by_token(&second, "").bearer("a.b.c").send().await.expect(204);
    is_over(&addresses, &second).await;
    lives(&addresses, &third).await;
    // A session that is over has no say over others.
    for scope in ["?scope=all", "?scope=others"] {
        by_token(&first, scope).send().await.unauthorized();
    }
    by_token(&third, "?scope=others").send().await.expect(204);
    is_over(&addresses, &fourth).await;
    me(app.address, &third.access).await.expect(200);
    by_token(&third, "?scope=all").send().await.expect(204);
    is_over(&addresses, &third).await;
}

#[tokio::test]
async fn logging_out_needs_a_token_that_is_one() {
    let app = TestApp::with_clock(NOW).await;
    let (_, tokens) = logged_in(&app, "ada").await;
    let request = app.request("POST", LEAVE);
    request.send().await.unauthorized();
    request.clone().json(&json!({})).send().await.unauthorized();
    request.clone().json(&json!({ "refresh_token": null })).send().await.unauthorized();
    request.clone().json(&json!({ "refresh_token": tokens.access })).send().await.unauthorized();
    request.clone().json(&json!({ "refresh_token": "" })).send().await.invalid(&["/refresh_token"]);
    request.clone().bearer(&tokens.refresh).send().await.unauthorized();
    for scope in ["?scope=everywhere", "?scope="] {
        let answer = leave(&app, &tokens.access, scope).await.invalid(&["/query/scope"]);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    me(app.address, &tokens.access).await.expect(200);
    request.clone().json(&json!({})).bearer(&tokens.access).send().await.expect(204);
    me(app.address, &tokens.access).await.unauthorized();
}

async fn listed(app: &TestApp, tokens: &Tokens) -> Vec<Value> {
    let answer = app.request("GET", SESSIONS).bearer(&tokens.access).send().await.expect(200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    answer.json().as_array().unwrap().clone()
}

#[tokio::test]
async fn sessions_are_listed_and_can_be_revoked() {
    let app = TestApp::with_clock(NOW).await;
    let addresses = [app.address, app.another().await];
    let (_, [first, second, third]) = sessions(&app, "ada").await;
    let (_, bobs) = logged_in(&app, "bob").await;
    app.advance_s(60);
    let first = refreshed(&app, &first.refresh).await;
    let all = listed(&app, &second).await;
    let ids: Vec<&Value> = all.iter().map(|row| &row["id"]).collect();
    assert_eq!(ids, [&json!(first.session), &json!(third.session), &json!(second.session)]);
    let current: Vec<bool> = all.iter().map(|row| row["current"].as_bool().unwrap()).collect();
    assert_eq!(current, [false, false, true]);

    let revoke = |id: Uuid| app.request("DELETE", &format!("{SESSIONS}/{id}")).bearer(&second.access);
    revoke(third.session).send().await.expect(204);
    is_over(&addresses, &third).await;
    assert_eq!(end_reason(&app, third.session).await.as_deref(), Some("revoked"));
    assert_eq!(listed(&app, &second).await.len(), 2);
    for other in [third.session, bobs.session, Uuid::new_v4()] {
        let answer = revoke(other).send().await.problem(404, "not_found");
        assert_eq!((answer.detail().as_str(), answer.header("cache-control")), ("Session not found", Some("no-store")));
    }
    lives(&addresses, &bobs).await;
    app.request("DELETE", &format!("{SESSIONS}/1")).bearer(&second.access).send().await.invalid(&["/path/session_id"]);
    revoke(second.session).send().await.expect(204);
    is_over(&addresses, &second).await;
    lives(&addresses, &first).await;
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions() {
    let app = TestApp::with_clock(NOW).await;
    let addresses = [app.address, app.another().await];
    let (_, [first, second, third]) = sessions(&app, "ada").await;
    let (_, bobs) = logged_in(&app, "bob").await;
    let patch = |body: Value| app.request("PATCH", ME).bearer(&second.access).json(&body);
    patch(json!({ "display_name": "Ada", "email": "countess@example.com" })).send().await.expect(200);
    patch(json!({ "password": "short" })).send().await.invalid(&["/password"]);
    lives(&addresses, &first).await;
    patch(json!({ "password": "battery staple" })).send().await.expect(200);
    for tokens in [&first, &third] {
        is_over(&addresses, tokens).await;
        assert_eq!(end_reason(&app, tokens.session).await.as_deref(), Some("password_changed"));
    }
    lives(&addresses, &second).await;
    lives(&addresses, &bobs).await;
}

#[tokio::test]
async fn a_password_that_is_not_changed_after_all_ends_nothing() {
    let app = TestApp::with_clock(NOW).await;
    let (_, [first, second]) = sessions(&app, "ada").await;
    logged_in(&app, "bob").await;
    let body = json!({ "password": "battery staple", "username": "bob" });
    let answer = app.request("PATCH", ME).bearer(&second.access).json(&body).send().await;
    answer.problem(400, "username_taken");
    lives(&[app.address], &first).await;
    login_request(app.address, "/api/v1/login", "ada", PASSWORD).send().await.expect(200);
}

#[tokio::test]
async fn of_two_sessions_that_change_the_password_at_once_one_stays() {
    let app = TestApp::with_clock(NOW).await;
    let addresses = [app.address, app.another().await]; // each hashes by itself, so that none waits for the other's hash
    let (id, all) = sessions::<2>(&app, "ada").await;
    let holder = hold_lifter(&app, &Lifter { id, token: String::new() }).await;
    let changes = all.iter().enumerate().map(|(n, tokens)| {
        let request = Request::new(addresses[n], "PATCH", ME).bearer(&tokens.access);
        let request = request.json(&json!({ "password": format!("battery staple {n}") }));
        tokio::spawn(async move { request.send().await })
    });
    let changes: Vec<_> = changes.collect();
    until_waiting(&app, 2).await; // both of their sessions lived when they asked for the lock
    holder.batch_execute("commit").await.unwrap();
    let mut answers = Vec::new();
    for change in changes {
        answers.push(change.await.unwrap());
    }
    let changed: Vec<usize> = (0..all.len()).filter(|n| answers[*n].status == 200).collect();
    assert_eq!(changed.len(), 1, "{answers:?}");
    for (n, (answer, tokens)) in answers.into_iter().zip(&all).enumerate() {
        if changed == [n] {
            lives(&[app.address], tokens).await;
            let password = format!("battery staple {n}");
            login_request(app.address, "/api/v1/login", "ada", &password).send().await.expect(200);
        } else {
            answer.unauthorized();
            is_over(&[app.address], tokens).await;
        }
    }
}

#[tokio::test]
async fn deleting_the_account_ends_all_sessions() {
    let app = TestApp::with_clock(NOW).await;
    let addresses = [app.address, app.another().await];
    let (_, all) = sessions::<2>(&app, "ada").await;
    app.request("DELETE", ME).bearer(&all[0].access).send().await.expect(204);
    for tokens in &all {
        is_over(&addresses, tokens).await;
    }
    assert_eq!(app.count("select count(*) from sessions").await, 0);
}

#[tokio::test]
async fn refreshing_while_the_session_ends_never_keeps_it() {
    let app = TestApp::start().await;
    let another = app.another().await;
    lifter(&app, "ada").await;
    for _ in 0..5 {
        let tokens = log_in(&app, "ada").await;
        let answers = at_once((0..9).map(|n| {
            let request = match n {
                4 => app.request("POST", LOGOUT).bearer(&tokens.access),
                _ => by_body(if n % 2 == 0 { app.address } else { another }, &tokens.refresh),
            };
            async move { request.send().await }
        }))
        .await;
        assert_eq!(answers[4].status, 204);
        for answer in answers.iter().filter(|answer| answer.status == 200) {
            is_over(&[app.address, another], &Tokens::of(answer)).await;
        }
        refresh(&app, &tokens.refresh).await.unauthorized();
    }
}
