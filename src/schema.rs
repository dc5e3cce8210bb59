//! Types that describe themselves: what callers send ([`Input`]) and what they get ([`Schema`]), each declared once.
//!
//! `input!` makes a struct that reads itself from a JSON object, a form or a query string and collects every mistake with its
//! place; `output!` makes a struct that is written as JSON. Both tell their JSON Schema, doc comments included, so that the
//! OpenAPI document cannot drift from the code. Always holds: no message repeats a value that was sent.

mod input;
mod kinds;
#[cfg(test)]
mod properties;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

pub use input::{At, Fields, Input, InputObject, List, Pairs, Patch, Raw, fail_type, read_field};
pub use kinds::{Text, WITHOUT_CONTROLS, WITHOUT_NUL};

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
    use crate::error::Result;
    use crate::{input, integer, number};

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
