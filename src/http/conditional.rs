//! Which part of a file a request asks for, and whether it asks for it at all: RFC 9110, conditional and range requests. Pure.

use std::ops::Range;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hyper::header::{
    HeaderMap, HeaderName, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE as IF_RANGE_HEADER, RANGE as RANGE_HEADER,
};

use super::cx::Cx;
use super::extract::FromCx;
use crate::error::Result;

/// What tells one state of a file from another.
#[derive(Clone, Debug)]
pub struct State {
    /// A strong entity tag, in its quotes.
    pub etag: String,
    /// When it was written.
    pub modified: SystemTime,
    /// Its bytes.
    pub length: u64,
}

impl State {
    /// The time of the last change as a header tells it, never in the future.
    #[must_use]
    pub fn last_modified(&self) -> String {
        httpdate::fmt_http_date(self.modified.clamp(UNIX_EPOCH, SystemTime::now()))
    }
}

/// The conditions of a request.
#[derive(Clone, Debug, Default)]
pub struct Conditions {
    none_match: Option<String>,
    modified_since: Option<String>,
    range: Option<String>,
    if_range: Option<String>,
}

/// What is to be answered.
#[derive(Debug, PartialEq, Eq)]
pub enum Selected {
    /// That nothing has changed.
    NotModified,
    /// All of it.
    Whole,
    /// These bytes.
    Part(Range<u64>),
    /// That there are no such bytes.
    Unsatisfiable,
}

impl FromCx for Conditions {
    async fn from_cx(cx: &mut Cx) -> Result<Self> {
        Ok(Self::of(cx.headers(), cx.head.method == hyper::Method::GET))
    }
}

impl Conditions {
    /// The conditions in these headers. Ranges are GET's only.
    #[must_use]
    pub fn of(headers: &HeaderMap, is_get: bool) -> Self {
        // A header that is repeated is a list; one that is no text says nothing.
        let text = |name: HeaderName| {
            let values: Option<Vec<&str>> = headers.get_all(name).iter().map(|value| value.to_str().ok()).collect();
            values.filter(|values| !values.is_empty()).map(|values| values.join(", "))
        };
        Self {
            none_match: text(IF_NONE_MATCH),
            modified_since: text(IF_MODIFIED_SINCE),
            range: text(RANGE_HEADER).filter(|_| is_get),
            if_range: text(IF_RANGE_HEADER),
        }
    }

    /// What these conditions select of a file in this state.
    #[must_use]
    pub fn select(&self, state: &State) -> Selected {
        if self.is_not_modified(state) {
            return Selected::NotModified;
        }
        let same = |validator: &String| *validator == state.etag || *validator == state.last_modified();
        match &self.range {
            Some(range) if self.if_range.as_ref().is_none_or(same) => select_range(range, state.length),
            _ => Selected::Whole,
        }
    }

    fn is_not_modified(&self, state: &State) -> bool {
        let since = |text: &String| {
            let since = httpdate::parse_http_date(text).ok()?;
            // Headers know whole seconds only.
            Some(state.modified.duration_since(since).unwrap_or_default() < Duration::from_secs(1))
        };
        let weak = |tag: &str| tag.trim().trim_start_matches("W/") == state.etag;
        match &self.none_match {
            Some(tags) => tags.trim() == "*" || tags.split(',').any(weak),
            None => self.modified_since.as_ref().and_then(since).unwrap_or(false),
        }
    }
}

/// The bytes that a `Range` header selects. What cannot be understood is ignored, as several ranges at once are.
fn select_range(header: &str, length: u64) -> Selected {
    let Some((unit, range)) = header.split_once('=') else { return Selected::Whole };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Selected::Whole;
    }
    let Some((first, last)) = range.trim().split_once('-') else { return Selected::Whole };
    match (number(first), number(last)) {
        (Number::Given(first), last) => {
            let last = match last {
                Number::Given(last) if last < first => return Selected::Whole,
                Number::Given(last) => last,
                Number::Absent => u64::MAX,
                Number::Malformed => return Selected::Whole,
            };
            let end = last.saturating_add(1).min(length);
            if first < length { Selected::Part(first..end) } else { Selected::Unsatisfiable }
        }
        (Number::Absent, Number::Given(0)) => Selected::Unsatisfiable,
        (Number::Absent, Number::Given(_)) if length == 0 => Selected::Unsatisfiable,
        (Number::Absent, Number::Given(count)) => Selected::Part(length.saturating_sub(count)..length),
        _ => Selected::Whole,
    }
}

enum Number {
    Absent,
    Given(u64),
    Malformed,
}

