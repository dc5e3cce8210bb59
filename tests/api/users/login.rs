//! Logging in.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{login, old_account, post_form};
use crate::support::app::PASSWORD_HASH;
use crate::support::{Answer, PASSWORD, TestApp, keys};

/// The user that the answer's access token speaks for.
async fn owner(app: &TestApp, answer: Answer) -> Value {
    let token = answer.expect(200).json()["access_token"].as_str().unwrap().to_owned();
    app.request("GET", "/api/v1/users/me").bearer(&token).send().await.expect(200).json()["id"].clone()
}

#[tokio::test]
async fn a_login_gives_an_access_token_and_a_refresh_cookie() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let answer = login(&app, "ada@example.com", PASSWORD).await.expect(200);
    let tokens = answer.json();
    assert_eq!(keys(&tokens), ["access_token", "expires_in", "token_type"]);
    assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("bearer"), &json!(3600)));
    assert_eq!(answer.header("cache-control"), Some("no-store"));

    assert_eq!(answer.headers.get_all("set-cookie").iter().count(), 1);
    let (cookie, attributes) = answer.header("set-cookie").unwrap().split_once("; ").unwrap();
    assert_eq!(cookie.strip_prefix("refresh_token=").unwrap().split('.').count(), 3);
    let mut attributes: Vec<&str> = attributes.split("; ").collect();
    attributes.sort_unstable();
    assert_eq!(attributes, ["HttpOnly", "Max-Age=2592000", "Path=/api/v1/users/refresh", "SameSite=None", "Secure"]);

    assert_eq!(owner(&app, answer).await, ada.id.to_string());
}

#[tokio::test]
async fn the_cookie_is_as_configured() {
    let app = TestApp::with_variables(&[
        ("COOKIE_DOMAIN", "repduel.com"),
        ("COOKIE_SECURE", "false"),
        ("COOKIE_SAMESITE", "lax"),
        ("REFRESH_TOKEN_EXPIRE_DAYS", "7"),
        ("ACCESS_TOKEN_EXPIRE_MINUTES", "5"),
    ])
    .await;
    app.lifter("ada").await;
    let answer = login(&app, "ada@example.com", PASSWORD).await.expect(200);
    assert_eq!(answer.json()["expires_in"], 300);
    let mut attributes: Vec<&str> = answer.header("set-cookie").unwrap().split("; ").skip(1).collect();
    attributes.sort_unstable();
    assert_eq!(
        attributes,
        ["Domain=repduel.com", "HttpOnly", "Max-Age=604800", "Path=/api/v1/users/refresh", "SameSite=Lax"]
    );
}

#[tokio::test]
async fn other_keys_of_the_form_are_ignored() {
    let app = TestApp::start().await;
    app.lifter("ada").await;
    let form =
        "grant_type=password&scope=&client_id=ios&username=ada%40example.com&password=correct+horse&client_secret=";
    post_form(&app, form).await.expect(200);
}

/// What a caller can see of an answer, but for what is of every request its own.
fn visible(answer: &Answer) -> (u16, BTreeMap<String, String>, Value) {
    let headers = answer.headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    let own = ["x-request-id", "date"];
    let headers = headers.filter(|(name, _)| !own.contains(&name.as_str())).collect();
    let mut body = answer.json();
    body["request_id"].take();
    (answer.status, headers, body)
}

#[tokio::test]
async fn a_failed_login_does_not_tell_why() {
    let app = TestApp::start().await;
    app.lifter("ada").await;
    let gone = app.lifter("gone").await;
    app.pg.execute("update users set is_active = false where id = $1", &[&gone.id]).await.unwrap();
    // Each from an address of its own, so that none finds less left of a budget than another.
    let attempt = async |address: &str, email: &str, password: &str| {
        let request = app.request("POST", "/api/v1/users/login").header("x-forwarded-for", address);
        request.login(email, password).send().await
    };
    let wrong = attempt("203.0.113.1", "ada@example.com", "wrong horse").await.problem(401, "invalid_credentials");
    assert_eq!(wrong.detail(), "Invalid email or password");
    assert!(wrong.header("set-cookie").is_none() && wrong.header("www-authenticate").is_none());
    let unknown = attempt("203.0.113.2", "nobody@example.com", PASSWORD).await;
    let inactive = attempt("203.0.113.3", "gone@example.com", PASSWORD).await;
    let by_name = attempt("203.0.113.4", "ada", PASSWORD).await;
    for other in [unknown, inactive, by_name] {
        assert_eq!(visible(&other), visible(&wrong));
    }
}

#[tokio::test]
async fn an_old_row_that_does_not_say_whether_it_is_active_is() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    app.pg.execute("update users set is_active = null where id = $1", &[&ada.id]).await.unwrap();
    assert_eq!(owner(&app, login(&app, "ada@example.com", PASSWORD).await).await, ada.id.to_string());
}

#[tokio::test]
async fn the_only_address_that_differs_by_case_is_found() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    for email in ["ada@example.com", "Ada@Example.Com", "ADA@EXAMPLE.COM"] {
        assert_eq!(owner(&app, login(&app, email, PASSWORD).await).await, ada.id.to_string(), "{email}");
    }
}

#[tokio::test]
async fn of_two_addresses_that_differ_by_case_only_the_exact_one_logs_in() {
    let app = TestApp::start().await;
    let lower = old_account(&app, "lower", "same@example.com", PASSWORD_HASH).await;
    let upper = old_account(&app, "upper", "Same@example.com", PASSWORD_HASH).await;
    assert_eq!(owner(&app, login(&app, "same@example.com", PASSWORD).await).await, lower.to_string());
    assert_eq!(owner(&app, login(&app, "Same@example.com", PASSWORD).await).await, upper.to_string());
    login(&app, "SAME@example.com", PASSWORD).await.problem(401, "invalid_credentials");
}

#[tokio::test]
async fn old_passwords_beyond_72_bytes_go_on_working() {
    let app = TestApp::start().await;
    let password: String = ('!'..='p').collect();
    assert_eq!(password.len(), 80);
    // The cheapest hash there is: what is tested is where it cuts.
    let hash = bcrypt::hash(&password, 4).unwrap();
    let old = old_account(&app, "old", "old@example.com", &hash).await;
    assert_eq!(owner(&app, login(&app, "old@example.com", &password).await).await, old.to_string());
    login(&app, "old@example.com", &password[..72]).await.expect(200);
    login(&app, "old@example.com", &password[..71]).await.expect(401);
}

#[tokio::test]
async fn a_hash_that_is_none_lets_nobody_in() {
    let app = TestApp::start().await;
    for (n, hash) in ["", "!", "$2b$12$short", PASSWORD].into_iter().enumerate() {
        let email = format!("odd{n}@example.com");
        old_account(&app, &format!("odd{n}"), &email, hash).await;
        login(&app, &email, PASSWORD).await.problem(401, "invalid_credentials");
    }
}

#[tokio::test]
async fn a_login_is_a_form() {
    let app = TestApp::start().await;
    app.lifter("ada").await;
    let body = json!({ "username": "ada@example.com", "password": PASSWORD });
    let answer = app.request("POST", "/api/v1/users/login").json(&body).send().await;
    answer.problem(415, "unsupported_media_type");
    post_form(&app, "").await.invalid(&["/username", "/password"]);
    post_form(&app, "username=ada%40example.com").await.invalid(&["/password"]);
    post_form(&app, "password=correct+horse").await.invalid(&["/username"]);
    post_form(&app, "username=ada%40example.com&password=nul%00").await.invalid(&["/password"]);
}
