//! Logging in, as far as it makes a session.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    BY_COOKIE, NOW, SESSIONS, Tokens, claims, cookie_token, lifter, log_in, login_request, me, refresh, refreshed,
    set_password,
};
use crate::faults::{hold_lifter, until_waiting};
use crate::scores::behind_proxy;
use crate::support::{Lifter, PASSWORD, TestApp, at_once, keys};

const LOGINS: [&str; 3] = ["/api/v1/users/login", "/api/v1/login", "/api/v1/auth/login"];

#[tokio::test]
async fn a_login_for_api_clients_gives_the_refresh_token_in_the_body_too() {
    let app = TestApp::with_clock(NOW).await;
    let id = lifter(&app, "ada").await;
    for path in ["/api/v1/login", "/api/v1/auth/login"] {
        let answer = login_request(app.address, path, "ada", PASSWORD).send().await.expect(200);
        let body = answer.json();
        assert_eq!(keys(&body), ["access_token", "expires_in", "refresh_token", "session_id", "token_type"]);
        assert_eq!((&body["token_type"], &body["expires_in"]), (&json!("bearer"), &json!(3600)));
        let tokens = Tokens::of(&answer);
        assert_eq!(cookie_token(&answer), tokens.refresh, "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        me(app.address, &tokens.access).await.expect(200);
        refreshed(&app, &tokens.refresh).await;

        let (access, refresh) = (claims(&tokens.access), claims(&tokens.refresh));
        for (token, kind, life_s) in [(&access, "access", 3600), (&refresh, "refresh", 30 * 86_400)] {
            assert_eq!(token["sub"], json!(id), "{kind}");
            assert_eq!(token["sid"], json!(tokens.session), "{kind}");
            assert_eq!((&token["iat"], &token["exp"]), (&json!(NOW), &json!(NOW + life_s)), "{kind}");
            assert_eq!((&token["type"], &token["iss"]), (&json!(kind), &json!("repduel")), "{kind}");
            assert_eq!(token["aud"], "repduel-api", "{kind}");
        }
        assert_eq!((keys(&access).len(), keys(&refresh).len()), (7, 8));
        assert_eq!(refresh["ctr"], 0);
    }
}

#[tokio::test]
async fn every_login_fails_alike() {
    let app = TestApp::start().await;
    lifter(&app, "ada").await;
    let gone = lifter(&app, "gone").await;
    app.pg.execute("update users set is_active = false where id = $1", &[&gone]).await.unwrap();
    for path in LOGINS {
        let mut told = Vec::new();
        for (name, password) in [("ada", "wrong horse"), ("nobody", PASSWORD), ("gone", PASSWORD)] {
            let answer = login_request(app.address, path, name, password).send().await;
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
            assert!(answer.header("set-cookie").is_none(), "{path}");
            let mut headers: Vec<_> = answer.headers.keys().map(|name| name.as_str().to_owned()).collect();
            headers.sort_unstable();
            let answer = answer.problem(401, "invalid_credentials");
            told.push((headers, answer.detail(), answer.headers["content-length"].clone()));
        }
        assert!(told.iter().all(|one| one == &told[0]), "{path}: {told:?}");
    }
    assert_eq!(app.count("select count(*) from sessions").await, 0);
}

#[tokio::test]
async fn a_session_notes_its_client_as_it_can_be_shown() {
    let app = TestApp::with_clock(NOW).await;
    lifter(&app, "ada").await;
    let long = format!("RepDuel/3.2 {}", "x".repeat(4000));
    let mut tokens = Vec::new();
    for agent in ["RepDuel/3.2 (iPhone; iOS 26)", "a\tb", "<b>ü</b>", long.as_str(), " "] {
        let request = login_request(app.address, "/api/v1/login", "ada", PASSWORD).header("user-agent", agent);
        tokens.push(Tokens::of(&request.send().await.expect(200)));
        app.advance_s(1);
    }
    let last = tokens.last().unwrap();
    let listed = app.request("GET", SESSIONS).bearer(&last.access).send().await.expect(200).json();
    let found: Vec<Value> = listed.as_array().unwrap().iter().map(|row| row["user_agent"].clone()).collect();
    let cut: String = long.chars().take(255).collect();
    assert_eq!(
        json!(found),
        json!([null, cut, "<b>??</b>", "a?b", "RepDuel/3.2 (iPhone; iOS 26)"]),
        "the newest first"
    );
    for (row, tokens) in listed.as_array().unwrap().iter().zip(tokens.iter().rev()) {
        assert_eq!(keys(row), ["created_at", "current", "id", "ip", "last_refreshed_at", "user_agent"]);
        assert_eq!((&row["id"], &row["ip"]), (&json!(tokens.session), &json!("127.0.0.1")));
        assert_eq!(row["current"], json!(tokens.session == last.session));
    }
    // Who refreshes it is who has it now.
    app.advance_s(60);
    let request = super::by_body(app.address, &tokens[0].refresh).header("user-agent", "RepDuel/3.3");
    let access = Tokens::of(&request.send().await.expect(200)).access;
    let listed = app.request("GET", SESSIONS).bearer(&access).send().await.expect(200).json();
    assert_eq!((&listed[0]["user_agent"], &listed[0]["current"]), (&json!("RepDuel/3.3"), &json!(true)));
    assert_eq!(listed[0]["created_at"], "2027-01-15T08:00:00Z");
    assert_eq!(listed[0]["last_refreshed_at"], "2027-01-15T08:01:05Z");
}

#[tokio::test]
async fn a_lifter_has_a_hundred_live_sessions_and_the_one_that_rested_longest_goes_first() {
    let app = TestApp::with_clock(NOW).await;
    let id = lifter(&app, "ada").await;
    let first = log_in(&app, "ada").await;
    let second = log_in(&app, "ada").await;
    app.advance_s(60);
    let first = refreshed(&app, &first.refresh).await;
    let fill =
        "insert into sessions (id, user_id, counter, created_at, last_refreshed_at, idle_ends_at, absolute_ends_at)
        select gen_random_uuid(), $1, 0, at, at, at + interval '30 days', at + interval '90 days'
        from (select to_timestamp($2::float8) as at) as time, generate_series(1, 97)";
    app.pg.execute(fill, &[&id, &((NOW + 60) as f64)]).await.unwrap();
    let live = "select count(*) from sessions where ended_at is null";
    app.advance_s(1);
    log_in(&app, "ada").await;
    assert_eq!(app.count(live).await, 100);
    me(app.address, &second.access).await.expect(200);
    app.advance_s(1);
    log_in(&app, "ada").await;
    assert_eq!(app.count(live).await, 100);
    me(app.address, &second.access).await.unauthorized();
    assert_eq!(super::end_reason(&app, second.session).await.as_deref(), Some("crowded_out"));
    refresh(&app, &second.refresh).await.problem(401, "invalid_token");
    me(app.address, &first.access).await.expect(200);
    // Somebody else's do not count.
    lifter(&app, "bob").await;
    log_in(&app, "bob").await;
    assert_eq!(app.count(live).await, 101);
}

#[tokio::test]
async fn sessions_that_have_long_been_over_are_forgotten_a_few_at_a_time() {
    let app = TestApp::with_clock(NOW).await;
    let id = lifter(&app, "ada").await;
    let insert = "insert into sessions (
          id, user_id, counter, created_at, last_refreshed_at, idle_ends_at, absolute_ends_at, ended_at, end_reason, legacy_expires_at
        )
        select gen_random_uuid(), $1, 0, at, at, at + $3::float8 * interval '1 day', at + interval '90 days',
          case when $4 then at + interval '1 day' end, case when $4 then 'logout' end,
          case when $5 then at + interval '30 days' end
        from (select to_timestamp($2::float8) as at) as time, generate_series(1, $6::integer)";
    let day = |n: i64| (NOW - n * super::DAY_S) as f64;
    for (opened, idle_days, ended, legacy, rows) in [
        (day(9), 30.0, true, false, 25),  // ended 8 days ago
        (day(7), 30.0, true, false, 3),   // ended 6 days ago
        (day(38), 30.0, false, false, 2), // idle for too long, 8 days ago
        (day(20), 30.0, false, false, 4), // alive
        (day(20), 30.0, true, true, 5),   // ended long ago, but its token of the earlier server would open it anew
    ] {
        app.pg.execute(insert, &[&id, &opened, &idle_days, &ended, &legacy, &rows]).await.unwrap();
    }
    let count = "select count(*) from sessions";
    log_in(&app, "ada").await;
    assert_eq!(app.count(count).await, 39 + 1 - 20);
    log_in(&app, "ada").await;
    assert_eq!(app.count(count).await, 39 + 2 - 27);
    log_in(&app, "ada").await;
    assert_eq!(app.count(count).await, 39 + 3 - 27);
    app.advance_s(11 * super::DAY_S);
    log_in(&app, "ada").await;
    assert_eq!(app.count("select count(*) from sessions where legacy_expires_at is not null").await, 0);
    assert_eq!(app.count("select count(*) from sessions where end_reason = 'logout'").await, 0);
    assert_eq!(app.count("select count(*) from sessions where ended_at is null").await, 4 + 4);
}