/// A number of any length: one that is too long for us is larger than every file.
fn number(text: &str) -> Number {
    match text {
        "" => Number::Absent,
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => Number::Given(digits.parse().unwrap_or(u64::MAX)),
        _ => Number::Malformed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITTEN_S: u64 = 784_111_777;
    const WRITTEN: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

    fn state(length: u64) -> State {
        let modified = UNIX_EPOCH + Duration::from_millis(1000 * WRITTEN_S + 600);
        State { etag: "\"a-1\"".to_owned(), modified, length }
    }

    fn select(headers: &[(HeaderName, &str)], length: u64) -> Selected {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, value.parse().unwrap());
        }
        Conditions::of(&map, true).select(&state(length))
    }

    #[test]
    fn ranges_are_read_as_the_standard_says() {
        let cases = [
            ("bytes=0-0", Selected::Part(0..1)),
            ("bytes=2-5", Selected::Part(2..6)),
            ("bytes=2-", Selected::Part(2..10)),
            ("bytes=2-99999999999999999999999", Selected::Part(2..10)),
            ("bytes=-3", Selected::Part(7..10)),
            ("bytes=-99999999999999999999999", Selected::Part(0..10)),
            ("Bytes = 9-9", Selected::Part(9..10)),
            ("bytes=10-", Selected::Unsatisfiable),
            ("bytes=99999999999999999999999-", Selected::Unsatisfiable),
            ("bytes=-0", Selected::Unsatisfiable),
            ("bytes=5-2", Selected::Whole),
            ("bytes=0-1,3-4", Selected::Whole),
            ("bytes=-", Selected::Whole),
            ("bytes=", Selected::Whole),
            ("bytes=a-b", Selected::Whole),
            ("bytes=+1-2", Selected::Whole),
            ("bytes=1-2-3", Selected::Whole),
            ("items=0-1", Selected::Whole),
            ("0-1", Selected::Whole),
        ];
        for (header, expected) in cases {
            assert_eq!(select(&[(RANGE_HEADER, header)], 10), expected, "{header}");
        }
        for header in ["bytes=0-", "bytes=-1", "bytes=0-0"] {
            assert_eq!(select(&[(RANGE_HEADER, header)], 0), Selected::Unsatisfiable, "{header} of nothing");
        }
        let map = HeaderMap::from_iter([(RANGE_HEADER, "bytes=0-0".parse().unwrap())]);
        assert_eq!(Conditions::of(&map, false).select(&state(10)), Selected::Whole);
        assert_eq!(select(&[(RANGE_HEADER, "bytes=0-0"), (RANGE_HEADER, "bytes=2-2")], 10), Selected::Whole);
    }

    #[test]
    fn validators_are_compared_as_the_standard_says() {
        let not_modified = [
            (IF_NONE_MATCH, "\"a-1\""),
            (IF_NONE_MATCH, "W/\"a-1\""),
            (IF_NONE_MATCH, "\"x\" , \"a-1\""),
            (IF_NONE_MATCH, "*"),
            (IF_MODIFIED_SINCE, WRITTEN),
            (IF_MODIFIED_SINCE, "Sun, 06 Nov 1994 08:49:38 GMT"),
            (IF_MODIFIED_SINCE, "Sunday, 06-Nov-94 08:49:37 GMT"),
        ];
        for (name, value) in not_modified {
            assert_eq!(select(&[(name, value)], 10), Selected::NotModified, "{value}");
        }
        let modified = [
            (IF_NONE_MATCH, "\"a-2\""),
            (IF_NONE_MATCH, "a-1"),
            (IF_MODIFIED_SINCE, "Sun, 06 Nov 1994 08:49:36 GMT"),
            (IF_MODIFIED_SINCE, "yesterday"),
        ];
        for (name, value) in modified {
            assert_eq!(select(&[(name, value)], 10), Selected::Whole, "{value}");
        }
        let tag_wins = [(IF_NONE_MATCH, "\"other\""), (IF_MODIFIED_SINCE, WRITTEN)];
        assert_eq!(select(&tag_wins, 10), Selected::Whole);
    }

    #[test]
    fn a_range_of_another_state_is_the_whole() {
        let range = (RANGE_HEADER, "bytes=0-0");
        for same in ["\"a-1\"", WRITTEN] {
            assert_eq!(select(&[range.clone(), (IF_RANGE_HEADER, same)], 10), Selected::Part(0..1), "{same}");
        }
        for other in ["\"a-2\"", "W/\"a-1\"", "Sun, 06 Nov 1994 08:49:38 GMT", ""] {
            assert_eq!(select(&[range.clone(), (IF_RANGE_HEADER, other)], 10), Selected::Whole, "{other}");
        }
    }

    #[test]
    fn files_from_the_future_were_not_modified_after_now() {
        let future = State { modified: SystemTime::now() + Duration::from_secs(1_000_000), ..state(1) };
        assert!(httpdate::parse_http_date(&future.last_modified()).unwrap() <= SystemTime::now());
    }
}
