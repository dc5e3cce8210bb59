//! The route table as an OpenAPI 3.1 document. Pure: what the handlers' signatures say, and nothing beside.

use serde_json::{Map, Value, json};

use crate::error::Problem;
use crate::http::cx::parameter_names;
use crate::http::route::Table;
use crate::http::{Access, Operation, Route};
use crate::schema::Components;

/// Statuses that any route can answer: a bad Host or version, a head that is too large, our own fault, an absent database.
const ALWAYS: [u16; 4] = [400, 431, 500, 503];

/// The document of a table.
#[must_use]
pub fn document(table: Table) -> Value {
    let mut components = Components::default();
    let problem = components.add("Problem", |_| problem_schema());
    let mut paths = Map::new();
    for route in table.iter().flat_map(|routes| routes.iter()) {
        let mut operation = Operation { components: std::mem::take(&mut components), ..Operation::default() };
        (route.describe)(&mut operation);
        operation.failures.extend(route.failures);
        operation.failures.extend(ALWAYS);
        let described = operation_object(route, &operation, &problem);
        components = operation.components;
        if let Some(path) = paths.entry(route.path).or_insert_with(|| json!({})).as_object_mut() {
            path.insert(route.method.name().to_lowercase(), described);
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "RepDuel",
            "version": "1",
            "description": "A strength-training game: lifts, ranks, levels, leaderboards. Both slash forms of every path answer.",
        },
        "paths": paths,
        "components": {
            "schemas": components.0,
            "securitySchemes": {
                "user": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
                "admin": { "type": "http", "scheme": "bearer" },
            },
        },
    })
}

fn operation_object(route: &Route, operation: &Operation, problem: &Value) -> Value {
    let tag =
        route.path.trim_start_matches("/api/v1").split('/').nth(1).filter(|tag| !tag.is_empty()).unwrap_or("root");
    let body = operation
        .body
        .as_ref()
        .map(|body| json!({ "required": true, "content": { body.media_type: { "schema": body.schema } } }));
    let security = match operation.access {
        Access::Open => None,
        Access::User => Some(json!([{ "user": [] }])),
        Access::Admin => Some(json!([{ "admin": [] }])),
    };
    let parameters = Some(parameters(route, operation)).filter(|parameters| !parameters.is_empty()).map(Value::from);
    let facts = [
        ("operationId", Some(operation_id(route).into())),
        ("summary", Some(route.summary.into())),
        ("tags", Some(json!([tag]))),
        ("security", security),
        ("parameters", parameters),
        ("requestBody", body),
        ("responses", Some(responses(operation, problem))),
    ];
    facts.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect::<Map<_, _>>().into()
}

/// Unique, because method and path are.
fn operation_id(route: &Route) -> String {
    let words = route.path.trim_start_matches("/api/v1").split(|c: char| !c.is_ascii_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    format!("{}_{}", route.method.name().to_lowercase(), words.join("_"))
}

fn parameters(route: &Route, operation: &Operation) -> Vec<Value> {
    let path = parameter_names(route.path).zip(&operation.path);
    let path = path.map(|(name, schema)| json!({ "name": name, "in": "path", "required": true, "schema": schema }));
    let query = operation.query.iter().map(|(name, doc, schema, required)| {
        json!({ "name": name, "in": "query", "required": required, "description": doc, "schema": schema })
    });
    let key = operation.takes_idempotency_key.then(|| {
        json!({ "name": "Idempotency-Key", "in": "header", "required": false,
            "schema": { "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$" } })
    });
    path.chain(query).chain(key).collect()
}

fn responses(operation: &Operation, problem: &Value) -> Value {
    let mut responses = Map::new();
    let success = match &operation.reply {
        Some(schema) => {
            json!({ "description": "Done.", "content": { "application/json": { "schema": schema } } })
        }
        None => json!({ "description": "Done; no body." }),
    };
    responses.insert(operation.status.to_string(), success);
    for status in &operation.failures {
        let unready = operation.unready.as_ref().filter(|_| *status == 503);
        let plain = unready.map(|schema| ("application/json", schema));
        let content: Map<_, _> = std::iter::once(("application/problem+json", problem))
            .chain(plain)
            .map(|(media_type, schema)| (media_type.to_owned(), json!({ "schema": schema })))
            .collect();
        let titles = Problem::ALL.iter().filter(|problem| problem.status() == *status).map(|problem| problem.title());
        let description = format!("{}.", titles.collect::<Vec<_>>().join(", or: "));
        responses.insert(status.to_string(), json!({ "description": description, "content": content }));
    }
    responses.into()
}

/// Every failure's body (RFC 9457).
fn problem_schema() -> Value {
    let text = json!({ "type": "string" });
    json!({
        "type": "object",
        "description": "Why a request failed.",
        "required": ["type", "title", "status", "detail", "instance", "error_code", "request_id"],
        "properties": {
            "type": text,
            "title": text,
            "status": { "type": "integer" },
            "detail": { "type": "string", "description": "One sentence for a person." },
            "instance": { "type": "string", "description": "The request's path." },
            "error_code": { "type": "string", "enum": Problem::ALL.iter().map(|problem| problem.code()).collect::<Vec<_>>() },
            "request_id": text,
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["pointer", "code", "detail"],
                    "properties": { "pointer": text, "code": text, "detail": text },
                },
            },
        },
    })
}
