//! Spans as OpenTelemetry's protocol writes them (OTLP 1, `ExportTraceServiceRequest`), for `POST /v1/traces`. Pure. Only what we
//! say is declared here; the tests read it with the official definition.

use prost::Message;

use super::span::{Ended, Word};

/// The number of the status of a span that failed.
const STATUS_ERROR: i32 = 2;

#[derive(Clone, PartialEq, Message)]
struct Request {
    #[prost(message, repeated, tag = "1")]
    resource_spans: Vec<ResourceSpans>,
}

#[derive(Clone, PartialEq, Message)]
struct ResourceSpans {
    #[prost(message, optional, tag = "1")]
    resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    scope_spans: Vec<ScopeSpans>,
}

#[derive(Clone, PartialEq, Message)]
struct Resource {
    #[prost(message, repeated, tag = "1")]
    attributes: Vec<Attribute>,
}

#[derive(Clone, PartialEq, Message)]
struct ScopeSpans {
    #[prost(message, repeated, tag = "2")]
    spans: Vec<Span>,
}

#[derive(Clone, PartialEq, Message)]
struct Span {
    #[prost(bytes = "vec", tag = "1")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    span_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    parent_span_id: Vec<u8>,
    #[prost(string, tag = "5")]
    name: String,
    #[prost(int32, tag = "6")]
    kind: i32,
    #[prost(fixed64, tag = "7")]
    start_time_unix_nano: u64,
    #[prost(fixed64, tag = "8")]
    end_time_unix_nano: u64,
    #[prost(message, repeated, tag = "9")]
    attributes: Vec<Attribute>,
    #[prost(message, optional, tag = "15")]
    status: Option<Status>,
}

#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(string, tag = "2")]
    message: String,
    #[prost(int32, tag = "3")]
    code: i32,
}

#[derive(Clone, PartialEq, Message)]
struct Attribute {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, optional, tag = "2")]
    value: Option<Value>,
}

#[derive(Clone, PartialEq, Message)]
struct Value {
    #[prost(oneof = "AnyValue", tags = "1, 3")]
    value: Option<AnyValue>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum AnyValue {
    #[prost(string, tag = "1")]
    Text(String),
    #[prost(int64, tag = "3")]
    Number(i64),
}

fn attribute(key: &str, word: Word) -> Attribute {
    let value = match word {
        Word::Text(text) => AnyValue::Text(text.into_owned()),
        Word::Number(number) => AnyValue::Number(number),
    };
    Attribute { key: key.to_owned(), value: Some(Value { value: Some(value) }) }
}

/// The body that tells these spans, of a service that is described so.
#[must_use]
pub fn encode(resource: &[(&'static str, String)], spans: Vec<Ended>) -> Vec<u8> {
    let attributes = resource.iter().map(|(key, text)| attribute(key, Word::from(text.clone()))).collect();
    let scope = ScopeSpans { spans: spans.into_iter().map(span).collect() };
    let spans = ResourceSpans { resource: Some(Resource { attributes }), scope_spans: vec![scope] };
    Request { resource_spans: vec![spans] }.encode_to_vec()
}

fn span(ended: Ended) -> Span {
    Span {
        trace_id: ended.context.trace.to_be_bytes().to_vec(),
        span_id: ended.context.span.to_be_bytes().to_vec(),
        parent_span_id: ended.parent.map_or_else(Vec::new, |parent| parent.to_be_bytes().to_vec()),
        name: ended.name.into_owned(),
        kind: ended.kind as i32,
        start_time_unix_nano: ended.began_ns,
        end_time_unix_nano: ended.ended_ns,
        attributes: ended.words.into_iter().map(|(key, word)| attribute(key, word)).collect(),
        status: ended.failure.map(|why| Status { message: why.into_owned(), code: STATUS_ERROR }),
    }
}
