//! What handlers take from a request. Extractors run from left to right, so a handler that names who is calling before what
//! was sent never reads a stranger's body.

use bytes::Bytes;
use hyper::header::CONTENT_TYPE;
use serde_json::{Map, Value};

use super::cx::Cx;
use super::route::{BodyFacts, Operation, Table};
use crate::error::{Error, FieldError, Problem, Result};
use crate::schema::{At, Input, InputObject, Pairs, Raw, Schema};

/// Something that can be taken from a request.
pub trait FromCx: Sized + Send {
    /// Takes it.
    fn from_cx(cx: &mut Cx) -> impl Future<Output = Result<Self>> + Send;

    /// Tells what it needs and how it can fail.
    fn describe(_: &mut Operation) {}
}

/// The next parameter of the path, or the next two.
pub struct Path<T>(pub T);

fn parameter<T: Input>(cx: &mut Cx) -> Result<T> {
    let (name, value) = cx.next_parameter();
    read_parameter(name, value.as_deref())
}

fn read_parameter<T: Input>(name: &str, value: Option<&str>) -> Result<T> {
    let mut errors = Vec::new();
    let mut at = At::new(format!("/path/{name}"), name, &mut errors);
    let read = match value {
        Some(value) => T::read(Raw::Text(value), &mut at),
        None => at.fail("format", "be percent-encoded UTF-8"),
    };
    read.ok_or_else(|| Error::invalid(errors))
}

fn describe_parameter<T: Input + Schema>(operation: &mut Operation) {
    let schema = T::schema(&mut operation.components);
    operation.path.push(schema);
    operation.readers.path.push(|value| read_parameter::<T>("value", str::from_utf8(value).ok()).map(drop));
    operation.failures.insert(Problem::ValidationError.status());
}

impl<T: Input + Schema + Send> FromCx for Path<(T,)> {
    async fn from_cx(cx: &mut Cx) -> Result<Self> {
        parameter(cx).map(|value| Self((value,)))
    }

    fn describe(operation: &mut Operation) {
        describe_parameter::<T>(operation);
    }
}

impl<T: Input + Schema + Send, U: Input + Schema + Send> FromCx for Path<(T, U)> {
    async fn from_cx(cx: &mut Cx) -> Result<Self> {
        let first = parameter(cx)?;
        Ok(Self((first, parameter(cx)?)))
    }

    fn describe(operation: &mut Operation) {
        describe_parameter::<T>(operation);
        describe_parameter::<U>(operation);
    }
}

/// The query string.
pub struct Query<T>(pub T);

impl<T: InputObject + Send> FromCx for Query<T> {
    async fn from_cx(cx: &mut Cx) -> Result<Self> {
        read_query(cx.head.uri.query().unwrap_or_default().as_bytes()).map(Self)
    }

    fn describe(operation: &mut Operation) {
        operation.query = T::fields(&mut operation.components);
        operation.readers.query = Some(|text| read_query::<T>(text).map(drop));
        operation.failures.insert(Problem::ValidationError.status());
    }
}

/// A body that is a JSON object; as a reply, 200 with a JSON body.
pub struct Json<T>(pub T);

/// Statuses that reading any body can answer.
pub const BODY_FAILURES: [u16; 5] = [400, 408, 413, 415, 422];

impl<T: InputObject + Schema + Send> FromCx for Json<T> {
    async fn from_cx(cx: &mut Cx) -> Result<Self> {
        expect_media_type(cx, "application/json")?;
        read_json(&read_body(cx).await?).map(Self)
    }

    fn describe(operation: &mut Operation) {
        let schema = T::schema(&mut operation.components);
        operation.body = Some(BodyFacts { media_type: "application/json", required: true, schema });
        operation.readers.body = Some(|body| read_json::<T>(body).map(drop));
        operation.failures.extend(BODY_FAILURES);
    }
}

/// A body that is a JSON object, or no body at all.
pub struct OptionalJson<T>(pub Option<T>);

