//! Every log line of the whole suite is looked at: none may hold a secret, an address of a person, or what somebody paid with.
//! A line that does ends the run at once, for no test could be blamed for it.

use std::fmt::{Debug, Write};
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::{Layer, registry};

use super::app::{ADMIN_TOKEN, PASSWORD, PASSWORD_HASH, SECRET};
use super::stripe::{CARD, KEY, RECEIPT, STORE_TOKEN, WEBHOOK_SECRET};

/// What the tests have in their requests, tables and variables and no log may have. Every person of the tests is at example.com.
const SEEDED: [&str; 10] =
    [SECRET, ADMIN_TOKEN, PASSWORD, PASSWORD_HASH, KEY, WEBHOOK_SECRET, STORE_TOKEN, CARD, RECEIPT, "@example.com"];

static SEEN: AtomicU64 = AtomicU64::new(0);

/// What is in this line that should not be.
pub fn found(line: &str) -> Option<&'static str> {
    let line = line.to_lowercase();
    SEEDED.into_iter().find(|seeded| line.contains(&seeded.to_lowercase()))
}

/// Looks at a line of a server in a process of its own.
pub fn inspect(line: &str) {
    SEEN.fetch_add(1, Ordering::Relaxed);
    if let Some(seeded) = found(line) {
        eprintln!("a log line holds `{seeded}`: {line}");
        std::process::abort();
    }
}

/// Lines that were looked at so far.
pub fn seen() -> u64 {
    SEEN.load(Ordering::Relaxed)
}

/// Looks at the lines of the servers in this process from now on, also at those that are too fine to be shown.
pub fn watch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let levels = Targets::new()
            .with_default(LevelFilter::WARN)
            .with_target("repduel_backend", Level::TRACE)
            .with_target("request", Level::TRACE);
        tracing::subscriber::set_global_default(registry().with(levels).with(Watch)).unwrap();
    });
}

struct Watch;

impl<S: Subscriber> Layer<S> for Watch {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = Line(event.metadata().target().to_owned());
        event.record(&mut line);
        inspect(&line.0);
    }
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {field}={value:?}").unwrap();
    }
}
