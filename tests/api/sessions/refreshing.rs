//! Refreshing: what each count is worth, at once, late, and after the end.

use serde_json::json;

use super::{
    DAY_S, ME, NOW, SESSIONS, Tokens, by_body, by_cookie, claims, cookie_token, counter, end_reason, lifter, log_in,
    logged_in, login_request, me, refresh, refreshed,
};
use crate::support::{PASSWORD, Request, Served, TestApp, at_once, eventually, keys};

#[tokio::test]
async fn a_refresh_gives_the_next_pair_and_the_old_access_token_lives_on() {
    let app = TestApp::with_clock(NOW).await;
    let (_, first) = logged_in(&app, "ada").await;
    app.advance_s(3000);
    let answer = refresh(&app, &first.refresh).await.expect(200);
    let body = answer.json();
    assert_eq!(keys(&body), ["access_token", "expires_in", "refresh_token", "session_id", "token_type"]);
    assert_eq!((&body["token_type"], &body["expires_in"]), (&json!("bearer"), &json!(3600)));
    assert_eq!((answer.header("cache-control"), answer.header("set-cookie")), (Some("no-store"), None));
    let second = Tokens::of(&answer);
    assert_eq!(second.session, first.session);
    assert_eq!(claims(&second.refresh)["ctr"], 1);
    assert_eq!(claims(&second.refresh)["exp"], NOW + 3000 + 30 * DAY_S);
    me(app.address, &first.access).await.expect(200);
    me(app.address, &second.access).await.expect(200);
    app.advance_s(600);
    me(app.address, &first.access).await.unauthorized();
    me(app.address, &second.access).await.expect(200);
    assert_eq!(app.count("select count(*) from sessions").await, 1);
}

#[tokio::test]
async fn of_32_simultaneous_refreshes_all_get_the_same_pair_and_the_counter_steps_once() {
    let app = TestApp::start().await;
    let another = app.another().await;
    lifter(&app, "ada").await;
    let answer = login_request(app.address, "/api/v1/users/login", "ada", PASSWORD).send().await.expect(200);
    let mut token = cookie_token(&answer);
    for round in 1..=3 {
        let requests = (0..32).map(|n| by_cookie(if n % 2 == 0 { app.address } else { another }, &token));
        let answers = at_once(requests.map(|request| async move { request.send().await.expect(200) })).await;
        let next = cookie_token(&answers[0]);
        let access = answers[0].json()["access_token"].clone();
        for answer in &answers {
            assert_eq!(cookie_token(answer), next);
            assert_eq!(answer.json()["access_token"], access);
        }
        assert_ne!(next, token);
        let claims = claims(&next);
        assert_eq!(claims["ctr"], round);
        assert_eq!(counter(&app, claims["sid"].as_str().unwrap().parse().unwrap()).await, round);
        me(another, access.as_str().unwrap()).await.expect(200);
        token = next;
    }
}

#[tokio::test]
async fn a_lost_answer_keeps_the_lifter_in() {
    let app = TestApp::with_clock(NOW).await;
    let (_, first) = logged_in(&app, "ada").await;
    let lost = refreshed(&app, &first.refresh).await;
    for wait_s in [5, 3600, 20 * DAY_S] {
        app.advance_s(wait_s);
        let again = refreshed(&app, &first.refresh).await;
        assert_eq!((&again.refresh, counter(&app, first.session).await), (&lost.refresh, 1), "after {wait_s} s");
        me(app.address, &again.access).await.expect(200);
    }
    // The access token of the answer that came through has its whole life ahead, whenever that was.
    let again = refreshed(&app, &first.refresh).await;
    app.advance_s(3599);
    me(app.address, &again.access).await.expect(200);
    let third = refreshed(&app, &lost.refresh).await;
    assert_eq!(counter(&app, first.session).await, 2);
    me(app.address, &third.access).await.expect(200);
}

/// A session after so many refreshes, and all of its tokens.
async fn after_refreshes(app: &TestApp, name: &str, count: usize) -> Vec<Tokens> {
    let mut all = vec![logged_in(app, name).await.1];
    for _ in 0..count {
        app.advance_s(60);
        all.push(refreshed(app, &all[all.len() - 1].refresh).await);
    }
    all
}