#[tokio::test]
async fn a_login_that_a_change_of_the_password_overtakes_fails() {
    let app = TestApp::start().await;
    let id = lifter(&app, "ada").await;
    let lifter = Lifter { id, token: String::new() };
    let holder = hold_lifter(&app, &lifter).await;
    let login = login_request(app.address, LOGINS[0], "ada", PASSWORD);
    let login = tokio::spawn(async move { login.send().await });
    until_waiting(&app, 1).await; // the password was right
    let hash = bcrypt::hash("battery staple", 4).unwrap();
    holder.execute("update users set hashed_password = $2 where id = $1", &[&id, &hash]).await.unwrap();
    holder.batch_execute("commit").await.unwrap();
    let answer = login.await.unwrap().problem(401, "invalid_credentials");
    assert!(answer.header("set-cookie").is_none());
    assert_eq!(app.count("select count(*) from sessions").await, 0);
}

#[tokio::test]
async fn the_session_of_a_login_that_comes_first_ends_with_the_password() {
    let app = TestApp::start().await;
    let (id, tokens) = super::logged_in(&app, "ada").await;
    let answers = at_once((0..4).map(|n| {
        let login = login_request(app.address, LOGINS[0], "ada", PASSWORD);
        let change = app.request("PATCH", super::ME).bearer(&tokens.access);
        let change = change.json(&json!({ "password": "battery staple" }));
        async move { if n == 0 { change.send().await } else { login.send().await } }
    }))
    .await;
    answers[0].json()["id"].as_str().expect("the change is made");
    // Whichever came first: no session of the old password is left.
    for answer in &answers[1..] {
        if answer.status == 200 {
            me(app.address, answer.json()["access_token"].as_str().unwrap()).await.unauthorized();
        }
    }
    let left = app.pg.query("select id from sessions where user_id = $1 and ended_at is null", &[&id]).await.unwrap();
    let left: Vec<Uuid> = left.iter().map(|row| row.get(0)).collect();
    assert_eq!(left, [tokens.session]);
}