impl<T: InputObject + Schema + Send> FromCx for OptionalJson<T> {
    async fn from_cx(cx: &mut Cx) -> Result<Self> {
        let body = read_body(cx).await?;
        if body.is_empty() {
            return Ok(Self(None));
        }
        expect_media_type(cx, "application/json")?;
        read_json(&body).map(|read| Self(Some(read)))
    }

    fn describe(operation: &mut Operation) {
        Json::<T>::describe(operation);
        operation.body = operation.body.take().map(|body| BodyFacts { required: false, ..body });
    }
}

/// A body that is an HTML form.
pub struct Form<T>(pub T);

impl<T: InputObject + Schema + Send> FromCx for Form<T> {
    async fn from_cx(cx: &mut Cx) -> Result<Self> {
        expect_media_type(cx, "application/x-www-form-urlencoded")?;
        read_form(&read_body(cx).await?).map(Self)
    }

    fn describe(operation: &mut Operation) {
        let schema = T::schema(&mut operation.components);
        operation.body = Some(BodyFacts { media_type: "application/x-www-form-urlencoded", required: true, schema });
        operation.readers.body = Some(|body| read_form::<T>(body).map(drop));
        operation.failures.extend(BODY_FAILURES);
    }
}

/// The table that is served, for the route that describes it.
pub struct Routes(pub Table);

impl FromCx for Routes {
    async fn from_cx(cx: &mut Cx) -> Result<Self> {
        Ok(Self(cx.table))
    }
}

/// The `Idempotency-Key` header, if there is one.
pub struct IdempotencyKey(pub Option<String>);

/// Characters a key may have.
const KEY_MAX: usize = 255;

impl FromCx for IdempotencyKey {
    async fn from_cx(cx: &mut Cx) -> Result<Self> {
        let mut values = cx.headers().get_all("idempotency-key").iter();
        let Some(value) = values.next() else { return Ok(Self(None)) };
        let bytes = value.as_bytes();
        let is_visible = (1..=KEY_MAX).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic);
        let fits = is_visible && values.next().is_none();
        match value.to_str() {
            Ok(key) if fits => Ok(Self(Some(key.to_owned()))),
            _ => {
                let detail = format!("Idempotency-Key must be one, of 1 to {KEY_MAX} visible ASCII characters");
                let pointer = "/header/Idempotency-Key".to_owned();
                Err(Error::invalid(vec![FieldError { pointer, code: "format", detail }]))
            }
        }
    }

    fn describe(operation: &mut Operation) {
        operation.takes_idempotency_key = true;
        operation.failures.insert(Problem::ValidationError.status());
    }
}

async fn read_body(cx: &mut Cx) -> Result<Bytes> {
    let body = cx.body.read(cx.route.body_max_bytes, cx.route.body_wait).await?;
    cx.note_sent(body.clone());
    Ok(body)
}

/// A body without a Content-Type is taken for what the route expects; another type is refused.
fn expect_media_type(cx: &Cx, expected: &str) -> Result<()> {
    let Some(value) = cx.headers().get(CONTENT_TYPE) else { return Ok(()) };
    let given = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if given.eq_ignore_ascii_case(expected) {
        return Ok(());
    }
    Err(Error::new(Problem::UnsupportedMediaType).with_detail(format!("The body must be {expected}")))
}

fn read_query<T: InputObject>(text: &[u8]) -> Result<T> {
    T::from_fields(&Pairs::parse(text), "/query")
}

fn read_form<T: InputObject>(body: &[u8]) -> Result<T> {
    T::from_fields(&Pairs::parse(body), "")
}

fn read_json<T: InputObject>(body: &[u8]) -> Result<T> {
    T::from_fields(&parse_object(body)?, "")
}

/// The parser's own message would repeat what was sent, so it is dropped.
fn parse_object(body: &[u8]) -> Result<Map<String, Value>> {
    let wrong = |code, must: &str| {
        let detail = format!("The body must {must}");
        Error::invalid(vec![FieldError { pointer: String::new(), code, detail }])
    };
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(wrong("type", "be a JSON object")),
        Err(_) if body.is_empty() => Err(wrong("missing", "be given")),
        Err(_) => Err(wrong("format", "be valid JSON")),
    }
}
