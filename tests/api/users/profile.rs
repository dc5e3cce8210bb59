//! Changing one's own account.

use serde_json::{Value, json};

use super::{USER_KEYS, login, old_account};
use crate::support::app::PASSWORD_HASH;
use crate::support::{Answer, Lifter, PASSWORD, TestApp, at_once, keys};

const ME: &str = "/api/v1/users/me";

async fn patch(app: &TestApp, lifter: &Lifter, body: Value) -> Answer {
    app.patch_as(lifter, ME, body).await
}

/// An old account as a lifter with a token.
async fn old_lifter(app: &TestApp, name: &str, email: &str) -> Lifter {
    let id = old_account(app, name, email, PASSWORD_HASH).await;
    Lifter { id, token: app.token(id).await }
}

#[tokio::test]
async fn every_field_can_be_changed() {
    let app = TestApp::with_clock(1_800_000_000).await;
    let ada = app.lifter("ada").await;
    let before = app.get_as(&ada, ME).await.expect(200).json();
    assert_eq!(keys(&before), USER_KEYS);
    app.advance_s(60);
    for (key, value) in [
        ("username", json!("Ada Lovelace")),
        ("email", json!("countess@example.com")),
        ("display_name", json!("The Countess")),
        ("avatar_url", json!("http://127.0.0.1:9999/static/avatars/a.png")),
        ("weight", json!(61.5)),
        ("gender", json!("woman")),
        ("preferred_unit", json!("lbs")),
    ] {
        let changed = patch(&app, &ada, json!({ key: value })).await.expect(200).json();
        assert_eq!(changed[key], value, "{key}");
        assert_eq!(changed["updated_at"], "2027-01-15T08:01:00Z", "{key}");
        assert_eq!(app.get_as(&ada, ME).await.expect(200).json(), changed, "{key}");
    }
    let after = app.get_as(&ada, ME).await.expect(200).json();
    for key in ["id", "created_at", "is_active", "subscription_level", "energy", "rank", "original_transaction_id"] {
        assert_eq!(after[key], before[key], "{key}");
    }
}

#[tokio::test]
async fn what_is_absent_or_unknown_stays() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let sent = json!({ "display_name": "Ada", "weight": 60, "gender": "f", "avatar_url": "avatars/a.png" });
    let mut before = patch(&app, &ada, sent).await.expect(200).json();
    for body in [json!({}), json!({ "nickname": "x", "password2": 7, "": null })] {
        let mut after = patch(&app, &ada, body).await.expect(200).json();
        after["updated_at"].take();
        before["updated_at"].take();
        assert_eq!(after, before);
    }
}

#[tokio::test]
async fn null_empties_what_may_be_empty_and_nothing_else() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let sent = json!({ "display_name": "Ada", "weight": 60, "gender": "f", "avatar_url": "avatars/a.png" });
    patch(&app, &ada, sent).await.expect(200);
    for key in ["display_name", "avatar_url", "weight", "gender"] {
        let changed = patch(&app, &ada, json!({ key: null })).await.expect(200).json();
        assert_eq!(changed[key], Value::Null, "{key}");
    }
    for key in ["username", "email", "preferred_unit", "password"] {
        patch(&app, &ada, json!({ key: null })).await.invalid(&[&format!("/{key}")]);
    }
    login(&app, "ada@example.com", PASSWORD).await.expect(200);
}

#[tokio::test]
async fn privileged_keys_are_ignored() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let mut before = app.get_as(&ada, ME).await.expect(200).json();
    let body = json!({
        "id": uuid::Uuid::new_v4(),
        "subscription_level": "platinum",
        "energy": 1200,
        "rank": "Celestial",
        "original_transaction_id": "1000",
        "is_active": false,
        "created_at": "1999-01-01T00:00:00Z",
        "weight_multiplier": 7,
        "hashed_password": "x",
    });
    let mut after = patch(&app, &ada, body).await.expect(200).json();
    before["updated_at"].take();
    after["updated_at"].take();
    assert_eq!(after, before);
    login(&app, "ada@example.com", PASSWORD).await.expect(200);
}

