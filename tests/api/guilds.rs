//! Guilds.

use serde_json::{Value, json};

use crate::support::{Lifter, TestApp, at_once, keys};

const PATH: &str = "/api/v1/guilds";

async fn own(app: &TestApp, lifter: &Lifter) -> Value {
    let guilds = app.get_as(lifter, PATH).await.expect(200).json();
    assert_eq!(app.get_as(lifter, "/api/v1/guilds/me").await.expect(200).json(), guilds);
    guilds
}

#[tokio::test]
async fn a_guild_belongs_to_who_made_it() {
    let app = TestApp::with_clock(1_800_000_000).await;
    let (ada, grace) = (app.lifter("ada").await, app.lifter("grace").await);
    let first = app.post_as(&ada, PATH, json!({ "name": "Żelazo", "extra": 1 })).await.expect(201).json();
    assert_eq!(keys(&first), ["created_at", "icon_url", "id", "name", "owner_id", "updated_at"]);
    assert_eq!(
        (&first["name"], &first["icon_url"], &first["owner_id"]),
        (&json!("Żelazo"), &json!(null), &json!(ada.id))
    );
    assert_eq!(
        (&first["created_at"], &first["updated_at"]),
        (&json!("2027-01-15T08:00:00Z"), &json!("2027-01-15T08:00:00Z"))
    );
    app.advance_s(1);
    let second = app.post_as(&ada, PATH, json!({ "name": "Żelazo" })).await.expect(201).json();
    assert_eq!(own(&app, &ada).await, json!([second, first]), "newest first");
    assert_eq!(own(&app, &grace).await, json!([]));
}

#[tokio::test]
async fn a_name_is_one_to_sixty_four_characters_that_show() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    for name in [json!(""), json!("  \t"), json!("x".repeat(65)), json!("a\0"), json!(7), json!(null)] {
        app.post_as(&ada, PATH, json!({ "name": name })).await.invalid(&["/name"]);
    }
    app.post_as(&ada, PATH, json!({})).await.invalid(&["/name"]);
    for name in ["x".to_owned(), "ż".repeat(64)] {
        let guild = app.post_as(&ada, PATH, json!({ "name": name })).await.expect(201).json();
        assert_eq!(guild["name"], json!(name));
    }
}

#[tokio::test]
async fn an_icon_is_a_picture_of_ours_or_an_http_address() {
    let app = TestApp::with_variables(&[("BASE_URL", "https://api.repduel.com")]).await;
    let ada = app.lifter("ada").await;
    let key = Some("https://api.repduel.com/static/icons/a.png");
    for (given, shown) in [
        (json!("icons/a.png"), key),
        (json!("/static/icons/a.png"), key),
        (json!("https://api.repduel.com/static/icons/a.png"), key),
        (json!("http://localhost:9999/static/icons/a.png"), key),
        (json!("https://elsewhere.example/a.png?x=1"), Some("https://elsewhere.example/a.png?x=1")),
        (json!(""), None),
        (json!(null), None),
    ] {
        let guild = app.post_as(&ada, PATH, json!({ "name": "a", "icon_url": given })).await.expect(201).json();
        assert_eq!(guild["icon_url"], json!(shown), "{given}");
    }
    for given in [
        "javascript:alert(1)",
        "ftp://elsewhere.example/a",
        "../a",
        "//elsewhere.example/a.png",
        "https://e.example/a b",
    ] {
        app.post_as(&ada, PATH, json!({ "name": "a", "icon_url": given })).await.invalid(&["/icon_url"]);
    }
    let long = format!("https://elsewhere.example/{}", "x".repeat(2048));
    app.post_as(&ada, PATH, json!({ "name": "a", "icon_url": long })).await.invalid(&["/icon_url"]);
    assert_eq!(own(&app, &ada).await.as_array().unwrap().len(), 7);
}

#[tokio::test]
async fn one_lifter_owns_a_hundred_guilds_at_most() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let insert =
        "insert into guilds (id, name, owner_id) select gen_random_uuid(), 'a', $1 from generate_series(1, 95)";
    app.pg.execute(insert, &[&ada.id]).await.unwrap();
    let posts = (0..8).map(|_| {
        let request = app.request("POST", PATH).bearer(&ada.token).json(&json!({ "name": "a" }));
        async move { request.send().await.status }
    });
    let mut statuses = at_once(posts).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 201, 201, 201, 201, 409, 409, 409]);
    let answer = app.post_as(&ada, PATH, json!({ "name": "a" })).await.problem(409, "conflict");
    assert_eq!(answer.detail(), "One lifter can own at most 100 guilds");
    assert_eq!(own(&app, &ada).await.as_array().unwrap().len(), 100);
    let grace = app.lifter("grace").await;
    app.post_as(&grace, PATH, json!({ "name": "a" })).await.expect(201);
}

#[tokio::test]
async fn who_is_not_active_has_no_guilds() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    app.pg.batch_execute("update users set is_active = false").await.unwrap();
    app.get_as(&ada, PATH).await.unauthorized();
    app.post_as(&ada, PATH, json!({ "name": "a" })).await.unauthorized();
    assert_eq!(app.count("select count(*) from guilds").await, 0);
}
