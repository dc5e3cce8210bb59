//! Budgets: who has used one up is told until when, nobody else notices, and all instances agree.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use repduel_backend::budget::{Budget, Quota};
use serde_json::json;

use crate::support::{Answer, PASSWORD, Request, TestApp, at_once};

/// 2027-01-15T08:00:00Z.
const MORNING: i64 = 1_800_000_000;
const SCENARIOS: &str = "/api/v1/scenarios";
const ME: &str = "/api/v1/users/me";

/// What an answer tells about budgets: the policy, how it stands, limit, remaining, reset.
fn told(answer: &Answer) -> [&str; 5] {
    ["ratelimit-policy", "ratelimit", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"]
        .map(|name| answer.header(name).unwrap_or_default())
}

/// The answer is a 429 that says when to come back.
#[track_caller]
fn refused(answer: Answer, after_s: u32) -> Answer {
    let answer = answer.problem(429, "rate_limit_exceeded");
    let after_s = after_s.to_string();
    assert_eq!(answer.header("retry-after"), Some(after_s.as_str()));
    assert_eq!(
        (answer.header("x-ratelimit-remaining"), answer.header("x-ratelimit-reset")),
        (Some("0"), Some(after_s.as_str()))
    );
    answer
}

/// A login from this address, behind the proxy that the test is.
fn login_from(app: &TestApp, address: &str, email: &str, password: &str) -> Request {
    app.request("POST", "/api/v1/users/login").header("x-forwarded-for", address).login(email, password)
}

#[tokio::test]
async fn a_lifters_reads_and_writes_are_counted_apart() {
    let variables =
        [("RATE_LIMIT_READ_LIMIT", "2"), ("RATE_LIMIT_WRITE_LIMIT", "1"), ("RATE_LIMIT_WRITE_WINDOW_SECONDS", "7")];
    let app = TestApp::with_clock_and_variables(MORNING, &variables).await;
    let (ada, grace) = (app.lifter("ada").await, app.lifter("grace").await);
    let first = app.get_as(&ada, "/api/v1/routines").await.expect(200);
    assert_eq!(told(&first), ["\"read\";q=2;w=60", "\"read\";r=1;t=60", "2", "1", "60"]);
    app.advance_s(20);
    let open = app.get_as(&ada, SCENARIOS).await.expect(200);
    assert_eq!(told(&open), ["\"read\";q=2;w=60", "\"read\";r=0;t=40", "2", "0", "40"]);
    let third = refused(app.get_as(&ada, SCENARIOS).await, 40);
    assert_eq!(told(&third)[1], "\"read\";r=0;t=40");
    let head = app.request("HEAD", SCENARIOS).bearer(&ada.token).send().await.expect(429);
    assert_eq!(head.header("retry-after"), Some("40"));

    let path = "/api/v1/users/me/hidden-routines/5bb14d53-76b3-4ea9-93c6-fe2e6bb3cc3b";
    let write = app.request("DELETE", path).bearer(&ada.token);
    assert_eq!(told(&write.send().await.expect(204)), ["\"write\";q=1;w=7", "\"write\";r=0;t=7", "1", "0", "7"]);
    refused(write.send().await, 7);
    app.get_as(&grace, SCENARIOS).await.expect(200);
    app.request("DELETE", path).bearer(&grace.token).send().await.expect(204);

    app.advance_s(39);
    refused(app.get_as(&ada, SCENARIOS).await, 1);
    app.advance_s(1);
    app.get_as(&ada, SCENARIOS).await.expect(200);
    refused(app.get_as(&ada, SCENARIOS).await, 20);
}

#[tokio::test]
async fn strangers_are_counted_by_address() {
    let app = TestApp::with_clock_and_variables(MORNING, &[("RATE_LIMIT_READ_LIMIT", "2")]).await;
    let from = |address: &str| app.request("GET", SCENARIOS).header("x-forwarded-for", address);
    from("203.0.113.1").send().await.expect(200);
    // Whatever they do: a write of a stranger is refused anyway, but not for nothing.
    let write = app.request("DELETE", ME).header("x-forwarded-for", "203.0.113.1").send().await.unauthorized();
    assert_eq!(told(&write)[1], "\"read\";r=0;t=60");
    refused(from("203.0.113.1").send().await, 60);
    refused(from("6.6.6.6, 203.0.113.1").send().await, 60);
    refused(from("203.0.113.1:4711").bearer("no-token").send().await, 60);
    from("203.0.113.2").send().await.expect(200);
    let ada = app.lifter("ada").await;
    from("203.0.113.1").bearer(&ada.token).send().await.expect(200);

    // Whoever has one IPv6 address has 2^64 of them.
    from("2001:db8::1").send().await.expect(200);
    from("2001:db8::ffff:2").send().await.expect(200);
    refused(from("[2001:db8::3]:80").send().await, 60);
    from("2001:db8:0:1::1").send().await.expect(200);
}

#[tokio::test]
async fn what_must_never_fail_is_not_limited() {
    let app = TestApp::with_variables(&[("RATE_LIMIT_READ_LIMIT", "1"), ("RATE_LIMIT_WRITE_LIMIT", "1")]).await;
    let ada = app.lifter("ada").await;
    for _ in 0..2 {
        for path in [ME, "/health", "/health/db", "/ready"] {
            let answer = app.get_as(&ada, path).await.expect(200);
            assert_eq!(told(&answer), [""; 5], "{path}");
        }
        app.request("OPTIONS", SCENARIOS).send().await.expect(204);
    }
}

#[tokio::test]
async fn nothing_is_counted_where_limits_are_off() {
    let variables = [
        ("RATE_LIMIT_ENABLED", "false"),
        ("RATE_LIMIT_READ_LIMIT", "1"),
        ("RATE_LIMIT_FOLLOW_LIMIT", "1"),
        ("RATE_LIMIT_LOGIN_LIMIT", "1"),
    ];
    let app = TestApp::with_variables(&variables).await;
    let ada = app.lifter("ada").await;
    for name in ["grace", "mary"] {
        let other = app.lifter(name).await;
        let answer = app.request("POST", &format!("/api/v1/users/{}/follow", other.id)).bearer(&ada.token).send().await;
        assert_eq!(told(&answer.expect(204)), [""; 5]);
        assert_eq!(told(&app.get(SCENARIOS).await.expect(200)), [""; 5]);
        login_from(&app, "203.0.113.1", "ada@example.com", "wrong").send().await.expect(401);
    }
    assert_eq!(app.count("select count(*) from rate_limit_windows").await, 0);
}

#[tokio::test]
async fn logins_to_an_account_are_counted_whether_it_exists_or_not() {
    let app = TestApp::with_clock_and_variables(MORNING, &[("RATE_LIMIT_LOGIN_LIMIT", "2")]).await;
    app.lifter("ada").await;
    let mut seen = Vec::new();
    for (known, email) in [(true, "ada@example.com"), (false, "nobody@example.com")] {
        let one = |address, email: &str, password| login_from(&app, address, email, password);
        let first = one("203.0.113.1", email, "wrong").send().await.expect(401);
        app.advance_s(10);
        let shout = email.to_uppercase();
        let second = one("203.0.113.2", &shout, PASSWORD).send().await.expect(if known { 200 } else { 401 });
        let third = refused(one("203.0.113.3", email, PASSWORD).send().await, 50);
        let all: Vec<_> = [&first, &second, &third].into_iter().map(|answer| told(answer).map(str::to_owned)).collect();
        seen.push((all, third.detail()));
        app.advance_s(60);
    }
    assert_eq!(seen[0], seen[1], "the limit tells nobody which accounts there are");
    assert_eq!(seen[0].0[0][0], "\"login\";q=2;w=60, \"login_address\";q=100000;w=60");
    assert_eq!(seen[0].0[0][1], "\"login\";r=1;t=60, \"login_address\";r=99999;t=60");
    assert_eq!(seen[0].0[1][2..], ["2", "0", "50"]);
    login_from(&app, "203.0.113.3", "ada@example.com", PASSWORD).send().await.expect(200);
    // What cannot be an attempt is none.
    let broken = app.request("POST", "/api/v1/users/login").body("application/x-www-form-urlencoded", "").send().await;
    assert_eq!(told(&broken.expect(422)), [""; 5]);
}

#[tokio::test]
async fn an_account_has_one_budget_however_its_address_is_written() {
    let app = TestApp::with_clock_and_variables(MORNING, &[("RATE_LIMIT_LOGIN_LIMIT", "3")]).await;
    app.lifter("iris").await;
    app.lifter("ΜΑΡΙΟΣ").await;
    let writings = [
        ["iris@example.com", "IRIS@example.com", "İrİs@example.com", "iriS@EXAMPLE.com"],
        ["ΜΑΡΙΟΣ@example.com", "μαριοσ@example.com", "Μαριοσ@example.com", "ΜΑΡΙΟΣ@Example.com"],
    ];
    for [first, second, third, fourth] in writings {
        for email in [first, second, third] {
            // PostgreSQL takes each of them for the same account.
            login_from(&app, "203.0.113.1", email, PASSWORD).send().await.expect(200);
        }
        refused(login_from(&app, "203.0.113.1", fourth, PASSWORD).send().await, 60);
    }
}

#[tokio::test]
async fn the_budgets_that_are_written_hold_as_they_are() {
    let defaults =
        [("RATE_LIMIT_LOGIN_LIMIT", "10"), ("RATE_LIMIT_LOGIN_ADDRESS_LIMIT", "60"), ("RATE_LIMIT_WRITE_LIMIT", "240")];
    let app = TestApp::with_clock_and_variables(MORNING, &defaults).await;
    let ada = app.lifter("ada").await;
    let wrong = |email: &str| login_from(&app, "203.0.113.1", email, "wrong");
    for _ in 0..10 {
        wrong("ada@example.com").send().await.expect(401);
    }
    refused(wrong("ada@example.com").send().await, 60);
    let write = app
        .request("DELETE", "/api/v1/users/me/hidden-routines/5bb14d53-76b3-4ea9-93c6-fe2e6bb3cc3b")
        .bearer(&ada.token);
    for _ in 0..240 {
        write.send().await.expect(204);
    }
    refused(write.send().await, 60);
}

#[tokio::test]
async fn who_tries_many_accounts_from_one_address_is_stopped_and_locks_nobody_out() {
    let variables = [("RATE_LIMIT_LOGIN_ADDRESS_LIMIT", "3"), ("RATE_LIMIT_LOGIN_LIMIT", "2")];
    let app = TestApp::with_clock_and_variables(MORNING, &variables).await;
    app.lifter("ada").await;
    for name in ["mary", "grace", "edith"] {
        login_from(&app, "203.0.113.1", &format!("{name}@example.com"), "guess").send().await.expect(401);
    }
    for _ in 0..5 {
        refused(login_from(&app, "203.0.113.1", "ada@example.com", "guess").send().await, 60);
    }
    login_from(&app, "203.0.113.2", "ada@example.com", PASSWORD).send().await.expect(200);
}

#[tokio::test]
async fn registrations_are_counted_by_the_minute_and_by_the_day() {
    let variables = [("RATE_LIMIT_REGISTER_LIMIT", "2"), ("RATE_LIMIT_REGISTER_DAY_LIMIT", "3")];
    let app = TestApp::with_clock_and_variables(MORNING, &variables).await;
    let register = |name: &str| {
        let body = json!({ "username": name, "email": format!("{name}@example.com"), "password": PASSWORD });
        app.request("POST", "/api/v1/users").header("x-forwarded-for", "203.0.113.1").json(&body)
    };
    let first = register("ada").send().await.expect(201);
    assert_eq!(told(&first)[1], "\"register\";r=1;t=60, \"register_day\";r=2;t=86400");
    register("a/b").send().await.expect(422);
    register("ada").send().await.problem(400, "email_taken");
    refused(register("mary").send().await, 60);
    app.advance_s(60);
    register("mary").send().await.expect(201);
    refused(register("grace").send().await, 86_340);
    assert_eq!(app.count("select count(*) from users").await, 2);
    let elsewhere = register("grace").header("x-forwarded-for", "203.0.113.7").send().await;
    elsewhere.expect(201);
}

#[tokio::test]
async fn follows_tell_how_many_are_left() {
    let app = TestApp::with_clock_and_variables(MORNING, &[("RATE_LIMIT_FOLLOW_LIMIT", "2")]).await;
    let ada = app.lifter("ada").await;
    let mut others = Vec::new();
    for name in ["grace", "mary", "edith"] {
        others.push(app.lifter(name).await.id);
    }
    let follow = |user: uuid::Uuid| app.request("POST", &format!("/api/v1/users/{user}/follow")).bearer(&ada.token);
    let nobody = follow(uuid::Uuid::nil()).send().await.expect(404);
    assert_eq!(told(&nobody), ["\"follow\";q=2;w=3600", "\"follow\";r=2;t=0", "2", "2", "0"]);
    assert_eq!(told(&follow(others[0]).send().await.expect(204))[1], "\"follow\";r=1;t=3600");
    app.advance_s(100);
    assert_eq!(told(&follow(others[0]).send().await.expect(204))[1], "\"follow\";r=1;t=3500", "it was followed before");
    assert_eq!(told(&follow(others[1]).send().await.expect(204))[1], "\"follow\";r=0;t=3500");
    refused(follow(others[2]).send().await, 3500);
    assert_eq!(told(&follow(ada.id).send().await.expect(409))[0], "\"write\";q=100000;w=60");
}

#[tokio::test]
async fn instances_count_together() {
    let variables = [("RATE_LIMIT_LOGIN_LIMIT", "4"), ("RATE_LIMIT_LOGIN_ADDRESS_LIMIT", "100")];
    let app = TestApp::with_clock_and_variables(MORNING, &variables).await;
    let twin = app.another().await;
    // A login that is let through and then answered 503 has been counted.
    let unlucky = Arc::new(AtomicUsize::new(0));
    let attempts = (0..24).map(|number| {
        let request = if number % 2 == 0 {
            app.request("POST", "/api/v1/users/login")
        } else {
            Request::new(twin, "POST", "/api/v1/users/login")
        };
        let request = request.login("ada@example.com", "wrong");
        let unlucky = Arc::clone(&unlucky);
        async move {
            // Whoever found no connection in time tries again.
            loop {
                match request.send().await.status {
                    503 => drop(unlucky.fetch_add(1, Ordering::SeqCst)),
                    status => return status,
                }
            }
        }
    });
    let statuses = at_once(attempts).await;
    let tried = statuses.iter().filter(|status| **status == 401).count();
    assert!(tried <= 4 && tried + unlucky.load(Ordering::SeqCst) >= 4, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 24 - tried, "{statuses:?}");
    assert_eq!(
        app.count("select cardinality(hits)::bigint from rate_limit_windows where cardinality(hits) = 4").await,
        4
    );
    // One that is started anew knows what the others counted.
    let late = Request::new(app.another().await, "POST", "/api/v1/users/login").login("ada@example.com", "wrong");
    refused(late.send().await, 60);
}

#[tokio::test]
async fn who_goes_on_knocking_asks_the_database_nothing() {
    let app = TestApp::with_clock_and_variables(MORNING, &[("RATE_LIMIT_LOGIN_LIMIT", "1")]).await;
    let knock = |address| login_from(&app, address, "ada@example.com", "wrong");
    knock("203.0.113.1").send().await.expect(401);
    app.advance_s(1);
    refused(knock("203.0.113.1").send().await, 59);
    app.pg.execute("truncate rate_limit_windows", &[]).await.unwrap();
    app.advance_s(58);
    refused(knock("203.0.113.1").send().await, 1);
    let account = "select count(*) from rate_limit_windows";
    assert_eq!(app.count(account).await, 1, "the address was counted, the account was not looked at");
    app.advance_s(1);
    knock("203.0.113.1").send().await.expect(401);
}

#[tokio::test]
async fn the_table_knows_no_names_and_forgets() {
    let app = TestApp::with_clock(MORNING).await;
    login_from(&app, "203.0.113.9", "ada@example.com", "wrong").send().await.expect(401);
    let rows = app.pg.query("select rate_limit_windows::text from rate_limit_windows", &[]).await.unwrap();
    assert_eq!(rows.len(), 2);
    for row in rows {
        let text: String = row.get(0);
        assert!(!text.contains("ada") && !text.contains("203.0.113"), "{text}");
    }
    let old = "insert into rate_limit_windows select sha256(n::text::bytea), array[now()], true, to_timestamp($1) from generate_series(1, 2000) as n";
    app.pg.execute(old, &[&1_799_000_000.0]).await.unwrap();
    let over = "select count(*) from rate_limit_windows where over_at <= to_timestamp(1800000000)";
    assert_eq!(app.count(over).await, 2000);
    // Each login counts twice; every 64th count removes some.
    for number in 0..64 {
        login_from(&app, "203.0.113.9", &format!("{number}@example.com"), "").send().await.expect(422);
        app.app
            .limits
            .take_together(&app.app.db, twice(), &number.to_string(), app.app.clock.now())
            .await
            .unwrap()
            .unwrap();
    }
    let left = app.count(over).await;
    assert!((1_000..2_000).contains(&left), "{left} are left: some are removed, not all at once");
}

fn twice() -> (Budget, Quota) {
    (Budget::Login, Quota { limit: 2, window_s: 60 })
}

#[tokio::test]
async fn refreshes_are_counted_by_session() {
    let app = TestApp::with_clock_and_variables(MORNING, &[("RATE_LIMIT_REFRESH_LIMIT", "2")]).await;
    app.lifter("ada").await;
    let session = async || {
        let pair =
            app.request("POST", "/api/v1/auth/login").login("ada@example.com", PASSWORD).send().await.expect(200);
        pair.json()["refresh_token"].as_str().unwrap().to_owned()
    };
    let (one, other) = (session().await, session().await);
    let by_body = |token: &str| app.request("POST", "/api/v1/auth/refresh").json(&json!({ "refresh_token": token }));
    let by_cookie =
        |token: &str| app.request("POST", "/api/v1/users/refresh").header("cookie", &format!("refresh_token={token}"));
    let first = by_body(&one).send().await.expect(200);
    assert_eq!(told(&first), ["\"refresh\";q=2;w=60", "\"refresh\";r=1;t=60", "2", "1", "60"]);
    by_cookie(&one).send().await.expect(200);
    refused(by_cookie(&one).send().await, 60);
    let newest = first.json()["refresh_token"].as_str().unwrap().to_owned();
    refused(by_body(&newest).send().await, 60);
    by_body(&other).send().await.expect(200);
    by_body("a.b.c").send().await.expect(401);
    app.advance_s(60);
    by_body(&newest).send().await.expect(200);
}
