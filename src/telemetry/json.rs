//! Log events as JSON, one object a line: `timestamp`, `level`, the event's fields, `target`.

use std::cell::RefCell;
use std::fmt::{self, Debug, Write as _};
use std::io::Write as _;

use serde::Serialize;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::writer::{Lines, is_urgent};
use crate::time::Clock;

/// Bytes that a thread keeps for its next line; a longer one is rare.
const KEPT_BYTES: usize = 4096;

thread_local! {
    static LINE: RefCell<Line> = const { RefCell::new(Line { json: Vec::new(), text: String::new() }) };
}

/// Writes events as JSON.
pub struct Json;

impl<S: Subscriber> Layer<S> for Json {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        LINE.with(|line| {
            // An event within the formatting of another has nowhere to go.
            let Ok(mut line) = line.try_borrow_mut() else { return };
            line.write(event);
            Lines::take(&line.json, is_urgent(event.metadata()));
            line.json.shrink_to(KEPT_BYTES);
        });
    }
}

/// A line that is being written, and room for a value that only knows how to be text.
#[derive(Default)]
struct Line {
    json: Vec<u8>,
    text: String,
}

impl Line {
    fn write(&mut self, event: &Event<'_>) {
        self.json.clear();
        let _ =
            write!(self.json, "{{\"timestamp\":\"{}\",\"level\":\"{}\"", Clock::System.now(), event.metadata().level());
        event.record(self);
        self.field("target", &event.metadata().target());
        self.json.extend_from_slice(b"}\n");
    }

    /// A value that JSON cannot have, such as an infinite number, is null.
    fn field(&mut self, name: &str, value: &impl Serialize) {
        self.json.extend_from_slice(b",\"");
        self.json.extend_from_slice(name.as_bytes()); // names are ours, and plain
        self.json.extend_from_slice(b"\":");
        let before = self.json.len();
        if serde_json::to_writer(&mut self.json, value).is_err() {
            self.json.truncate(before);
            self.json.extend_from_slice(b"null");
        }
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.field(field.name(), &value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.field(field.name(), &value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.field(field.name(), &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.field(field.name(), &value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.field(field.name(), &value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let mut text = std::mem::take(&mut self.text);
        text.clear();
        let _: fmt::Result = write!(text, "{value:?}");
        self.field(field.name(), &text);
        self.text = text;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::{Value, json};
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    /// Keeps what the layer would write.
    struct Kept(Arc<Mutex<Vec<Value>>>);

    impl<S: Subscriber> Layer<S> for Kept {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            let mut line = Line::default();
            line.write(event);
            assert_eq!(line.json.iter().filter(|byte| **byte == b'\n').count(), 1);
            self.0.lock().unwrap().push(serde_json::from_slice(&line.json).unwrap());
        }
    }

    #[test]
    fn a_line_is_one_object_whatever_is_in_it() {
        let lines = Arc::new(Mutex::new(Vec::new()));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(Kept(Arc::clone(&lines))), || {
            let (odd, none) = ("a \"quoted\"\nline\u{1}\\", None::<&str>);
            tracing::info!(odd, none, list = ?["a", "b\n"], shown = %odd, yes = true, low = -1, high = u64::MAX, "done {}", 1);
            tracing::warn!(half = 0.5, infinite = f64::INFINITY, "odd numbers");
        });
        let mut lines = lines.lock().unwrap();
        for line in lines.iter_mut() {
            assert!(line["timestamp"].take().as_str().unwrap().ends_with('Z'));
            assert_eq!(line["target"].take(), "repduel_backend::telemetry::json::tests");
        }
        let text = "a \"quoted\"\nline\u{1}\\";
        let first = json!({
            "timestamp": null, "level": "INFO", "message": "done 1", "odd": text, "list": "[\"a\", \"b\\n\"]", "shown": text,
            "yes": true, "low": -1, "high": u64::MAX, "target": null
        });
        assert_eq!(lines[0], first);
        assert_eq!((&lines[1]["half"], &lines[1]["infinite"]), (&json!(0.5), &Value::Null));
    }
}
