//! A failure of ours as it is reported to Sentry: an envelope with one event. Pure.
//!
//! Always holds: nothing personal leaves. A cause is cut to what the code and the schema are called; what PostgreSQL quotes, and
//! whatever looks like an address, an id or a number of somebody's, is struck out. The log has all of it, under the request id.

use serde_json::json;

use super::trace::{TraceContext, TraceId};

/// Characters of a cause that are reported.
const CAUSE_MAX: usize = 1000;
/// Characters of a caller's request id that are reported.
const REQUEST_ID_MAX: usize = 64;
/// Digits in a row that could be a number of somebody's.
const DIGITS_MAX: usize = 6;
/// What stands for what was struck out.
const STRUCK: &str = "***";

/// Something that went wrong.
#[derive(Clone, Debug)]
pub struct Fault {
    /// What kind of thing: a problem's code, or `panic`.
    pub kind: &'static str,
    /// Its causes, as the log has them.
    pub cause: String,
    /// What was done: a method and a route, or an event's topic.
    pub what: String,
    /// Facts that it can be searched by.
    pub tags: Vec<(&'static str, String)>,
    /// The trace that it belongs to.
    pub trace: Option<TraceContext>,
}

/// Who reports.
#[derive(Clone, Debug)]
pub struct Sender {
    /// The version and commit.
    pub release: String,
    /// The environment.
    pub environment: String,
}

/// The envelope of a fault, with this id, at this time.
#[must_use]
pub fn envelope(fault: &Fault, sender: &Sender, event_id: uuid::Uuid, unix_s: f64) -> Vec<u8> {
    let cause = scrubbed(&fault.cause);
    let event_id = event_id.simple().to_string();
    let tags: serde_json::Map<_, _> =
        fault.tags.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    let trace = fault.trace.map(
        |trace| json!({ "trace_id": TraceId(trace.trace).to_string(), "span_id": format!("{:016x}", trace.span) }),
    );
    let event = json!({
        "event_id": event_id,
        "timestamp": unix_s,
        "platform": "other",
        "level": "error",
        "release": sender.release,
        "environment": sender.environment,
        "transaction": fault.what,
        "tags": tags,
        "contexts": { "trace": trace },
        "fingerprint": [fault.what, fault.kind, cause],
        "exception": { "values": [{ "type": fault.kind, "value": cause }] },
    });
    let event = event.to_string();
    let head = json!({ "event_id": event_id });
    let item = json!({ "type": "event", "length": event.len(), "content_type": "application/json" });
    format!("{head}\n{item}\n{event}\n").into_bytes()
}

/// A request id, if it is a plain one: callers can make up their own, and put anything into it.
#[must_use]
pub fn plain_id(request_id: &str) -> Option<String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let fits = (1..=REQUEST_ID_MAX).contains(&request_id.len()) && request_id.bytes().all(is_plain);
    fits.then(|| request_id.to_owned())
}

/// What may be told of a cause. PostgreSQL's first line says what happened, the others with which values.
fn scrubbed(cause: &str) -> String {
    let line = cause.lines().next().unwrap_or_default();
    let mut text = String::new();
    for (index, part) in line.split('"').enumerate() {
        if index % 2 == 1 {
            text.push_str(&format!("\"{}\"", if names_schema(&text) { part } else { STRUCK }));
            continue;
        }
        let words = part.split_inclusive(|c: char| c.is_whitespace() || "()=,;'".contains(c));
        words.for_each(|word| text.push_str(&struck(word)));
    }
    text.chars().take(CAUSE_MAX).collect()
}

/// Whether what is quoted next is the name of something in the schema.
fn names_schema(before: &str) -> bool {
    const THINGS: [&str; 7] = ["column", "constraint", "function", "index", "relation", "table", "type"];
    before.split_whitespace().next_back().is_some_and(|word| THINGS.contains(&word))
}

/// The word, or what stands for it.
fn struck(word: &str) -> String {
    let core = word.trim_end_matches(|c: char| c.is_whitespace() || "()=,;':".contains(c));
    let digits = core.split(|c: char| !c.is_ascii_digit()).map(str::len).max().unwrap_or_default();
    let is_somebodys = core.contains('@') || digits > DIGITS_MAX || uuid::Uuid::try_parse(core).is_ok();
    if is_somebodys { word.replacen(core, STRUCK, 1) } else { word.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_tell_the_schema_and_nobodys_data() {
        let cases = [
            ("the handler panicked at src/domain/x.rs:7:1", "the handler panicked at src/domain/x.rs:7:1"),
            (
                "statement users/insert_user: db error: ERROR: duplicate key value violates unique constraint \"users_email_key\"\nDETAIL: Key (email)=(ada@example.com) already exists.",
                "statement users/insert_user: db error: ERROR: duplicate key value violates unique constraint \"users_email_key\"",
            ),
            ("ERROR: relation \"scenarios\" does not exist", "ERROR: relation \"scenarios\" does not exist"),
            ("invalid input syntax for type integer: \"ada\"", "invalid input syntax for type integer: \"***\""),
            ("no mail to ada@example.com, sorry", "no mail to ***, sorry"),
            ("user 6f8dc2bb-9a4c-4b7e-a4f2-0c3d6a1f2b11: gone", "user ***: gone"),
            ("card 4242424242424242", "card ***"),
            ("took 8000 ms", "took 8000 ms"),
            ("an open \"quote by ada", "an open \"***\""),
        ];
        for (cause, told) in cases {
            assert_eq!(scrubbed(cause), told);
        }
        assert_eq!(scrubbed(&"a ".repeat(2000)).len(), CAUSE_MAX);
    }

    #[test]
    fn only_plain_ids_are_told() {
        assert_eq!(plain_id("4bf92f35-77b3").as_deref(), Some("4bf92f35-77b3"));
        for id in ["", "ada@example.com", "a b", &"a".repeat(65)] {
            assert_eq!(plain_id(id), None, "{id}");
        }
    }
}
