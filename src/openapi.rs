//! The route table as an OpenAPI 3.1 document. Pure: what the handlers' signatures say, and nothing beside.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::error::Problem;
use crate::examples::example;
use crate::http::cx::parameter_names;
use crate::http::route::{BodyFacts, Table};
use crate::http::{Access, Operation, Route};
use crate::schema::Components;

/// What the whole API is, in two sentences.
pub const DESCRIPTION: &str =
    "A strength-training game: lifts, ranks, levels, leaderboards. Both slash forms of every path answer.";

/// Every route with what its signature says, and the named schemas of all of them.
#[must_use]
pub fn operations(table: Table) -> (Vec<(&'static Route, Operation)>, Components) {
    let mut components = Components::default();
    components.add("Problem", |_| problem_schema());
    let describe = |route: &'static Route| {
        let mut operation = Operation { components: std::mem::take(&mut components), ..Operation::default() };
        (route.describe)(&mut operation);
        components = std::mem::take(&mut operation.components);
        (route, operation)
    };
    let operations = table.iter().flat_map(|routes| routes.iter()).map(describe).collect();
    (operations, components)
}

/// The document of a table.
#[must_use]
pub fn document(table: Table) -> Value {
    let (operations, components) = operations(table);
    let (mut paths, mut failures) = (Map::new(), Failures::default());
    for (route, operation) in &operations {
        let described = operation_object(route, operation, &components, &mut failures);
        if let Some(path) = paths.entry(template(route.path)).or_insert_with(|| json!({})).as_object_mut() {
            path.insert(route.method.name().to_lowercase(), described);
        }
    }
    let headers = operations.iter().filter_map(|(_, operation)| operation.signed_by);
    let mut schemes: Map<String, Value> =
        headers.map(|name| (name.to_owned(), json!({ "type": "apiKey", "in": "header", "name": name }))).collect();
    schemes.insert("user".to_owned(), json!({ "type": "http", "scheme": "bearer", "bearerFormat": "JWT" }));
    schemes.insert("admin".to_owned(), json!({ "type": "http", "scheme": "bearer" }));
    json!({
        "openapi": "3.1.0",
        "info": { "title": "RepDuel", "version": "1", "description": DESCRIPTION },
        "paths": paths,
        "components": {
            "schemas": components.0,
            "responses": failures.0,
            "securitySchemes": schemes,
        },
    })
}

/// A route's path as the document has it, which knows no parameter for several segments.
#[must_use]
pub fn template(path: &str) -> String {
    path.replace("{*", "{")
}

fn operation_object(route: &Route, operation: &Operation, components: &Components, failures: &mut Failures) -> Value {
    let body = operation.body.as_ref().map(|body| request_body(body, components));
    let security = match operation.access {
        Access::Open => operation.signed_by.map(|header| json!([{ header: [] }])),
        Access::User => Some(json!([{ "user": [] }])),
        Access::Admin => Some(json!([{ "admin": [] }])),
    };
    let parameters = parameters(route, operation, components);
    let parameters = Some(parameters).filter(|parameters| !parameters.is_empty()).map(Value::from);
    let facts = [
        ("operationId", Some(operation_id(route).into())),
        ("summary", Some(route.summary.into())),
        ("tags", Some(json!([tag(route)]))),
        ("security", security),
        ("parameters", parameters),
        ("requestBody", body),
        ("responses", Some(responses(route, operation, failures))),
    ];
    facts.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect::<Map<_, _>>().into()
}

/// The group of the routes that are about the service itself.
pub const SERVICE: &str = "service";

/// What routes are grouped by: the first segment behind the version. [`SERVICE`] outside of it.
#[must_use]
pub fn tag(route: &Route) -> &'static str {
    let inside = route.path.strip_prefix("/api/v1/").and_then(|rest| rest.split('/').next());
    inside.unwrap_or(SERVICE)
}

/// Unique, because method and path are.
#[must_use]
pub fn operation_id(route: &Route) -> String {
    let words = route.path.trim_start_matches("/api/v1").split(|c: char| !c.is_ascii_alphanumeric());
    let words = std::iter::once(route.method.name()).chain(words).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join("_")
}

fn parameters(route: &Route, operation: &Operation, components: &Components) -> Vec<Value> {
    let path = parameter_names(route.path).zip(&operation.path).map(|(name, schema)| {
        let example = example(name, schema, components);
        json!({ "name": name, "in": "path", "required": true, "schema": schema, "example": example })
    });
    let query = operation.query.iter().map(|(name, doc, schema, required)| {
        let schema = never_null(schema.clone());
        json!({ "name": name, "in": "query", "required": required, "description": doc, "schema": schema })
    });
    let cookie = operation.cookie.map(|name| {
        let example = example(name, &json!({ "type": "string" }), components);
        json!({ "name": name, "in": "cookie", "required": true, "schema": { "type": "string" }, "example": example })
    });
    let key = operation.takes_idempotency_key.then(|| {
        json!({ "name": "Idempotency-Key", "in": "header", "required": false,
            "schema": { "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$" } })
    });
    path.chain(query).chain(cookie).chain(key).collect()
}