#[tokio::test]
async fn a_login_makes_one_session_whatever_the_client_does_with_the_answer() {
    let app = TestApp::start().await;
    let id = lifter(&app, "ada").await;
    for path in LOGINS {
        login_request(app.address, path, "ada", PASSWORD).send().await.expect(200);
    }
    login_request(app.address, LOGINS[0], "ada", "wrong horse").send().await.expect(401);
    assert_eq!(app.count("select count(*) from sessions").await, 3);
    set_password(&app, id, "battery staple").await;
    login_request(app.address, LOGINS[0], "ada", PASSWORD).send().await.expect(401);
    assert_eq!(app.count("select count(*) from sessions").await, 3);
}

// On one thread the requests of a step are always written as one piece, so that the count is exact.
#[tokio::test]
async fn sessions_cost_few_round_trips() {
    let (app, proxy) = behind_proxy().await;
    lifter(&app, "ada").await;
    let mut tokens = log_in(&app, "ada").await;
    for _ in 0..4 {
        tokens = refreshed(&app, &tokens.refresh).await; // prepares the statements on each connection
        log_in(&app, "ada").await;
    }
    let before = proxy.round_trips();
    tokens = refreshed(&app, &tokens.refresh).await;
    assert_eq!(proxy.round_trips() - before, 2, "a refresh: its budget, the session");
    let before = proxy.round_trips();
    log_in(&app, "ada").await;
    assert_eq!(proxy.round_trips() - before, 5, "a login: two budgets, the account, the session, what is over");
    let before = proxy.round_trips();
    app.request("POST", BY_COOKIE).header("cookie", "refresh_token=a.b.c").send().await.expect(401);
    assert_eq!(proxy.round_trips() - before, 0, "a token that nobody signed");
    me(app.address, &tokens.access).await.expect(200);
}
