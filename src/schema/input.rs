//! Reading what callers send: a value of a JSON document, a query, a form or a path becomes a type, or a mistake with its place.

use serde_json::{Map, Value, json};

use super::{Components, Schema};
use crate::error::{Error, FieldError, Result};

/// A value as it arrived: part of a JSON document, or text of a query, a form or a path.
#[derive(Clone, Copy)]
pub enum Raw<'a> {
    /// A JSON value.
    Json(&'a Value),
    /// Decoded text.
    Text(&'a str),
}

impl Raw<'_> {
    /// Whether it is JSON's null.
    #[must_use]
    pub fn is_null(self) -> bool {
        matches!(self, Raw::Json(Value::Null))
    }

    /// The text, if it is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Raw::Json(Value::String(text)) => Some(text),
            Raw::Text(text) => Some(text),
            Raw::Json(_) => None,
        }
    }

    /// The finite number, if it is one.
    #[must_use]
    pub fn number(self) -> Option<f64> {
        let number = match self {
            Raw::Json(value) => value.as_f64()?,
            Raw::Text(text) => text.parse().ok()?,
        };
        number.is_finite().then_some(number)
    }

    /// The whole number, if it is one; `3.0` is.
    #[must_use]
    pub fn integer(self) -> Option<i64> {
        match self {
            Raw::Json(value) => value.as_i64().or_else(|| whole(value.as_f64()?)),
            Raw::Text(text) => text.parse().ok(),
        }
    }
}

fn whole(number: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53: beyond it a float is not one whole number
    #[expect(clippy::cast_possible_truncation, reason = "whole and within 2^53")]
    (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64)
}

/// Where a value stands, and the mistakes found so far.
pub struct At<'a> {
    pointer: String,
    name: &'a str,
    errors: &'a mut Vec<FieldError>,
}

impl<'a> At<'a> {
    /// The place of one named value. `pointer` as in [`FieldError`].
    pub fn new(pointer: String, name: &'a str, errors: &'a mut Vec<FieldError>) -> Self {
        Self { pointer, name, errors }
    }

    /// Notes a mistake; answers `None`, for readers to return. `must` completes "`name` must …".
    pub fn fail<T>(&mut self, code: &'static str, must: &str) -> Option<T> {
        let detail = format!("{} must {must}", self.name);
        self.errors.push(FieldError { pointer: self.pointer.clone(), code, detail });
        None
    }
}

/// A type that can be read from what a caller sent.
pub trait Input: Sized {
    /// What it means that nothing was sent: `None` where the value is required.
    #[must_use]
    fn absent() -> Option<Self> {
        None
    }

    /// The value, or `None` with the mistake noted.
    fn read(raw: Raw<'_>, at: &mut At<'_>) -> Option<Self>;
}

/// A set of named values: a JSON object, or the pairs of a query or a form.
pub trait Fields {
    /// The value under this name; of several the last.
    fn field(&self, name: &str) -> Option<Raw<'_>>;
}

impl Fields for Map<String, Value> {
    fn field(&self, name: &str) -> Option<Raw<'_>> {
        self.get(name).map(Raw::Json)
    }
}

/// Decoded pairs of a query string or a form.
pub struct Pairs(Vec<(String, String)>);

impl Pairs {
    /// Splits and decodes `a=b&c=d`.
    #[must_use]
    pub fn parse(text: &[u8]) -> Self {
        Self(form_urlencoded::parse(text).into_owned().collect())
    }
}

impl Fields for Pairs {
    fn field(&self, name: &str) -> Option<Raw<'_>> {
        self.0.iter().rev().find(|(key, _)| key == name).map(|(_, value)| Raw::Text(value))
    }
}

/// A struct that `input!` declared.
pub trait InputObject: Sized {
    /// Reads every field; `None` if any mistake was noted. `place` is put before each pointer.
    fn read_fields(fields: &dyn Fields, place: &str, errors: &mut Vec<FieldError>) -> Option<Self>;

    /// Each field's name, documentation, schema, and whether it must be there.
    fn fields(components: &mut Components) -> Vec<(&'static str, &'static str, Value, bool)>;

    /// Reads every field, or says everything that is wrong.
    ///
    /// # Errors
    /// 422 with one entry per mistake.
    fn from_fields(fields: &dyn Fields, place: &str) -> Result<Self> {
        let mut errors = Vec::new();
        Self::read_fields(fields, place, &mut errors).ok_or_else(|| Error::invalid(errors))
    }
}

/// Reads one field of an object; what `input!` calls for each.
pub fn read_field<T: Input>(fields: &dyn Fields, name: &str, place: &str, errors: &mut Vec<FieldError>) -> Option<T> {
    let mut at = At::new(format!("{place}/{name}"), name, errors);
    match fields.field(name) {
        Some(raw) => T::read(raw, &mut at),
        None => T::absent().or_else(|| at.fail("missing", "be given")),
    }
}

