//! Traces: which trace a piece of work belongs to (W3C `traceparent`), and what is told about its parts.
//!
//! The trace travels with the task: whoever works on behalf of a request finds it by [`current`]. Without somebody to tell it
//! to, a part of a trace costs a look at the task and nothing else.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

pub use super::span::{Kind, Recorder, Span};

/// The header that names a trace and the part of it that asks.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// A place in a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// The trace.
    pub trace: u128,
    /// The part of it.
    pub span: u64,
    /// Whether somebody wants to see it.
    pub is_sampled: bool,
}

/// A trace's number, as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceId(pub u128);

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Uuid::from_u128(self.0).simple().encode_lower(&mut [0; 32]))
    }
}

/// Characters of a `traceparent` of the version that is known: `00-<32>-<16>-<2>`.
const LENGTH: usize = 55;

impl TraceContext {
    /// The place that this text names: `00-<32 hex digits>-<16>-<2>`. Later versions may say more behind that.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let known = text.get(..LENGTH)?;
        let rest = text.get(LENGTH..)?;
        let mut parts = known.split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let digits = |part: &str, length| {
            part.len() == length && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        let well_formed = digits(version, 2) && digits(trace, 32) && digits(span, 16) && digits(flags, 2);
        let fits = if version == "00" { rest.is_empty() } else { rest.is_empty() || rest.starts_with('-') };
        if !well_formed || !fits || version == "ff" || parts.next().is_some() {
            return None;
        }
        let trace = u128::from_str_radix(trace, 16).ok().filter(|trace| *trace != 0)?;
        let span = u64::from_str_radix(span, 16).ok().filter(|span| *span != 0)?;
        Some(Self { trace, span, is_sampled: u8::from_str_radix(flags, 16).ok()? & 1 == 1 })
    }

    /// The place that a request's headers name, if they name one.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(&TRACEPARENT).iter();
        let value = values.next().filter(|_| values.next().is_none())?;
        Self::parse(value.to_str().ok()?)
    }

    /// A trace of its own for the request with this id, and of the same number where the id can be one.
    #[must_use]
    pub fn root(request_id: &str) -> Self {
        let id = Uuid::try_parse(request_id).ok().filter(|id| !id.is_nil()).unwrap_or_else(Uuid::new_v4);
        let (high, low) = id.as_u64_pair();
        Self { trace: id.as_u128(), span: (high ^ low).max(1), is_sampled: false }
    }

    /// As a header of what is asked on the request's behalf.
    #[must_use]
    pub fn header(self) -> Option<HeaderValue> {
        HeaderValue::try_from(self.to_string()).ok()
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace, self.span, u8::from(self.is_sampled))
    }
}

/// A piece of work in a trace, and who wants to hear of its parts.
#[derive(Clone)]
pub struct Active {
    /// Where it stands in the trace.
    pub context: TraceContext,
    /// Who wants to hear of its parts; nobody: `None`.
    pub recorder: Option<Arc<Recorder>>,
}

tokio::task_local! { static ACTIVE: Active; }

/// Does the work as a part of a trace.
pub async fn within<F: Future>(active: Active, work: F) -> F::Output {
    ACTIVE.scope(active, work).await
}

/// The place in a trace at which this task works.
#[must_use]
pub fn current() -> Option<TraceContext> {
    ACTIVE.try_with(|active| active.context).ok()
}

/// Begins a part of what this task does, if somebody wants to hear of it. It ends when it is dropped.
#[must_use]
pub fn begin_child<N: Into<Cow<'static, str>>>(kind: Kind, name: impl FnOnce() -> N) -> Option<Span> {
    let begin = |active: &Active| {
        let recorder = active.recorder.as_ref()?;
        Some(Span::begin(recorder, kind, name().into(), Some(active.context), active.context.trace))
    };
    ACTIVE.try_with(begin).ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIVEN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn what_is_read_is_written_again() {
        let context = TraceContext::parse(GIVEN).unwrap();
        assert_eq!(context.to_string(), GIVEN);
        assert!(context.is_sampled);
        let quiet = GIVEN.replace("-01", "-00");
        assert_eq!(TraceContext::parse(&quiet).unwrap().to_string(), quiet);
        // A later version may set more flags and say more.
        let later = TraceContext::parse(&(GIVEN.replace("00-4b", "cc-4b").replace("-01", "-09") + "-what-is-to-come"));
        assert_eq!(later, Some(context));
    }

    #[test]
    fn what_names_no_trace_is_none() {
        let zeros = [
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        ];
        let malformed = [
            "",
            "00",
            &GIVEN.to_uppercase(),
            &GIVEN.replace("00-4b", "ff-4b"),
            &format!("{GIVEN}-more"),
            &GIVEN.replace("-01", "-0x"),
            &GIVEN.replace("4736-", "47360-"),
            &GIVEN.replace('-', "_"),
            &format!("{}ä", &GIVEN[..54]),
            "+0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ];
        for text in zeros.into_iter().chain(malformed) {
            assert_eq!(TraceContext::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_request_without_a_trace_gets_one_of_its_id() {
        let root = TraceContext::root("4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(root.trace, 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
        assert!(root.span != 0 && !root.is_sampled);
        assert_ne!(TraceContext::root("whatever").trace, TraceContext::root("whatever").trace);
        assert_ne!(TraceContext::root("00000000000000000000000000000000").trace, 0);
    }
}
