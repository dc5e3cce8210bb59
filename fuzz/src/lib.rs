//! What the targets share: texts that no answer may repeat, and every input type of the route table with the function that
//! reads it. A target is one file in `fuzz_targets`, its `[[bin]]` in `Cargo.toml` and a folder of small inputs in `seeds`.

use std::collections::HashSet;

use jsonschema::Validator;
use repduel_backend::error::Error;
use repduel_backend::http::route::Reader;
use repduel_backend::http::{Operation, Route};
use repduel_backend::{openapi, routes};
use serde_json::{Value, json};

/// What stands for each `Q` of an input: a text that nothing of ours says.
pub const CANARY: &str = "cuckoo";
/// What stands for each `N`, so that numbers hold something to look for, too.
pub const NUMBER_CANARY: &str = "7391917";

/// The input with the canaries in it. Without them, nobody could tell a repeated value from a word of the message.
pub fn with_canaries(input: &[u8]) -> Vec<u8> {
    let mut output = Vec::with_capacity(input.len());
    for byte in input {
        match byte {
            b'Q' => output.extend_from_slice(CANARY.as_bytes()),
            b'N' => output.extend_from_slice(NUMBER_CANARY.as_bytes()),
            other => output.push(*other),
        }
    }
    output
}

/// The same of a text.
pub fn text_with_canaries(input: &str) -> String {
    input.replace('Q', CANARY).replace('N', NUMBER_CANARY)
}

/// Fails if one of the canaries is in what somebody gets to read.
#[track_caller]
pub fn assert_silent(what: &str, shown: &str) {
    let told = shown.contains(CANARY) || shown.contains(NUMBER_CANARY);
    assert!(!told, "{what} repeats what it was given: {shown}");
}

/// One part of a request as one input type reads it.
pub struct Input {
    /// The first route that takes it.
    pub route: String,
    read: Reader,
    schema: Validator,
}

/// Codes of values that cannot be used.
const CODES: [&str; 6] = ["missing", "type", "range", "length", "format", "null"];

impl Input {
    /// Whether it can be read.
    pub fn takes(&self, bytes: &[u8]) -> bool {
        (self.read)(bytes).is_ok()
    }

    /// The same; fails if the refusal is no 422 that tells what is wrong, or repeats a value.
    pub fn takes_or_tells(&self, bytes: &[u8]) -> bool {
        let Err(error) = (self.read)(bytes) else { return true };
        self.check_refusal(&error);
        false
    }

    fn check_refusal(&self, error: &Error) {
        let route = &self.route;
        let document = error.document("/", "-");
        let text = |value: &Value| value.as_str().map(str::to_owned).expect("this is text");
        assert_eq!(document["status"], 422, "{route}");
        assert_silent(route, &text(&document["detail"]));
        assert_silent(route, &error.chain().unwrap_or_default());
        let errors = document["errors"].as_array().expect("a 422 has errors");
        assert!(!errors.is_empty(), "{route} does not tell what is wrong");
        for error in errors {
            assert_silent(route, &text(&error["pointer"]));
            assert_silent(route, &text(&error["detail"]));
            let code = text(&error["code"]);
            assert!(CODES.contains(&code.as_str()), "{route}: {code}");
        }
    }

    /// Fails if the OpenAPI document does not allow what was accepted.
    pub fn assert_declared(&self, value: &Value) {
        let errors: Vec<String> = self.schema.iter_errors(value).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{} takes {value} but declares otherwise: {errors:?}", self.route);
    }
}

/// What a route takes of one part: its reader, with the schema that it declares.
type Part = (Option<Reader>, Value);

/// The input types that routes read a part of the request as, each once.
fn inputs(part: impl Fn(&Operation) -> Vec<Part>) -> Vec<Input> {
    let document = openapi::document(routes::TABLE);
    let mut seen = HashSet::new();
    let mut inputs = Vec::new();
    for route in routes::TABLE.iter().flat_map(|routes| routes.iter()) {
        for (reader, schema) in part(&route.operation()) {
            let Some(read) = reader.filter(|reader| seen.insert(*reader as usize)) else { continue };
            let root = json!({ "allOf": [schema], "components": document["components"] });
            let schema = jsonschema::validator_for(&root).expect("the declared schema is one");
            inputs.push(Input { route: name(route), read, schema });
        }
    }
    inputs
}

fn name(route: &Route) -> String {
    format!("{} {}", route.method, route.path)
}

/// Input types of bodies of this media type.
pub fn bodies(media_type: &str) -> Vec<Input> {
    inputs(|operation| {
        let facts = operation.body.iter().filter(|facts| facts.media_type == media_type);
        facts.map(|facts| (operation.readers.body, facts.schema.clone())).collect()
    })
}

/// Input types of query strings.
pub fn queries() -> Vec<Input> {
    inputs(|operation| vec![(operation.readers.query, json!({}))])
}

/// Input types of the path's parameters.
pub fn parameters() -> Vec<Input> {
    inputs(|operation| {
        let readers = operation.readers.path.iter().copied().map(Some);
        readers.zip(operation.path.iter().cloned()).collect()
    })
}