#[tokio::test]
async fn a_body_weight_is_more_than_0_and_at_most_1000() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    for weight in [json!(1), json!(0.1), json!(1000), json!(1000.0)] {
        let changed = patch(&app, &ada, json!({ "weight": weight })).await.expect(200);
        assert_eq!(changed.json()["weight"].as_f64(), weight.as_f64());
    }
    // Strict clients read a whole number of kilograms as a float only if it is written as one.
    let text = patch(&app, &ada, json!({ "weight": 80 })).await.expect(200).body;
    assert!(String::from_utf8_lossy(&text).contains(r#""weight":80.0"#), "{text:?}");
    for weight in
        [json!(0), json!(-1), json!(-0.0), json!(1000.1), json!(1e300), json!("NaN"), json!("80"), json!([80])]
    {
        patch(&app, &ada, json!({ "weight": weight })).await.invalid(&["/weight"]);
    }
    for body in [r#"{"weight": NaN}"#, r#"{"weight": Infinity}"#, r#"{"weight": 1e999}"#] {
        let request = app.request("PATCH", ME).bearer(&ada.token).body("application/json", body);
        request.send().await.problem(422, "validation_error");
    }
    assert_eq!(app.get_as(&ada, ME).await.json()["weight"], 80.0);
}

#[tokio::test]
async fn a_gender_comes_back_as_it_was_sent() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    for gender in ["Female", " female ", "male", "MALE", "", "non-binary", "🏳️‍🌈", "rather not say"] {
        let changed = patch(&app, &ada, json!({ "gender": gender })).await.expect(200);
        assert_eq!(changed.json()["gender"], gender);
    }
    patch(&app, &ada, json!({ "gender": 1 })).await.invalid(&["/gender"]);
    patch(&app, &ada, json!({ "gender": "nul\0" })).await.invalid(&["/gender"]);
}

#[tokio::test]
async fn the_multiplier_follows_the_unit() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let body = json!({ "preferred_unit": "lbs", "weight_multiplier": 1.0 });
    assert_eq!(patch(&app, &ada, body).await.expect(200).json()["weight_multiplier"], 2.20462);
    let answer = app.patch_as(&ada, "/api/v1/users/me/unit", json!({ "preferred_unit": "kg" })).await.expect(200);
    assert_eq!(keys(&answer.json()), USER_KEYS);
    assert!(String::from_utf8_lossy(&answer.body).contains(r#""weight_multiplier":1.0"#));
    for unit in [json!("stone"), json!("LBS"), json!(""), json!(null), json!(1)] {
        let body = json!({ "preferred_unit": unit });
        app.patch_as(&ada, "/api/v1/users/me/unit", body.clone()).await.invalid(&["/preferred_unit"]);
        patch(&app, &ada, body).await.invalid(&["/preferred_unit"]);
    }
    app.patch_as(&ada, "/api/v1/users/me/unit", json!({})).await.invalid(&["/preferred_unit"]);
}

#[tokio::test]
async fn names_and_addresses_keep_the_rules_of_registering() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let body = json!({ "username": "a/b", "email": "nobody", "password": "short" });
    patch(&app, &ada, body).await.invalid(&["/username", "/email", "/password"]);
    patch(&app, &ada, json!({ "username": "n".repeat(33) })).await.invalid(&["/username"]);
    patch(&app, &ada, json!({ "display_name": "d".repeat(256) })).await.invalid(&["/display_name"]);
    patch(&app, &ada, json!({ "password": "ä".repeat(37) })).await.invalid(&["/password"]);
    patch(&app, &ada, json!({ "avatar_url": "https://elsewhere.example/a.png" })).await.invalid(&["/avatar_url"]);
}

