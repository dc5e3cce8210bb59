//! The refresh cookie: how it is set and taken back, and which pages may use it.

use serde_json::json;

use super::{BY_COOKIE, NOW, by_cookie, cookie_token, counter, lifter, log_in, logged_in, login_request, me};
use crate::support::{Answer, PASSWORD, TestApp, keys};

/// Variables, and the attributes that they make.
type Case = (&'static [(&'static str, &'static str)], &'static [&'static str]);

/// The cookie's attributes, sorted.
fn attributes(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.headers.get_all("set-cookie").iter().count(), 1);
    let cookie = answer.header("set-cookie").unwrap();
    let mut attributes: Vec<_> = cookie.split("; ").skip(1).map(str::to_owned).collect();
    attributes.sort_unstable();
    attributes
}

#[tokio::test]
async fn it_is_set_and_taken_back_under_the_configured_attributes() {
    let all: [Case; 3] = [
        (&[], &["HttpOnly", "Path=/api/v1/users/refresh", "SameSite=None", "Secure"]),
        (
            &[("COOKIE_DOMAIN", "repduel.com"), ("COOKIE_SECURE", "false"), ("COOKIE_SAMESITE", "lax")],
            &["Domain=repduel.com", "HttpOnly", "Path=/api/v1/users/refresh", "SameSite=Lax"],
        ),
        (&[("COOKIE_SAMESITE", "strict")], &["HttpOnly", "Path=/api/v1/users/refresh", "SameSite=Strict", "Secure"]),
    ];
    for (variables, expected) in all {
        let app = TestApp::with_clock_and_variables(NOW, variables).await;
        lifter(&app, "ada").await;
        let with_age = |age: &str| {
            let mut all: Vec<String> = expected.iter().map(|attribute| (*attribute).to_owned()).collect();
            all.push(age.to_owned());
            all.sort_unstable();
            all
        };
        let login = login_request(app.address, "/api/v1/users/login", "ada", PASSWORD).send().await.expect(200);
        assert_eq!(attributes(&login), with_age("Max-Age=2592000"));
        app.advance_s(60);
        let refreshed = by_cookie(app.address, &cookie_token(&login)).send().await.expect(200);
        assert_eq!(attributes(&refreshed), with_age("Max-Age=2592000"));
        assert_eq!(keys(&refreshed.json()), ["access_token", "expires_in", "token_type"]);
        app.advance_s(60);
        let again = by_cookie(app.address, &cookie_token(&login)).send().await.expect(200);
        assert_eq!(attributes(&again), with_age("Max-Age=2591940"), "what is left of the session");
        let access = refreshed.json()["access_token"].as_str().unwrap().to_owned();
        let logout = app.request("POST", "/api/v1/users/logout").bearer(&access).send().await.expect(204);
        assert_eq!(attributes(&logout), with_age("Max-Age=0"));
        assert_eq!((cookie_token(&logout).as_str(), logout.header("cache-control")), ("", Some("no-store")));
        me(app.address, &access).await.unauthorized();
    }
}

#[tokio::test]
async fn without_the_cookie_there_is_nothing_to_refresh() {
    let app = TestApp::start().await;
    let (_, tokens) = logged_in(&app, "ada").await;
    let token = &tokens.refresh;
    for cookie in [
        None,
        Some(""),
        Some("refresh_token"),
        Some("refresh_token="),
        Some("other=1; Refresh_Token=x"),
        Some(&*format!("xrefresh_token={token}")),
        Some(&*format!("other=refresh_token={token}")),
    ] {
        let request = app.request("POST", BY_COOKIE);
        let request = cookie.into_iter().fold(request, |request, cookie| request.header("cookie", cookie));
        let answer = request.send().await;
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        answer.unauthorized();
    }
    // Neither a header nor a body stands in for it.
    app.request("POST", BY_COOKIE).bearer(token).send().await.unauthorized();
    app.request("POST", BY_COOKIE).json(&json!({ "refresh_token": token })).send().await.unauthorized();
    assert_eq!(counter(&app, tokens.session).await, 0);
}

#[tokio::test]
async fn it_is_found_among_other_cookies() {
    let app = TestApp::start().await;
    lifter(&app, "ada").await;
    for write in [
        |token: &str| vec![format!("a=b; refresh_token={token}; c=d=e; f")],
        |token: &str| vec!["a=b".to_owned(), format!("refresh_token={token}")],
        |token: &str| vec![format!("a=b;refresh_token=\"{token}\"")],
        |token: &str| vec![format!("refresh_token=older; refresh_token={token}")],
    ] {
        let tokens = log_in(&app, "ada").await;
        let mut request = app.request("POST", BY_COOKIE).header("content-type", "application/json");
        for line in write(&tokens.refresh) {
            request = request.header("cookie", &line);
        }
        request.send().await.expect(200);
    }
}

#[tokio::test]
async fn only_pages_that_may_call_the_api_can_use_it() {
    let app = TestApp::with_variables(&[("FRONTEND_ORIGINS", "https://app.example")]).await;
    let (_, tokens) = logged_in(&app, "ada").await;
    let request = by_cookie(app.address, &tokens.refresh);
    for (header, value) in [
        ("origin", "https://evil.example"),
        ("origin", "https://www.repduel.com.evil.example"),
        ("origin", "http://www.repduel.com"),
        ("origin", "https://www.repduel.com:8443"),
        ("origin", "null"),
        ("origin", ""),
        ("referer", "https://evil.example/https://www.repduel.com/"),
        ("referer", "https://www.repduel.com@evil.example/"),
        ("referer", "https://www.repduel.com.evil.example/"),
        ("referer", "about:blank"),
        ("referer", ""),
    ] {
        let answer = request.clone().header(header, value).send().await.problem(403, "forbidden");
        assert!(answer.header("set-cookie").is_none(), "{header}: {value}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{header}: {value}");
        // Neither does it matter what else is wrong.
        app.request("POST", BY_COOKIE).header(header, value).send().await.problem(403, "forbidden");
    }
    let both = request.clone().header("origin", "https://evil.example").header("referer", "https://www.repduel.com/");
    both.send().await.problem(403, "forbidden");
    let twice = request.clone().header("origin", "https://www.repduel.com").header("origin", "https://evil.example");
    twice.send().await.problem(403, "forbidden");
    assert_eq!(counter(&app, tokens.session).await, 0);

    let mut token = tokens.refresh;
    for headers in [
        vec![("origin", "https://www.repduel.com")],
        vec![("origin", "https://app.example"), ("referer", "https://app.example/profile")],
        vec![("origin", "http://localhost:5173")],
        vec![("referer", "https://www.repduel.com/profile?tab=1#top")],
        vec![("referer", "https://APP.example")],
        vec![("user-agent", "RepDuel/3.2")],
    ] {
        let request = by_cookie(app.address, &token);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        let answer = request.send().await.expect(200);
        token = cookie_token(&answer);
    }
}

#[tokio::test]
async fn in_production_a_page_on_somebodys_own_machine_is_a_stranger() {
    let secret = "0123456789abcdef0123456789abcdef";
    let app = TestApp::with_variables(&[
        ("APP_ENV", "production"),
        ("JWT_SECRET_KEY", secret),
        ("REFRESH_JWT_SECRET_KEY", secret),
        ("ADMIN_API_TOKEN", secret),
        ("APP_URL", "https://app.repduel.example"),
    ])
    .await;
    let (_, tokens) = logged_in(&app, "ada").await;
    let request = by_cookie(app.address, &tokens.refresh);
    for origin in ["http://localhost:5173", "http://127.0.0.1"] {
        request.clone().header("origin", origin).send().await.problem(403, "forbidden");
    }
    request.header("origin", "https://app.repduel.example").send().await.expect(200);
}