#[tokio::test]
async fn older_tokens_are_forgiven_within_ten_seconds_of_the_last_refresh() {
    for strict in ["false", "true"] {
        let app = TestApp::with_clock_and_variables(NOW, &[("REFRESH_STRICT", strict)]).await;
        let all = after_refreshes(&app, "ada", 4).await;
        for wait_s in [0, 10] {
            app.advance_s(wait_s);
            for older in &all[..4] {
                let current = refreshed(&app, &older.refresh).await;
                assert_eq!(current, all[4], "{wait_s} s, strict {strict}");
            }
        }
        assert_eq!(counter(&app, all[0].session).await, 4);
        refreshed(&app, &all[4].refresh).await;
    }
}

#[tokio::test]
async fn an_older_token_that_comes_later_ends_the_session() {
    for (strict, behind) in [("false", 2), ("false", 4), ("true", 1), ("true", 3)] {
        let app = TestApp::with_clock_and_variables(NOW, &[("REFRESH_STRICT", strict)]).await;
        let another = app.another().await;
        let all = after_refreshes(&app, "ada", 4).await;
        let other = log_in(&app, "ada").await;
        app.advance_s(11);
        me(another, &all[4].access).await.expect(200);
        let reused = refresh(&app, &all[4 - behind].refresh).await.problem(401, "refresh_token_reused");
        assert_eq!(reused.header("www-authenticate"), Some("Bearer"));
        assert_eq!(reused.header("cache-control"), Some("no-store"));
        assert_eq!(end_reason(&app, all[0].session).await.as_deref(), Some("refresh_token_reused"));
        for address in [app.address, another] {
            me(address, &all[4].access).await.unauthorized();
            for tokens in &all {
                by_body(address, &tokens.refresh).send().await.problem(401, "invalid_token");
                by_cookie(address, &tokens.refresh).send().await.problem(401, "invalid_token");
            }
            me(address, &other.access).await.expect(200);
        }
        refreshed(&app, &other.refresh).await;
    }
}

#[tokio::test]
async fn of_16_simultaneous_replays_none_gets_through() {
    let app = TestApp::with_clock(NOW).await;
    let all = after_refreshes(&app, "ada", 3).await;
    app.advance_s(11);
    let requests = (0..16).map(|n| by_body(app.address, &all[n % 2].refresh));
    let answers = at_once(requests.map(|request| async move { request.send().await.expect(401) })).await;
    let reused = answers.iter().filter(|answer| answer.error_code() == "refresh_token_reused").count();
    assert!(reused >= 1);
    refresh(&app, &all[3].refresh).await.problem(401, "invalid_token");
    assert_eq!(counter(&app, all[0].session).await, 3);
}

#[tokio::test]
async fn a_token_ahead_of_its_session_is_refused_and_harms_nobody() {
    let app = TestApp::with_clock(NOW).await;
    let all = after_refreshes(&app, "ada", 2).await;
    // As after a restore of an older backup.
    app.pg.execute("update sessions set counter = 1", &[]).await.unwrap();
    refresh(&app, &all[2].refresh).await.problem(401, "invalid_token");
    refreshed(&app, &all[1].refresh).await;
}

#[tokio::test]
async fn a_session_is_over_after_thirty_idle_days() {
    let app = TestApp::with_clock(NOW).await;
    let (_, first) = logged_in(&app, "ada").await;
    app.advance_s(30 * DAY_S - 1);
    let second = refreshed(&app, &first.refresh).await;
    app.advance_s(30 * DAY_S - 1);
    assert_eq!(claims(&second.refresh)["exp"], NOW + 60 * DAY_S - 1);
    let other = log_in(&app, "ada").await;
    let listed = app.request("GET", SESSIONS).bearer(&other.access).send().await.expect(200).json();
    assert_eq!(listed.as_array().unwrap().len(), 2);
    app.advance_s(1);
    refresh(&app, &second.refresh).await.problem(401, "invalid_token");
    let listed = app.request("GET", SESSIONS).bearer(&other.access).send().await.expect(200).json();
    assert_eq!(listed.as_array().unwrap().len(), 1);
    let path = format!("{SESSIONS}/{}", first.session);
    app.request("DELETE", &path).bearer(&other.access).send().await.problem(404, "not_found");
}

