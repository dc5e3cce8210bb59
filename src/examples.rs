//! Values that the API's descriptions show: one that works for each parameter, field and body. Pure.
//!
//! A name that is known here gets a telling value; every other one gets the least that its schema asks for. A test sends each
//! example to the server, and fails where the schema alone does not tell what is good.

use serde_json::{Map, Value, json};

use crate::schema::Components;

/// The id that stands for the reader's own account.
pub const OWN_ID: &str = "6f8dc2bb-9a4c-4b7e-a4f2-0c3d6a1f2b11";

/// What stands for a refresh token of the reader's own.
pub const OWN_REFRESH_TOKEN: &str = "eyJ0eXAiOiJKV1QifQ.e30.c2lnbmF0dXJl";

/// What a field, a parameter or a whole body of this name looks like.
fn known(name: &str) -> Option<Value> {
    Some(match name {
        "user_id" => json!(OWN_ID),
        "scenario_id" => json!("back_squat"),
        "username" => json!("ada"),
        "refresh_token" => json!(OWN_REFRESH_TOKEN),
        "email" => json!("ada@example.com"),
        "password" => json!("lift-heavy"),
        "preferred_unit" | "unit" => json!("kg"),
        "bodyweight" | "user_weight" => json!(90),
        "energy" => json!(300),
        "final_score" => json!(140),
        "q" => json!("ada"),
        "code" | "share_code" => json!("ABCD2345"),
        "amount" => json!(50),
        "price_id" => json!("price_1PdQvT2eZvKYlo2C"),
        "success_url" => json!("https://www.repduel.com/profile?paid=1"),
        "cancel_url" => json!("https://www.repduel.com/profile"),
        // Bodies whose fields are all optional, or whose rules ask for more than their schema.
        "Login" => json!({ "username": "ada@example.com", "password": "lift-heavy" }),
        "LogoutRequest" => json!({ "refresh_token": OWN_REFRESH_TOKEN }),
        "NewGuild" => json!({ "name": "Iron Circle" }),
        "NewRoutine" => {
            json!({ "name": "Push day", "scenarios": [{ "scenario_id": "barbell_bench_press", "sets": 3, "reps": 5 }] })
        }
        "NewScenario" => json!({ "name": "Paused Zercher Squat", "multiplier": 0.3 }),
        "NewScore" => json!({ "scenario_id": "back_squat", "weight_lifted": 140, "reps": 3 }),
        "ProfilePatch" => json!({ "weight": 90.7, "gender": "male" }),
        "RoutinePatch" => json!({ "name": "Pull day" }),
        _ => return None,
    })
}

/// An example of what has this name and schema.
#[must_use]
pub fn example(name: &str, schema: &Value, components: &Components) -> Value {
    let reference = schema.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next());
    if let Some(example) = known(name).or_else(|| known(reference?)) {
        return example;
    }
    match reference.and_then(|name| components.0.get(name)) {
        Some(target) => least(target, components),
        None => least(schema, components),
    }
}

/// The least that a schema asks for.
fn least(schema: &Value, components: &Components) -> Value {
    let get = |key: &str| schema.get(key);
    if let Some(first) = get("enum").and_then(|values| values.get(0)) {
        return first.clone();
    }
    if let Some(first) = get("anyOf").or(get("oneOf")).and_then(|schemas| schemas.get(0)) {
        return example("", first, components);
    }
    let kind = get("type").map(|kind| kind.get(0).unwrap_or(kind)).and_then(Value::as_str);
    match kind {
        Some("object") => object(schema, components),
        Some("array") => {
            let empty = get("maxItems") == Some(&json!(0));
            let item = get("items").filter(|_| !empty).map(|items| example("", items, components));
            item.into_iter().collect()
        }
        Some("boolean") => json!(true),
        Some("integer" | "number") => number(schema),
        _ => text(schema).into(),
    }
}

/// The fields that must be there.
fn object(schema: &Value, components: &Components) -> Value {
    let names = schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let field = |name: &str| {
        let field = schema.get("properties")?.get(name)?;
        Some((name.to_owned(), example(name, field, components)))
    };
    names.filter_map(field).collect::<Map<_, _>>().into()
}

/// One, or the bound that keeps from it.
fn number(schema: &Value) -> Value {
    let beyond = |key: &str, is_beyond: fn(f64) -> bool| {
        schema.get(key).filter(|bound| bound.as_f64().is_some_and(is_beyond)).cloned()
    };
    let above = beyond("minimum", |bound| bound > 1.0);
    above.or_else(|| beyond("maximum", |bound| bound < 1.0)).unwrap_or(json!(1))
}

fn text(schema: &Value) -> String {
    match schema.get("format").and_then(Value::as_str) {
        Some("uuid") => uuid::Uuid::nil().to_string(),
        Some("date-time") => "2026-11-21T09:04:00Z".to_owned(),
        Some("date") => "2026-11-21".to_owned(),
        Some("email") => "ada@example.com".to_owned(),
        Some("uri") => "https://example.com/".to_owned(),
        _ => {
            let bound = |key: &str| usize::try_from(schema.get(key)?.as_u64()?).ok();
            let length = bound("minLength").unwrap_or(0).max(4).min(bound("maxLength").unwrap_or(usize::MAX));
            "text".chars().cycle().take(length).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_that_a_schema_asks_for() {
        let mut components = Components::default();
        components.add("Thing", |_| {
            json!({ "type": "object", "required": ["of"], "properties": { "of": { "type": "integer", "minimum": 7 }, "not": {} } })
        });
        let cases = [
            (json!({ "$ref": "#/components/schemas/Thing" }), json!({ "of": 7 })),
            (json!({ "type": ["string", "null"], "minLength": 6 }), json!("textte")),
            (json!({ "type": "string", "maxLength": 2 }), json!("te")),
            (json!({ "enum": ["kg"] }), json!("kg")),
            (json!({ "anyOf": [{ "type": "boolean" }, { "type": "null" }] }), json!(true)),
            (json!({ "type": "array", "items": { "type": "number", "maximum": 0.5 } }), json!([0.5])),
            (json!({ "type": "array", "items": {}, "maxItems": 0 }), json!([])),
            (json!({ "type": "string", "format": "uuid" }), json!(uuid::Uuid::nil())),
        ];
        for (schema, expected) in cases {
            assert_eq!(example("", &schema, &components), expected, "{schema}");
        }
    }
}