/// A text cannot be null, as a value in JSON can.
#[must_use]
pub fn never_null(mut schema: Value) -> Value {
    if let Some(kinds) = schema.get_mut("type").and_then(Value::as_array_mut) {
        kinds.retain(|kind| kind != "null");
    }
    if let Some(values) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        values.retain(|value| !value.is_null());
    }
    schema
}

fn request_body(body: &BodyFacts, components: &Components) -> Value {
    let example = example("", &body.schema, components);
    json!({ "required": body.required, "content": { body.media_type: { "schema": body.schema, "example": example } } })
}

fn responses(route: &Route, operation: &Operation, failures: &mut Failures) -> Value {
    let mut responses = Map::new();
    let mut success = match &operation.reply {
        Some(schema) => {
            let media_type = operation.reply_type.unwrap_or("application/json");
            json!({ "description": "Done.", "content": { media_type: { "schema": schema } } })
        }
        None => json!({ "description": "Done; no body." }),
    };
    if let Some(success) = success.as_object_mut().filter(|_| operation.replays) {
        let description = "Whether this was answered before, to a request with the same Idempotency-Key.";
        let replayed = json!({ "description": description, "schema": { "const": "true" } });
        success.insert("headers".to_owned(), json!({ "Idempotency-Replayed": replayed }));
    }
    if let Some(success) = success.as_object_mut().filter(|_| operation.tells_next) {
        let description = "The cursor of the page behind this one; absent behind the last one.";
        let next = json!({ "description": description, "schema": { "type": "string" } });
        success.insert("headers".to_owned(), json!({ "X-Next-Cursor": next }));
    }
    responses.insert(operation.status.to_string(), success);
    if operation.replies_file {
        let stand_in =
            operation.reply.iter().map(|schema| ("application/json".to_owned(), json!({ "schema": schema })));
        let content: Map<_, _> = stand_in.chain([("*/*".to_owned(), json!({}))]).collect();
        let file = |description: &str| json!({ "description": description, "content": content });
        responses.insert("200".to_owned(), file("The file, or what stands for it."));
        responses.insert("206".to_owned(), file("The part of it that was asked for."));
        responses.insert("304".to_owned(), json!({ "description": "It has not changed; no body." }));
    }
    if operation.can_be_unchanged {
        responses.insert("304".to_owned(), json!({ "description": "What the caller holds has not changed; no body." }));
    }
    for kinds in route.problems(operation).chunk_by(|one, other| one.status() == other.status()) {
        let Some(status) = kinds.first().map(|kind| kind.status()) else { continue };
        let response = match operation.unready.as_ref().filter(|_| status == Problem::Unavailable.status()) {
            Some(unready) => failure(kinds, Some(unready)),
            None => failures.add(kinds),
        };
        responses.insert(status.to_string(), response);
    }
    responses.into()
}

/// The named responses of the document: one for each set of kinds that some route can answer with one status.
#[derive(Default)]
struct Failures(BTreeMap<String, Value>);

impl Failures {
    /// Adds the response of these kinds once and answers the reference to it.
    fn add(&mut self, kinds: &[Problem]) -> Value {
        let name = kinds.iter().map(|kind| kind.code()).collect::<Vec<_>>().join(".");
        let reference = json!({ "$ref": format!("#/components/responses/{name}") });
        self.0.entry(name).or_insert_with(|| failure(kinds, None));
        reference
    }
}

/// The response that a failure of one of these kinds is, or that another document may be as well.
fn failure(kinds: &[Problem], plain: Option<&Value>) -> Value {
    let titles: Vec<&str> = kinds.iter().map(|kind| kind.title()).collect();
    let codes: Vec<&str> = kinds.iter().map(|kind| kind.code()).collect();
    let problem = json!({
        "allOf": [{ "$ref": "#/components/schemas/Problem" }],
        "properties": { "error_code": { "enum": codes } },
    });
    let plain = plain.map(|schema| ("application/json", schema.clone()));
    let content: Map<_, _> = std::iter::once(("application/problem+json", problem))
        .chain(plain)
        .map(|(media_type, schema)| (media_type.to_owned(), json!({ "schema": schema })))
        .collect();
    json!({ "description": format!("{}.", titles.join(", or: ").trim_end_matches('.')), "content": content })
}

/// Every failure's body (RFC 9457).
fn problem_schema() -> Value {
    let text = json!({ "type": "string" });
    json!({
        "type": "object",
        "description": "Why a request failed.",
        "required": ["type", "title", "status", "detail", "instance", "error_code", "request_id"],
        "properties": {
            "type": { "type": "string", "description": "A name of the kind of failure, as an address." },
            "title": { "type": "string", "description": "The kind of failure in words." },
            "status": { "type": "integer", "description": "The HTTP status once more." },
            "detail": { "type": "string", "description": "One sentence for a person." },
            "instance": { "type": "string", "description": "The request's path." },
            "error_code": {
                "type": "string",
                "description": "The kind of failure for programs; it never changes.",
                "enum": Problem::ALL.iter().map(|problem| problem.code()).collect::<Vec<_>>(),
            },
            "request_id": { "type": "string", "description": "What to name to support." },
            "errors": {
                "type": "array",
                "description": "With 422: every value that cannot be used.",
                "items": {
                    "type": "object",
                    "required": ["pointer", "code", "detail"],
                    "properties": { "pointer": text, "code": text, "detail": text },
                },
            },
        },
    })
}