#[tokio::test]
async fn a_picture_address_is_kept_as_its_key() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let ours = json!("http://127.0.0.1:9999/static/avatars/a.png");
    for sent in [
        "avatars/a.png",
        "/static/avatars/a.png",
        "http://127.0.0.1:9999/static/avatars/a.png",
        "http://localhost:8000/static/avatars/a.png?v=2",
    ] {
        let changed = patch(&app, &ada, json!({ "avatar_url": sent })).await.expect(200);
        assert_eq!(changed.json()["avatar_url"], ours, "{sent}");
        assert_eq!(app.count("select count(*) from users where avatar_url = 'avatars/a.png'").await, 1, "{sent}");
    }
}

#[tokio::test]
async fn a_name_or_address_of_another_is_refused_whatever_its_case() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    app.lifter("grace").await;
    for name in ["grace", "GRACE"] {
        let answer = patch(&app, &ada, json!({ "username": name, "weight": 60 })).await.problem(400, "username_taken");
        assert_eq!(answer.detail(), "Username is already taken");
        let answer =
            patch(&app, &ada, json!({ "email": format!("{name}@example.com") })).await.problem(400, "email_taken");
        assert_eq!(answer.detail(), "Email already registered");
    }
    assert_eq!(app.get_as(&ada, ME).await.json()["weight"], Value::Null);
}

#[tokio::test]
async fn one_may_change_the_case_of_ones_own_name_and_address() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let body = json!({ "username": "ADA", "email": "Ada@Example.com" });
    let changed = patch(&app, &ada, body).await.expect(200).json();
    assert_eq!((&changed["username"], &changed["email"]), (&json!("ADA"), &json!("Ada@Example.com")));
}

#[tokio::test]
async fn of_16_simultaneous_changes_to_one_name_one_succeeds() {
    let app = TestApp::start().await;
    let mut requests = Vec::new();
    for n in 0..16 {
        let lifter = app.lifter(&format!("lifter{n}")).await;
        let name = if n % 2 == 0 { "wanted" } else { "WANTED" };
        requests.push(app.request("PATCH", ME).bearer(&lifter.token).json(&json!({ "username": name })));
    }
    let answers = at_once(requests.into_iter().map(|request| async move { request.send().await })).await;
    let (done, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
    assert_eq!((done.len(), refused.len()), (1, 15));
    for answer in refused {
        answer.problem(400, "username_taken");
    }
    assert_eq!(app.count("select count(*) from users where lower(username) = 'wanted'").await, 1);
}

#[tokio::test]
async fn an_old_account_whose_address_another_differs_from_by_case_may_change_what_else_it_has() {
    let app = TestApp::start().await;
    let lower = old_lifter(&app, "lower", "same@example.com").await;
    let upper = old_lifter(&app, "upper", "Same@example.com").await;
    let changed =
        patch(&app, &lower, json!({ "username": "renamed", "display_name": "Lower" })).await.expect(200).json();
    assert_eq!((&changed["username"], &changed["email"]), (&json!("renamed"), &json!("same@example.com")));
    patch(&app, &upper, json!({ "username": "other" })).await.expect(200);
    // Its address itself must not come any closer to the other one.
    patch(&app, &lower, json!({ "email": "SAME@example.com" })).await.problem(400, "email_taken");
    patch(&app, &lower, json!({ "email": "mine@example.com" })).await.expect(200);
    assert_eq!(app.count("select count(*) from users where case_unique").await, 1);
    // From now on it is held to the rule like any other.
    patch(&app, &upper, json!({ "email": "MINE@example.com" })).await.problem(400, "email_taken");
}

#[tokio::test]
async fn a_new_password_replaces_the_old_one() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let answer = patch(&app, &ada, json!({ "password": "battery staple" })).await.expect(200);
    assert_eq!(keys(&answer.json()), USER_KEYS);
    login(&app, "ada@example.com", "battery staple").await.expect(200);
    login(&app, "ada@example.com", PASSWORD).await.problem(401, "invalid_credentials");
    assert_eq!(app.count("select count(*) from users where hashed_password like '$2b$12$%'").await, 1);
}
