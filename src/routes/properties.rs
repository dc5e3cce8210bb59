//! What routes read against what they declare: whatever the OpenAPI document allows is taken, in ordinary letters; whatever is
//! taken is allowed; and what is refused is named, not repeated.

use proptest::collection::{hash_map, vec};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::Union;
use serde_json::{Map, Value, json};

use super::TABLE;
use crate::http::route::Reader;
use crate::http::{Operation, Route};
use crate::{openapi, property};

/// Dates and times that every calendar has.
const INSTANTS: &str =
    r"[12][0-9]{3}-(0[1-9]|1[0-2])-[12][0-8]T[01][0-9]:[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?(Z|[+-]1[0-9]:[0-5][0-9])";
/// A text that no answer may repeat.
const CANARY: &str = "cuckoo-egg";

fn routes() -> impl Iterator<Item = (&'static Route, Operation)> {
    TABLE.iter().flat_map(|routes| routes.iter()).map(|route| (route, route.operation()))
}

/// Values that a schema allows. It is part of a document, which holds what it refers to.
fn allowed(schema: &Value, document: &Value) -> BoxedStrategy<Value> {
    if let Some(reference) = schema["$ref"].as_str() {
        return allowed(document.pointer(reference.trim_start_matches('#')).unwrap(), document);
    }
    if let Some(values) = schema["enum"].as_array() {
        return select(values.clone()).boxed();
    }
    if let Some(choices) = schema["anyOf"].as_array() {
        return Union::new(choices.iter().map(|schema| allowed(schema, document))).boxed();
    }
    let kinds = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().map(|kind| kind.as_str().unwrap()).collect(),
        kind => vec![kind.as_str().unwrap_or_else(|| panic!("{schema} has no type"))],
    };
    Union::new(kinds.into_iter().map(|kind| of_kind(kind, schema, document))).boxed()
}

fn of_kind(kind: &str, schema: &Value, document: &Value) -> BoxedStrategy<Value> {
    match kind {
        "null" => Just(Value::Null).boxed(),
        "boolean" => any::<bool>().prop_map(Value::from).boxed(),
        "integer" => {
            let (min, max) = (schema["minimum"].as_i64().unwrap(), schema["maximum"].as_i64().unwrap());
            prop_oneof![Just(min), min..=max, Just(max)].prop_map(Value::from).boxed()
        }
        "number" => {
            let above = schema["exclusiveMinimum"].as_f64().map(f64::next_up);
            let (min, max) = (above.or(schema["minimum"].as_f64()).unwrap(), schema["maximum"].as_f64().unwrap());
            prop_oneof![Just(min), min..=max, Just(max)].prop_map(Value::from).boxed()
        }
        "string" => texts(schema).prop_map(Value::from).boxed(),
        "array" => {
            let most = usize::try_from(schema["maxItems"].as_u64().unwrap()).unwrap().min(3);
            vec(allowed(&schema["items"], document), 0..=most).prop_map(Value::from).boxed()
        }
        "object" => objects(schema, document),
        other => panic!("nobody knows what a {other} is"),
    }
}

/// Texts as short and as long as may be, in letters of one to four bytes and in signs of which not every text may hold all.
fn texts(schema: &Value) -> BoxedStrategy<String> {
    let length = |name: &str| schema[name].as_u64().map(|length| usize::try_from(length).unwrap());
    let (min, max) = (length("minLength").unwrap_or(0), length("maxLength").unwrap_or(100));
    let lengths = prop_oneof![Just(min), min..=max.min(min + 20), Just(max)];
    match schema["format"].as_str() {
        Some("uuid") => any::<u128>().prop_map(|bits| uuid::Uuid::from_u128(bits).to_string()).boxed(),
        Some("email") => "[a-z0-9+_-]{1,64}@[a-zä]{1,20}\\.[a-z]{2,5}".boxed(),
        Some("password") => lengths.prop_map(|length| "p".repeat(length)).boxed(), // is measured in bytes as well
        Some("date-time") => INSTANTS.boxed(),
        Some("date") => "[12][0-9]{3}-(0[1-9]|1[0-2])-[12][0-8]".boxed(),
        Some(other) => panic!("nobody knows the format {other}"),
        None => {
            let validator = jsonschema::validator_for(schema).unwrap();
            let same = (lengths, select(vec!["a", "Z", "7", "ß", "漢", "🏋"])).prop_map(|(n, letter)| letter.repeat(n));
            let mixed = vec(
                select(vec!["a", "🏋", " ", ".", "/", "%", "\u{0}", "\u{7f}", "\n", "\u{a0}"]),
                min..=max.min(min + 3),
            );
            let mixed = mixed.prop_map(|letters| letters.concat());
            prop_oneof![same, mixed].prop_filter("is not allowed", move |text| validator.is_valid(&json!(text))).boxed()
        }
    }
}

