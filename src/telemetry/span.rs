//! Spans: the parts of a trace, each with a name, a beginning and an end. A finished one is handed over without waiting; when too
//! many wait to be sent, it is dropped and counted.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand;
use prometheus_client::metrics::counter::Counter;
use tokio::sync::mpsc;

use super::trace::TraceContext;

/// What a span stands for; the numbers are OTLP's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A request to us.
    Server = 2,
    /// A request to others: the database, a vendor.
    Client = 3,
    /// The handling of an event.
    Consumer = 5,
}

/// What can be said about a span.
#[derive(Clone, Debug, PartialEq)]
pub enum Word {
    /// A text.
    Text(Cow<'static, str>),
    /// A number.
    Number(i64),
}

impl From<&'static str> for Word {
    fn from(text: &'static str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Word {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl From<i64> for Word {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

/// A span that has ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Where it stands.
    pub context: TraceContext,
    /// Whose part it is.
    pub parent: Option<u64>,
    /// What was done.
    pub name: Cow<'static, str>,
    /// What it stands for.
    pub kind: Kind,
    /// When it began, in nanoseconds since the epoch.
    pub began_ns: u64,
    /// When it ended.
    pub ended_ns: u64,
    /// What is said about it.
    pub words: Vec<(&'static str, Word)>,
    /// Why it failed, if it did.
    pub failure: Option<Cow<'static, str>>,
}

/// Takes spans that have ended.
pub struct Recorder {
    sender: mpsc::Sender<Ended>,
    dropped: Counter,
}

impl Recorder {
    /// Hands spans over to `sender`, and counts those that it has no room for.
    #[must_use]
    pub fn new(sender: mpsc::Sender<Ended>, dropped: Counter) -> Self {
        Self { sender, dropped }
    }

    fn take(&self, span: Ended) {
        if self.sender.try_send(span).is_err() {
            self.dropped.inc();
        }
    }
}

/// A span that goes on. It ends when it is dropped.
pub struct Span {
    recorder: Arc<Recorder>,
    began: Instant,
    ended: Option<Ended>,
}

impl Span {
    /// Begins one, in the trace of its parent, or of this number.
    #[must_use]
    pub fn begin(
        recorder: &Arc<Recorder>,
        kind: Kind,
        name: Cow<'static, str>,
        parent: Option<TraceContext>,
        trace: u128,
    ) -> Self {
        let context = TraceContext { trace, span: random(), is_sampled: true };
        let began_ns = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| nanoseconds(since.as_nanos()));
        let (parent, words) = (parent.map(|parent| parent.span), Vec::new());
        let ended = Ended { context, parent, name, kind, began_ns, ended_ns: began_ns, words, failure: None };
        Self { recorder: Arc::clone(recorder), began: Instant::now(), ended: Some(ended) }
    }

    /// Its place in the trace, for what is done as a part of it.
    #[must_use]
    pub fn context(&self) -> TraceContext {
        self.ended.as_ref().map_or(TraceContext { trace: 0, span: 0, is_sampled: false }, |span| span.context)
    }

    /// Gives it a better name.
    pub fn rename(&mut self, name: String) {
        if let Some(span) = &mut self.ended {
            span.name = Cow::Owned(name);
        }
    }

    /// Says something about it.
    pub fn say(&mut self, name: &'static str, word: impl Into<Word>) {
        if let Some(span) = &mut self.ended {
            span.words.push((name, word.into()));
        }
    }

    /// Says that it failed.
    pub fn fail(&mut self, why: impl Into<Cow<'static, str>>) {
        if let Some(span) = &mut self.ended {
            span.failure = Some(why.into());
        }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if let Some(mut span) = self.ended.take() {
            span.ended_ns = span.began_ns.saturating_add(nanoseconds(self.began.elapsed().as_nanos()));
            self.recorder.take(span);
        }
    }
}

fn nanoseconds(number: u128) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// A number that no other span of the trace has. Zero would mean that there is none.
fn random() -> u64 {
    let mut bytes = [0; 8];
    rand::fill(&mut bytes).map_or(1, |()| u64::from_be_bytes(bytes).max(1))
}
