//! Registering.

use serde_json::{Value, json};

use super::{USER_KEYS, register, registration};
use crate::support::{Answer, PASSWORD, TestApp, at_once, keys};

#[tokio::test]
async fn a_registration_answers_the_whole_account() {
    let app = TestApp::with_clock(1_800_000_000).await;
    let answer = register(&app, &registration("ada")).await.expect(201);
    let mut user = answer.json();
    assert_eq!(keys(&user), USER_KEYS);
    let id = user["id"].take();
    assert!(uuid::Uuid::try_parse(id.as_str().unwrap()).is_ok());
    let expected = json!({
        "id": null,
        "username": "ada",
        "email": "ada@example.com",
        "is_active": true,
        "created_at": "2027-01-15T08:00:00Z",
        "updated_at": "2027-01-15T08:00:00Z",
        "avatar_url": null,
        "display_name": null,
        "weight": null,
        "gender": null,
        "weight_multiplier": 1.0,
        "subscription_level": "free",
        "energy": 0.0,
        "rank": "Unranked",
        "original_transaction_id": null,
        "preferred_unit": "kg",
    });
    assert_eq!(user, expected);
    // Strict clients tell floats from integers by the decimal point.
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    assert!(text.contains(r#""weight_multiplier":1.0"#) && text.contains(r#""energy":0.0"#), "{text}");
    let found =
        app.count("select count(*) from users where username = 'ada' and hashed_password like '$2b$12$%'").await;
    assert_eq!(found, 1);
}

#[tokio::test]
async fn a_registration_takes_what_is_optional() {
    let app = TestApp::start().await;
    let mut body = registration("Grace Hopper");
    body["email"] = json!("Grace.Hopper+lifts@Sub.Example.com");
    body["display_name"] = json!("Amazing Grace 🏋");
    body["avatar_url"] = json!("http://127.0.0.1:9999/static/avatars/a.png");
    body["preferred_unit"] = json!("lbs");
    let user = register(&app, &body).await.expect(201).json();
    assert_eq!(user["username"], "Grace Hopper");
    assert_eq!(user["email"], "Grace.Hopper+lifts@Sub.Example.com");
    assert_eq!(user["display_name"], "Amazing Grace 🏋");
    assert_eq!(user["avatar_url"], "http://127.0.0.1:9999/static/avatars/a.png");
    assert_eq!(user["preferred_unit"], "lbs");
    assert_eq!(user["weight_multiplier"], 2.20462);
    assert_eq!(app.count("select count(*) from users where avatar_url = 'avatars/a.png'").await, 1);
}

#[tokio::test]
async fn privileged_keys_are_ignored() {
    let app = TestApp::start().await;
    let id = uuid::Uuid::new_v4().to_string();
    let mut body = registration("mallory");
    for (key, value) in [
        ("id", json!(id)),
        ("subscription_level", json!("platinum")),
        ("energy", json!(1200)),
        ("rank", json!("Celestial")),
        ("is_active", json!(false)),
        ("original_transaction_id", json!("1000")),
        ("weight_multiplier", json!(7)),
        ("created_at", json!("1999-01-01T00:00:00Z")),
        ("case_unique", json!(false)),
        ("hashed_password", json!("x")),
    ] {
        body[key] = value;
    }
    let user = register(&app, &body).await.expect(201).json();
    assert_ne!(user["id"], id.as_str());
    assert_eq!((&user["subscription_level"], &user["rank"]), (&json!("free"), &json!("Unranked")));
    assert_eq!((&user["energy"], &user["is_active"]), (&json!(0.0), &json!(true)));
    assert_eq!((&user["original_transaction_id"], &user["weight_multiplier"]), (&Value::Null, &json!(1.0)));
    assert_eq!(
        app.count("select count(*) from users where case_unique and created_at > now() - interval '1 day'").await,
        1
    );
}

#[tokio::test]
async fn a_taken_address_or_name_is_refused_whatever_its_case() {
    let app = TestApp::start().await;
    app.lifter("ada").await;
    for email in ["ada@example.com", "ADA@example.com", "Ada@Example.COM"] {
        let body = json!({ "username": "other", "email": email, "password": PASSWORD });
        let answer = register(&app, &body).await.problem(400, "email_taken");
        assert_eq!(answer.detail(), "Email already registered");
    }
    for name in ["ada", "ADA", "aDa"] {
        let body = json!({ "username": name, "email": "other@example.com", "password": PASSWORD });
        let answer = register(&app, &body).await.problem(400, "username_taken");
        assert_eq!(answer.detail(), "Username is already taken");
    }
    assert_eq!(app.count("select count(*) from users").await, 1);
    let body = |name: &str, email: &str| json!({ "username": name, "email": email, "password": PASSWORD });
    register(&app, &body("Jürgen", "jürgen@example.com")).await.expect(201);
    register(&app, &body("JÜRGEN", "other@example.com")).await.problem(400, "username_taken");
    register(&app, &body("other", "JÜRGEN@example.com")).await.problem(400, "email_taken");
}

/// Registers all of these at once: one gets 201, the others 400 with these words.
async fn race(app: &TestApp, bodies: impl Iterator<Item = Value>, detail: &str) {
    let request = app.request("POST", "/api/v1/users");
    let answers: Vec<Answer> = at_once(bodies.map(|body| {
        let request = request.clone().json(&body);
        async move { request.send().await }
    }))
    .await;
    let (made, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 201);
    assert_eq!((made.len(), refused.len()), (1, 63));
    for answer in refused {
        assert_eq!(answer.expect(400).detail(), detail);
    }
    assert_eq!(app.count("select count(*) from users").await, 1);
}

/// The letters of the text, in upper case where the bits of the number say so.
fn in_case(text: &str, bits: usize) -> String {
    let letter = |(at, c): (usize, char)| if bits >> at & 1 == 1 { c.to_ascii_uppercase() } else { c };
    text.chars().enumerate().map(letter).collect()
}

#[tokio::test]
async fn of_64_simultaneous_registrations_of_an_address_one_succeeds() {
    let app = TestApp::start().await;
    let body = |n: usize| json!({ "username": format!("lifter{n}"), "email": in_case("racing@example.com", n), "password": PASSWORD });
    race(&app, (0..64).map(body), "Email already registered").await;
}

#[tokio::test]
async fn of_64_simultaneous_registrations_of_a_name_one_succeeds() {
    let app = TestApp::start().await;
    let body = |n: usize| json!({ "username": in_case("racing", n), "email": format!("lifter{n}@example.com"), "password": PASSWORD });
    race(&app, (0..64).map(body), "Username is already taken").await;
}

/// Registers with each of these values under a key: every one is 422 for that key, and no answer repeats it.
async fn refuses(key: &str, values: &[Value]) {
    let app = TestApp::start().await;
    for value in values {
        let mut body = registration("ada");
        body[key] = value.clone();
        let answer = register(&app, &body).await.invalid(&[&format!("/{key}")]);
        let sent = value.as_str().filter(|text| text.len() > 6);
        let text = String::from_utf8_lossy(&answer.body);
        assert!(sent.is_none_or(|sent| !text.contains(sent)), "{text} repeats what was sent");
    }
    assert_eq!(app.count("select count(*) from users").await, 0);
}

#[tokio::test]
async fn names_that_cannot_stand_in_an_address_are_refused() {
    let long = "n".repeat(33);
    let mut names: Vec<Value> = [
        "",
        " ",
        "a/bcdefgh",
        "a?bcdefgh",
        "a#bcdefgh",
        "a%20bcdefgh",
        "tab\tinside",
        "line\nfeed",
        "nul\0inside",
        "\u{7f}delete",
        "\u{85}nextline",
        &long,
    ]
    .map(Value::from)
    .into();
    names.extend([Value::Null, json!(7), json!(["ada"]), json!({})]);
    refuses("username", &names).await;
}

#[tokio::test]
async fn a_name_has_32_characters_however_many_bytes_they_take() {
    let app = TestApp::start().await;
    let name = "🏋".repeat(32);
    let body = json!({ "username": name, "email": "emoji@example.com", "password": PASSWORD });
    assert_eq!(register(&app, &body).await.expect(201).json()["username"], name.as_str());
}

#[tokio::test]
async fn addresses_that_are_none_are_refused() {
    let local = format!("{}@example.com", "a".repeat(65));
    let whole = format!("a@{}.com", "sub.".repeat(70));
    let mut emails: Vec<Value> = [
        "",
        "ada.example.com",
        "ada@localhost",
        "@example.com",
        "ada@",
        "ada@@example.com",
        "a da@example.com",
        "ada@exa mple.com",
        "ada@-example.com",
        "ada@example..com",
        "Ada <ada@example.com>",
        "ada@example.com\r\nbcc:x@example.com",
        "ada\0@example.com",
        &local,
        &whole,
    ]
    .map(Value::from)
    .into();
    emails.extend([Value::Null, json!(7), json!(true)]);
    refuses("email", &emails).await;
}

#[tokio::test]
async fn passwords_that_bcrypt_would_cut_or_that_are_short_are_refused() {
    let (long, wide) = ("p".repeat(73), "🏋".repeat(64));
    let mut passwords: Vec<Value> =
        ["", "seven77", "🏋🏋🏋🏋🏋🏋🏋", "nul\0in the middle", &long, &wide].map(Value::from).into();
    passwords.extend([Value::Null, json!(12_345_678)]);
    refuses("password", &passwords).await;
}

#[tokio::test]
async fn a_password_of_72_bytes_counts_to_its_last_byte() {
    let app = TestApp::start().await;
    let password = format!("{}!", "ä".repeat(35)) + "?";
    assert_eq!(password.len(), 72);
    let body = json!({ "username": "ada", "email": "ada@example.com", "password": password });
    register(&app, &body).await.expect(201);
    super::login(&app, "ada@example.com", &password).await.expect(200);
    super::login(&app, "ada@example.com", &password.replace('?', "x")).await.expect(401);
}

#[tokio::test]
async fn pictures_of_others_are_refused() {
    refuses(
        "avatar_url",
        &[
            json!("https://elsewhere.example/a.png"),
            json!("//elsewhere.example/a.png"),
            json!("javascript:alert(1)"),
            json!("../../etc/passwd"),
            json!("http://127.0.0.1:9999/static/../secrets"),
            json!("a".repeat(3000)),
            json!(7),
        ],
    )
    .await;
}

#[tokio::test]
async fn texts_that_the_columns_cannot_hold_are_refused() {
    refuses("display_name", &[json!("d".repeat(256)), json!("nul\0inside"), json!(7)]).await;
    refuses("preferred_unit", &[json!("stone"), json!("KG"), json!(""), json!(1)]).await;
}

#[tokio::test]
async fn every_mistake_is_told_at_once() {
    let app = TestApp::start().await;
    register(&app, &json!({})).await.invalid(&["/username", "/email", "/password"]);
    let body = json!({ "username": "a/b", "email": "nobody", "password": "short", "preferred_unit": "stone" });
    register(&app, &body).await.invalid(&["/username", "/email", "/password", "/preferred_unit"]);
}

#[tokio::test]
async fn half_a_surrogate_pair_is_no_text() {
    let app = TestApp::start().await;
    let body = r#"{"username": "\ud83c", "email": "a@example.com", "password": "correct horse"}"#;
    app.request("POST", "/api/v1/users").body("application/json", body).send().await.problem(422, "validation_error");
}