/// Notes a value of the wrong JSON type, null apart from the rest.
pub fn fail_type<T>(raw: Raw<'_>, at: &mut At<'_>, must: &str) -> Option<T> {
    if raw.is_null() { at.fail("null", &format!("{must}, not null")) } else { at.fail("type", must) }
}

/// Declares a struct that is read from a request.
#[macro_export]
macro_rules! input { ($(#[doc = $doc:literal])* $v:vis struct $name:ident {
    $($(#[doc = $fdoc:literal])* $field:ident: $t:ty),* $(,)?
}) => {
    $(#[doc = $doc])*
    #[derive(Debug)]
    $v struct $name { $($(#[doc = $fdoc])* pub $field: $t),* }
    impl $crate::schema::InputObject for $name {
        fn read_fields(
            fields: &dyn $crate::schema::Fields, place: &str, errors: &mut Vec<$crate::error::FieldError>,
        ) -> Option<Self> {
            $(let $field = $crate::schema::read_field(fields, stringify!($field), place, errors);)*
            Some(Self { $($field: $field?),* })
        }
        fn fields(components: &mut $crate::schema::Components) -> Vec<(&'static str, &'static str, serde_json::Value, bool)> {
            vec![$((
                stringify!($field), concat!($($fdoc),*).trim(), <$t as $crate::schema::Schema>::schema(components),
                <$t as $crate::schema::Input>::absent().is_none(),
            )),*]
        }
    }
    impl $crate::schema::Schema for $name {
        fn schema(components: &mut $crate::schema::Components) -> serde_json::Value {
            components.add(stringify!($name), |components| {
                let fields = <$name as $crate::schema::InputObject>::fields(components);
                $crate::schema::object(concat!($($doc),*).trim(), fields)
            })
        }
    }
} }

/// Absent or null is `None`.
impl<T: Input> Input for Option<T> {
    fn absent() -> Option<Self> {
        Some(None)
    }

    fn read(raw: Raw<'_>, at: &mut At<'_>) -> Option<Self> {
        if raw.is_null() { Some(None) } else { T::read(raw, at).map(Some) }
    }
}

impl<T: Schema> Schema for Option<T> {
    fn schema(components: &mut Components) -> Value {
        let mut schema = T::schema(components);
        match schema.get_mut("type") {
            Some(kind) => *kind = json!([kind.clone(), "null"]),
            None => schema = json!({ "anyOf": [schema, { "type": "null" }] }),
        }
        if let Some(Value::Array(values)) = schema.get_mut("enum") {
            values.push(Value::Null); // an enum goes before the type
        }
        schema
    }
}

/// A field of a partial update: left alone when absent. Null is a value like another, for those `T` that take it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Patch<T> {
    /// Not sent: the field stays.
    Keep,
    /// Sent: the field becomes this.
    Set(T),
}

impl<T: Input> Input for Patch<T> {
    fn absent() -> Option<Self> {
        Some(Self::Keep)
    }

    fn read(raw: Raw<'_>, at: &mut At<'_>) -> Option<Self> {
        T::read(raw, at).map(Self::Set)
    }
}

impl<T: Schema> Schema for Patch<T> {
    fn schema(components: &mut Components) -> Value {
        T::schema(components)
    }
}

/// At most `MAX` objects, in the order in which they were sent.
#[derive(Debug)]
pub struct List<T, const MAX: usize>(pub Vec<T>);

impl<T: InputObject, const MAX: usize> Input for List<T, MAX> {
    fn read(raw: Raw<'_>, at: &mut At<'_>) -> Option<Self> {
        let Raw::Json(Value::Array(items)) = raw else { return fail_type(raw, at, "be a list") };
        if items.len() > MAX {
            return at.fail("length", &format!("have at most {MAX} elements"));
        }
        let read_item = |(index, item): (usize, &Value)| {
            let place = format!("{}/{index}", at.pointer);
            match item {
                Value::Object(fields) => T::read_fields(fields, &place, at.errors),
                _ => At::new(place, at.name, at.errors).fail("type", "have objects as elements"),
            }
        };
        // Every element is read before the first that failed makes the list fail, so that all mistakes are told.
        let items: Vec<Option<T>> = items.iter().enumerate().map(read_item).collect();
        items.into_iter().collect::<Option<Vec<T>>>().map(Self)
    }
}

impl<T: Schema, const MAX: usize> Schema for List<T, MAX> {
    fn schema(components: &mut Components) -> Value {
        json!({ "type": "array", "items": T::schema(components), "maxItems": MAX })
    }
}