#[tokio::test]
async fn a_session_is_over_after_ninety_days_however_often_it_is_refreshed() {
    let app = TestApp::with_clock(NOW).await;
    let (_, mut tokens) = logged_in(&app, "ada").await;
    for _ in 0..8 {
        app.advance_s(10 * DAY_S);
        tokens = refreshed(&app, &tokens.refresh).await;
    }
    assert_eq!(claims(&tokens.refresh)["exp"], NOW + 90 * DAY_S);
    app.advance_s(10 * DAY_S - 600);
    let answer = by_cookie(app.address, &tokens.refresh).send().await.expect(200);
    // Neither token outlives the session, and the client is told.
    assert_eq!(answer.json()["expires_in"], 600);
    assert!(answer.header("set-cookie").unwrap().contains("; Max-Age=600;"));
    let (access, last) = (answer.json()["access_token"].as_str().unwrap().to_owned(), cookie_token(&answer));
    assert_eq!((&claims(&access)["exp"], &claims(&last)["exp"]), (&json!(NOW + 90 * DAY_S), &json!(NOW + 90 * DAY_S)));
    app.advance_s(599);
    me(app.address, &access).await.expect(200);
    app.advance_s(1);
    me(app.address, &access).await.unauthorized();
    by_cookie(app.address, &last).send().await.problem(401, "invalid_token");
}

#[tokio::test]
async fn the_idle_end_is_as_configured() {
    let app = TestApp::with_clock_and_variables(NOW, &[("REFRESH_TOKEN_EXPIRE_DAYS", "365")]).await;
    let (_, tokens) = logged_in(&app, "ada").await;
    assert_eq!(claims(&tokens.refresh)["exp"], NOW + 90 * DAY_S, "no session is longer");
    let app = TestApp::with_clock_and_variables(NOW, &[("REFRESH_TOKEN_EXPIRE_DAYS", "1")]).await;
    let (_, tokens) = logged_in(&app, "ada").await;
    app.advance_s(DAY_S);
    refresh(&app, &tokens.refresh).await.problem(401, "invalid_token");
}

#[tokio::test]
async fn the_sessions_of_an_account_that_is_not_active_rest() {
    let app = TestApp::start().await;
    let (id, tokens) = logged_in(&app, "ada").await;
    let later = refreshed(&app, &tokens.refresh).await;
    app.pg.execute("update users set is_active = false where id = $1", &[&id]).await.unwrap();
    for token in [&tokens.refresh, &later.refresh] {
        refresh(&app, token).await.problem(401, "invalid_token");
    }
    me(app.address, &later.access).await.unauthorized();
    app.pg.execute("update users set is_active = true where id = $1", &[&id]).await.unwrap();
    me(app.address, &later.access).await.expect(200);
    refreshed(&app, &later.refresh).await;
}

#[tokio::test]
async fn a_reused_token_is_told_to_the_operator_once_and_without_the_token() {
    let app = TestApp::start().await;
    let database_url = crate::faults::database_url(&app);
    let server = Served::start(&[("DATABASE_URL", &database_url)]).await;
    let id = lifter(&app, "ada").await;
    let login = login_request(server.address, "/api/v1/login", "ada", PASSWORD).header("user-agent", "thief");
    let first = Tokens::of(&login.send().await.expect(200));
    let second = Tokens::of(&by_body(server.address, &first.refresh).send().await.expect(200));
    let third = Tokens::of(&by_body(server.address, &second.refresh).send().await.expect(200));
    let age = "update sessions set last_refreshed_at = last_refreshed_at - interval '11 seconds'";
    app.pg.execute(age, &[]).await.unwrap();
    for code in ["refresh_token_reused", "invalid_token"] {
        let request = by_body(server.address, &first.refresh).header("user-agent", "thief");
        request.send().await.problem(401, code);
    }
    let end = Request::new(server.address, "GET", ME).bearer(&third.access).header("x-request-id", "the-last");
    end.send().await.unauthorized();
    eventually("the last request's line", async || server.said().contains("the-last")).await;
    let said = server.said();
    let events: Vec<serde_json::Value> = said
        .lines()
        .filter(|line| line.contains("security_event"))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(events.len(), 1, "{said}");
    let event = &events[0];
    assert_eq!((&event["level"], &event["security_event"]), (&json!("WARN"), &json!("refresh_token_reused")));
    assert_eq!((&event["user_id"], &event["session_id"]), (&json!(id), &json!(first.session)));
    assert_eq!((&event["presented"], &event["stored"]), (&json!(0), &json!(2)));
    assert_eq!((&event["address"], &event["user_agent"]), (&json!("127.0.0.1"), &json!("thief")));
    for tokens in [&first, &second, &third] {
        assert!(!said.contains(&tokens.refresh) && !said.contains(&tokens.access));
    }
}
