//! Feature flags: who may set them, and that every process hears of it.

use serde_json::{Value, json};

use crate::support::database::connect;
use crate::support::{ADMIN_TOKEN, Answer, Request, Served, TestApp, TestDatabase, eventually};

async fn put(app: &TestApp, name: &str, body: &Value) -> Answer {
    app.request("PUT", &format!("/flags/{name}")).bearer(ADMIN_TOKEN).json(body).send().await
}

async fn flags(app: &TestApp) -> Value {
    app.get("/flags").await.expect(200).json()
}

#[tokio::test]
async fn an_operator_sets_flags_and_anybody_reads_them() {
    let app = TestApp::start().await;
    assert_eq!(flags(&app).await, json!({ "flags": {} }));
    let new = json!({ "enabled": true, "description": "The board of 2027" });
    let flag = put(&app, "new_board", &new).await.expect(200).json();
    assert_eq!((&flag["name"], &flag["enabled"]), (&json!("new_board"), &json!(true)));
    assert_eq!(flag["description"], "The board of 2027");
    assert!(flag["updated_at"].is_string());
    put(&app, "coach.v2", &json!({ "enabled": false })).await.expect(200);
    assert_eq!(flags(&app).await, json!({ "flags": { "coach.v2": false, "new_board": true } }));
    assert!(app.app.flags.is_on("new_board") && !app.app.flags.is_on("coach.v2"));
    // What is not said about it stays.
    let flag = put(&app, "new_board", &json!({ "enabled": false })).await.expect(200).json();
    assert_eq!((&flag["enabled"], &flag["description"]), (&json!(false), &json!("The board of 2027")));
    assert_eq!(flags(&app).await["flags"]["new_board"], false);
    assert_eq!(app.count("select count(*) from feature_flags").await, 2);
}

#[tokio::test]
async fn flags_have_plain_names_and_lifters_set_none() {
    let app = TestApp::start().await;
    for name in ["New", "a%20b", "a%2Fb", &"a".repeat(65), "%C3%A4"] {
        put(&app, name, &json!({ "enabled": true })).await.expect(422);
    }
    for body in [json!({}), json!({ "enabled": "true" }), json!({ "enabled": true, "description": "x".repeat(256) })] {
        put(&app, "a", &body).await.expect(422);
    }
    let ada = app.lifter("ada").await;
    let request = app.request("PUT", "/flags/a").json(&json!({ "enabled": true }));
    assert!(matches!(request.clone().bearer(&ada.token).send().await.status, 401 | 403));
    request.send().await.expect(401);
    assert_eq!(app.count("select count(*) from feature_flags").await, 0);
}

/// Whether this server says that the flag is on.
async fn is_on(server: &Served, name: &str) -> bool {
    server.request("GET", "/flags").send().await.expect(200).json()["flags"][name] == true
}

#[tokio::test]
async fn two_servers_hear_of_a_change_at_once_however_it_comes() {
    let database = TestDatabase::migrated().await;
    let url = database.url();
    let variables = [("DATABASE_URL", url.as_str()), ("ADMIN_API_TOKEN", ADMIN_TOKEN)];
    let (one, other) = (Served::start(&variables).await, Served::start(&variables).await);
    assert!(!is_on(&one, "a").await && !is_on(&other, "a").await);
    let set = Request::new(one.address, "PUT", "/flags/a").bearer(ADMIN_TOKEN).json(&json!({ "enabled": true }));
    set.send().await.expect(200);
    assert!(is_on(&one, "a").await, "who was asked knows at once");
    // Without a notice it would take a minute, and the test fails after a third of that.
    eventually("the news at the other server", async || is_on(&other, "a").await).await;
    eventually("the line", async || one.said().contains("a feature flag was set")).await;

    let pg = connect(&url).await;
    pg.batch_execute("insert into feature_flags (name, enabled) values ('b', true)").await.unwrap();
    for server in [&one, &other] {
        eventually("news from psql", async || is_on(server, "b").await).await;
    }
    // A listener whose connection was lost asks for what it may have missed.
    let ended = "select count(pg_terminate_backend(pid)) from pg_stat_activity
        where datname = current_database() and application_name = 'repduel-backend' and query like 'listen feature_flags;%'";
    let terminated: i64 = pg.query_one(ended, &[]).await.unwrap().get(0);
    assert_eq!(terminated, 2);
    pg.batch_execute("delete from feature_flags where name = 'a'").await.unwrap();
    for server in [&one, &other] {
        eventually("news that were missed", async || !is_on(server, "a").await).await;
    }
    one.kill().await;
    other.kill().await;
}