fn objects(schema: &Value, document: &Value) -> BoxedStrategy<Value> {
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let fields = schema["properties"].as_object().unwrap().iter().map(|(name, schema)| {
        let (name, is_required) = (name.clone(), required.contains(&name.as_str()));
        (any::<bool>(), allowed(schema, document))
            .prop_map(move |(is_there, value)| (name.clone(), (is_required || is_there).then_some(value)))
    });
    let object = |fields: Vec<(String, Option<Value>)>| {
        Value::Object(fields.into_iter().filter_map(|(name, value)| Some((name, value?))).collect())
    };
    fields.collect::<Vec<_>>().prop_map(object).boxed()
}

/// The readers of JSON bodies, with what they declare.
fn bodies() -> Vec<(String, Reader, Value)> {
    // What is signed is its sender's, and read as it comes.
    let takes_json = |operation: &Operation| {
        let body = operation.body.as_ref();
        operation.signed_by.is_none() && body.is_some_and(|body| body.media_type == "application/json")
    };
    let bodies = routes().filter(|(_, operation)| takes_json(operation));
    let body = |(route, operation): (&Route, Operation)| {
        (route.path.to_owned(), operation.readers.body.unwrap(), operation.body.unwrap().schema)
    };
    bodies.map(body).collect()
}

#[test]
fn bodies_that_the_document_allows_are_taken() {
    let document = openapi::document(TABLE);
    for (path, read, schema) in bodies() {
        property::holds(allowed(&schema, &document), |body| {
            let outcome = read(body.to_string().as_bytes());
            assert!(outcome.is_ok(), "{path}: {outcome:?}");
        });
    }
}

/// JSON that stands where it may not.
fn strange() -> impl Strategy<Value = Value> {
    let leaves = prop_oneof![
        3 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        1 => prop_oneof![-2..1002_i64, any::<i64>()].prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        1 => "[ -~]{0,3}".prop_map(|text| Value::from(format!("{text}{CANARY}{text}"))),
        1 => select(vec!["", " ", "\0", ".", "kg", "90", "a@b.co"]).prop_map(Value::from),
    ];
    leaves.prop_recursive(2, 8, 3, |inner| {
        let fields = hash_map("cuckoo-egg|sets|scenario_id", inner.clone(), 0..3);
        prop_oneof![
            vec(inner, 0..3).prop_map(Value::from),
            fields.prop_map(|fields| fields.into_iter().collect::<Map<_, _>>().into()),
        ]
    })
}

#[test]
fn a_spoilt_field_is_named_and_not_repeated_or_it_is_allowed_as_well() {
    let document = openapi::document(TABLE);
    for (path, read, schema) in bodies() {
        let root = json!({ "allOf": [schema], "components": document["components"] });
        let validator = jsonschema::validator_for(&root).unwrap();
        let reference = schema["$ref"].as_str().unwrap().trim_start_matches('#');
        let properties = document.pointer(reference).unwrap()["properties"].as_object().unwrap();
        let names: Vec<String> = properties.keys().cloned().collect();
        property::holds((allowed(&schema, &document), select(names), strange()), |(mut body, name, value)| {
            body[&name] = value;
            match read(body.to_string().as_bytes()) {
                Ok(()) => assert!(validator.is_valid(&body), "{path} takes what it does not declare"),
                Err(error) => {
                    let told = error.document("/", "-");
                    let pointers =
                        told["errors"].as_array().unwrap().iter().map(|error| error["pointer"].as_str().unwrap());
                    let pointers: Vec<&str> = pointers.collect();
                    assert!(
                        !pointers.is_empty() && pointers.iter().all(|at| at.starts_with(&format!("/{name}"))),
                        "{path}: {told}"
                    );
                    assert!(!format!("{told} {error:?}").contains(CANARY), "{path}: {told}");
                }
            }
        });
    }
}

/// A value as it is written in a query or a path; `None` for null, which is not written.
fn written(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

#[test]
fn queries_and_parameters_that_the_document_allows_are_taken() {
    let document = openapi::document(TABLE);
    for (route, operation) in routes() {
        for (read, schema) in operation.readers.path.iter().zip(&operation.path) {
            property::holds(allowed(schema, &document), |value| {
                let outcome = read(written(&value).unwrap_or_default().as_bytes());
                assert!(outcome.is_ok(), "{}: {outcome:?}", route.path);
            });
        }
        let Some(read) = operation.readers.query else { continue };
        let values: Vec<_> = operation.query.iter().map(|(_, _, schema, _)| allowed(schema, &document)).collect();
        property::holds(values, |values| {
            let pairs =
                operation.query.iter().zip(&values).filter_map(|((name, ..), value)| Some((name, written(value)?)));
            let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
            let outcome = read(query.as_bytes());
            assert!(outcome.is_ok(), "{}?{query}: {outcome:?}", route.path);
        });
    }
}
