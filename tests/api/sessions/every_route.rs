//! Every route that acts for its caller, asked with the access token of a session that has ended: 401, whatever else is right
//! or wrong with the request, and nothing happens.

use repduel_backend::http::{Access, Operation, Route};
use repduel_backend::routes::TABLE;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{ME, NOW, Tokens, logged_in, me};
use crate::support::{Request, TestApp};

/// Routes that an access token opens, with what their handlers' signatures say.
fn routes() -> Vec<(&'static Route, Operation)> {
    let routes = TABLE.iter().flat_map(|routes| routes.iter()).map(|route| (route, route.operation()));
    routes.filter(|(_, operation)| operation.access == Access::User).collect()
}

/// The least that fits a schema.
fn least(schema: &Value, operation: &Operation) -> Value {
    if let Some(path) = schema["$ref"].as_str() {
        return least(&operation.components.0[path.rsplit('/').next().unwrap()], operation);
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str());
    match (kind, schema["format"].as_str(), &schema["enum"][0]) {
        (.., choice) if !choice.is_null() => choice.clone(),
        (Some("object"), ..) => {
            let required = schema["required"].as_array().cloned().unwrap_or_default();
            let names = required.iter().filter_map(Value::as_str);
            names.map(|name| (name.to_owned(), least(&schema["properties"][name], operation))).collect()
        }
        (Some("array"), ..) => json!([]),
        (Some("boolean"), ..) => json!(true),
        (Some("integer" | "number"), ..) => schema.get("minimum").cloned().unwrap_or(json!(1)),
        (Some("string"), Some("uuid"), _) => json!(Uuid::nil()),
        (Some("string"), Some("email"), _) => json!("new@example.com"),
        (Some("string"), Some("date-time"), _) => json!("2027-01-15T08:00:00Z"),
        (Some("string"), ..) => json!("x".repeat(usize::try_from(schema["minLength"].as_u64().unwrap_or(1)).unwrap())),
        _ => panic!("what fits {schema}?"),
    }
}

/// The route's path for this lifter.
fn path(route: &Route, id: Uuid) -> String {
    let segments = route.path.split('/').map(|segment| match segment {
        "{user_id}" => id.to_string(),
        "{scenario_id}" => "back_squat".to_owned(),
        _ if segment.starts_with('{') => Uuid::nil().to_string(),
        _ => segment.to_owned(),
    });
    segments.collect::<Vec<_>>().join("/")
}

/// Requests to this route: a good one as far as its schema tells, and some that have more wrong with them.
fn requests(app: &TestApp, route: &Route, operation: &Operation, id: Uuid) -> Vec<Request> {
    let plain = app.request(route.method.name(), &path(route, id));
    let stranger = app.request(route.method.name(), &path(route, Uuid::new_v4()));
    let Some(body) = operation.body.as_ref().filter(|body| body.media_type == "application/json") else {
        return vec![plain, stranger];
    };
    let good = least(&body.schema, operation);
    let schema = json!({ "allOf": [body.schema], "components": { "schemas": operation.components.0 } });
    assert!(jsonschema::is_valid(&schema, &good), "{} {}: {good}", route.method, route.path);
    vec![
        plain.clone().json(&good),
        stranger.json(&good),
        plain.clone().body("application/json", "{"),
        plain.clone().body("text/plain", "x"),
        plain,
    ]
}

/// What is stored, but for the sessions themselves.
async fn stored(app: &TestApp) -> String {
    let query = "select string_agg(text, ';' order by text) from (
          select users::text as text from users
          union all select scores::text from scores
          union all select routines::text from routines
          union all select guilds::text from guilds
          union all select social_edges::text from social_edges
          union all select hidden_routines::text from hidden_routines
        ) as rows";
    app.pg.query_one(query, &[]).await.unwrap().get(0)
}

async fn are_refused(app: &TestApp, id: Uuid, tokens: &Tokens) {
    let before = stored(app).await;
    for (route, operation) in routes() {
        for request in requests(app, route, &operation, id) {
            let answer = request.bearer(&tokens.access).send().await;
            assert_eq!(answer.status, 401, "{} {}: {answer:?}", route.method, route.path);
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            answer.unauthorized();
        }
    }
    assert_eq!(stored(app).await, before);
}

#[tokio::test]
async fn an_ended_session_opens_none_of_them() {
    let app = TestApp::with_clock(NOW).await;
    assert!(routes().len() > 20);
    let (id, tokens) = logged_in(&app, "ada").await;
    app.request("POST", "/api/v1/users/logout").bearer(&tokens.access).send().await.expect(204);
    are_refused(&app, id, &tokens).await;
    let admin = app.request("POST", "/api/v1/scenarios").bearer(&tokens.access);
    admin.send().await.unauthorized();
}

#[tokio::test]
async fn nor_does_one_that_is_forgotten() {
    let app = TestApp::with_clock(NOW).await;
    let (id, tokens) = logged_in(&app, "ada").await;
    app.pg.execute("delete from sessions", &[]).await.unwrap();
    are_refused(&app, id, &tokens).await;
}

#[tokio::test]
async fn nor_one_of_an_account_that_is_not_active() {
    let app = TestApp::with_clock(NOW).await;
    let (id, tokens) = logged_in(&app, "ada").await;
    app.pg.execute("update users set is_active = false where id = $1", &[&id]).await.unwrap();
    are_refused(&app, id, &tokens).await;
}

#[tokio::test]
async fn refusals_of_a_live_session_are_the_routes_own() {
    let app = TestApp::with_clock(NOW).await;
    let (_, tokens) = logged_in(&app, "ada").await;
    for (method, path, status) in [
        ("PATCH", ME, 422),
        ("POST", "/api/v1/scores/scenario/back_squat", 422),
        ("PUT", "/api/v1/routines/x", 422),
        ("POST", "/api/v1/scenarios", 403),
    ] {
        app.request(method, path).bearer(&tokens.access).send().await.expect(status);
    }
    me(app.address, &tokens.access).await.expect(200);
}
