//! Types that describe themselves: what callers send ([`Input`]) and what they get ([`Schema`]), each declared once.
//!
//! `input!` makes a struct that reads itself from a JSON object, a form or a query string and collects every mistake with its
//! place; `output!` makes a struct that is written as JSON. Both tell their JSON Schema, doc comments included, so that the
//! OpenAPI document cannot drift from the code. Always holds: no message repeats a value that was sent.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::error::{Error, FieldError, Result};

/// The named schemas of the OpenAPI document.
#[derive(Default)]
pub struct Components(pub BTreeMap<&'static str, Value>);

impl Components {
    /// Adds a named schema once and answers the reference to it.
    pub fn add(&mut self, name: &'static str, make: impl FnOnce(&mut Self) -> Value) -> Value {
        if !self.0.contains_key(name) {
            self.0.insert(name, Value::Null);
            let schema = make(self);
            self.0.insert(name, schema);
        }
        json!({ "$ref": format!("#/components/schemas/{name}") })
    }
}

/// A type with a JSON Schema (2020-12).
pub trait Schema {
    /// Its schema; objects register under their name and answer a reference.
    fn schema(components: &mut Components) -> Value;
}

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

/// The pattern of a text without NUL.
pub const WITHOUT_NUL: &str = r"^[^\u0000]*$";
/// The pattern of a text without control characters.
pub const WITHOUT_CONTROLS: &str = r"^[^\u0000-\u001f\u007f-\u009f]*$";

/// Text of `MIN` to `MAX` characters, without NUL, which PostgreSQL cannot store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text<const MIN: usize, const MAX: usize>(pub String);

impl<const MIN: usize, const MAX: usize> Input for Text<MIN, MAX> {
    fn read(raw: Raw<'_>, at: &mut At<'_>) -> Option<Self> {
        let Some(text) = raw.text() else { return fail_type(raw, at, "be text") };
        if text.contains('\0') {
            return at.fail("format", "not contain NUL");
        }
        if !(MIN..=MAX).contains(&text.chars().count()) {
            return at.fail("length", &format!("have {MIN} to {MAX} characters"));
        }
        Some(Self(text.to_owned()))
    }
}

impl<const MIN: usize, const MAX: usize> Schema for Text<MIN, MAX> {
    fn schema(_: &mut Components) -> Value {
        json!({ "type": "string", "minLength": MIN, "maxLength": MAX, "pattern": WITHOUT_NUL })
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

impl Input for bool {
    fn read(raw: Raw<'_>, at: &mut At<'_>) -> Option<Self> {
        match raw {
            Raw::Json(Value::Bool(value)) => Some(*value),
            Raw::Text("true") => Some(true),
            Raw::Text("false") => Some(false),
            _ => fail_type(raw, at, "be true or false"),
        }
    }
}

/// Notes a value of the wrong JSON type, null apart from the rest.
pub fn fail_type<T>(raw: Raw<'_>, at: &mut At<'_>, must: &str) -> Option<T> {
    if raw.is_null() { at.fail("null", &format!("{must}, not null")) } else { at.fail("type", must) }
}

/// Declares a number with its bounds: `number! { /// Doc. pub struct WeightKg in 0.0..=1000.0; }`.
#[macro_export]
macro_rules! number { ($(#[doc = $doc:literal])* $v:vis struct $name:ident in $min:literal..=$max:literal;) => {
    $(#[doc = $doc])*
    #[derive(Debug, Clone, Copy, PartialEq)]
    $v struct $name(pub f64);
    impl $crate::schema::Input for $name {
        fn read(raw: $crate::schema::Raw<'_>, at: &mut $crate::schema::At<'_>) -> Option<Self> {
            let Some(number) = raw.number() else { return $crate::schema::fail_type(raw, at, "be a finite number") };
            if !($min..=$max).contains(&number) {
                return at.fail("range", &format!("be from {} to {}", $min, $max));
            }
            Some(Self(number + 0.0)) // there is no -0 kg
        }
    }
    impl $crate::schema::Schema for $name {
        fn schema(_: &mut $crate::schema::Components) -> serde_json::Value {
            serde_json::json!({ "type": "number", "minimum": $min, "maximum": $max, "description": concat!($($doc),*).trim() })
        }
    }
} }

/// Declares a whole number with its bounds: `integer! { /// Doc. pub struct Reps = i32, 0..=1000; }`.
#[macro_export]
macro_rules! integer { ($(#[doc = $doc:literal])* $v:vis struct $name:ident = $t:ty, $min:literal..=$max:literal;) => {
    $(#[doc = $doc])*
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    $v struct $name(pub $t);
    impl $crate::schema::Input for $name {
        fn read(raw: $crate::schema::Raw<'_>, at: &mut $crate::schema::At<'_>) -> Option<Self> {
            let Some(number) = raw.integer() else { return $crate::schema::fail_type(raw, at, "be a whole number") };
            match <$t>::try_from(number) {
                Ok(number) if ($min..=$max).contains(&number) => Some(Self(number)),
                _ => at.fail("range", &format!("be from {} to {}", $min, $max)),
            }
        }
    }
    impl $crate::schema::Schema for $name {
        fn schema(_: &mut $crate::schema::Components) -> serde_json::Value {
            serde_json::json!({ "type": "integer", "minimum": $min, "maximum": $max, "description": concat!($($doc),*).trim() })
        }
    }
} }

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

/// Declares a struct that is written as JSON, every key always present.
#[macro_export]
macro_rules! output { ($(#[doc = $doc:literal])* $v:vis struct $name:ident {
    $($(#[doc = $fdoc:literal])* $field:ident: $t:ty),* $(,)?
}) => {
    $(#[doc = $doc])*
    #[derive(Debug, Clone, serde::Serialize)]
    $v struct $name { $($(#[doc = $fdoc])* pub $field: $t),* }
    impl $crate::schema::Schema for $name {
        fn schema(components: &mut $crate::schema::Components) -> serde_json::Value {
            components.add(stringify!($name), |components| {
                let fields = vec![$((
                    stringify!($field), concat!($($fdoc),*).trim(), <$t as $crate::schema::Schema>::schema(components), true,
                )),*];
                $crate::schema::object(concat!($($doc),*).trim(), fields)
            })
        }
    }
} }

/// The schema of an object from its fields; what the macros call.
#[must_use]
pub fn object(doc: &str, fields: Vec<(&'static str, &'static str, Value, bool)>) -> Value {
    let required: Vec<&str> = fields.iter().filter(|field| field.3).map(|field| field.0).collect();
    let mut schema = Map::new();
    schema.insert("type".to_owned(), "object".into());
    if !doc.is_empty() {
        schema.insert("description".to_owned(), doc.into());
    }
    if !required.is_empty() {
        schema.insert("required".to_owned(), required.into());
    }
    let described = fields.into_iter().map(|(name, doc, mut schema, _)| {
        if let (false, Some(schema)) = (doc.is_empty(), schema.as_object_mut()) {
            schema.insert("description".to_owned(), doc.into());
        }
        (name.to_owned(), schema)
    });
    schema.insert("properties".to_owned(), Value::Object(described.collect()));
    Value::Object(schema)
}

impl<T: Schema> Schema for Vec<T> {
    fn schema(components: &mut Components) -> Value {
        json!({ "type": "array", "items": T::schema(components) })
    }
}

macro_rules! scalar_schemas { ($($t:ty => $schema:tt;)*) => { $(
    impl Schema for $t {
        fn schema(_: &mut Components) -> Value { json!($schema) }
    }
)* } }

scalar_schemas! {
    String => { "type": "string" };
    &'static str => { "type": "string" };
    bool => { "type": "boolean" };
    f64 => { "type": "number" };
    i32 => { "type": "integer" };
    i64 => { "type": "integer" };
    u32 => { "type": "integer", "minimum": 0 };
    uuid::Uuid => { "type": "string", "format": "uuid" };
}

#[cfg(test)]
mod tests {
    use super::*;

    number! { /// Kilograms.
    struct Kg in 0.0..=10.0; }
    integer! { /// Times.
    struct Times = i32, 0..=5; }
    input! { /// A thing.
    struct Thing { kg: Kg, times: Option<Times>, name: Patch<Option<Text<1, 3>>> } }

    fn read(body: Value) -> Result<Thing> {
        let Value::Object(map) = body else { unreachable!() };
        Thing::from_fields(&map, "")
    }

    fn codes(body: Value) -> Vec<(String, &'static str)> {
        let mut errors = Vec::new();
        let Value::Object(map) = body else { unreachable!() };
        assert!(Thing::read_fields(&map, "", &mut errors).is_none());
        errors.into_iter().map(|error| (error.pointer, error.code)).collect()
    }

    #[test]
    fn whole_numbers_and_floats_are_read_as_each_other() {
        let thing = read(json!({ "kg": 3, "times": 2.0, "unknown": {} })).unwrap();
        assert_eq!((thing.kg, thing.times, thing.name), (Kg(3.0), Some(Times(2)), Patch::Keep));
    }

    #[test]
    fn null_is_a_value_only_where_it_makes_sense() {
        assert_eq!(read(json!({ "kg": 1, "times": null, "name": null })).unwrap().name, Patch::Set(None));
        assert_eq!(codes(json!({ "kg": null })), [("/kg".to_owned(), "null")]);
    }

    #[test]
    fn every_mistake_is_told_with_its_place() {
        let found = codes(json!({ "kg": 11, "times": "2", "name": "a\0" }));
        let expected = [("/kg", "range"), ("/times", "type"), ("/name", "format")];
        assert_eq!(found, expected.map(|(at, code)| (at.to_owned(), code)));
        assert_eq!(codes(json!({ "name": "four" })), [("/kg".to_owned(), "missing"), ("/name".to_owned(), "length")]);
    }

    input! { /// Things.
    struct Things { list: List<Thing, 2> } }

    #[test]
    fn every_element_of_a_list_is_read() {
        let read = |body: Value| {
            let (Value::Object(map), mut errors) = (body, Vec::new()) else { unreachable!() };
            let things = Things::read_fields(&map, "", &mut errors);
            let errors = errors.into_iter().map(|error| format!("{} {}", error.pointer, error.code));
            things.map(|things| things.list.0.len()).ok_or(errors.collect::<Vec<_>>().join(", "))
        };
        assert_eq!(read(json!({ "list": [{ "kg": 1 }, { "kg": 2 }] })), Ok(2));
        let told = |body: Value, told: &str| assert_eq!(read(body), Err(told.to_owned()));
        told(json!({ "list": [{ "kg": 11 }, 7] }), "/list/0/kg range, /list/1 type");
        told(json!({ "list": [{}, {}, {}] }), "/list length");
        told(json!({ "list": {} }), "/list type");
        told(json!({ "list": null }), "/list null");
    }

    #[test]
    fn text_numbers_must_be_finite() {
        for text in ["nan", "inf", "1e400", "", " 1", "0x1"] {
            assert_eq!(Raw::Text(text).number(), None, "{text:?}");
        }
    }

    #[test]
    fn schemas_tell_what_must_be_there() {
        let mut components = Components::default();
        Thing::schema(&mut components);
        assert_eq!(components.0["Thing"]["required"], json!(["kg"]));
        assert_eq!(components.0["Thing"]["properties"]["times"]["type"], json!(["integer", "null"]));
    }
}

#[cfg(test)]
mod properties;
