//! Schemas in words: what a value may be, what an object holds.

use serde_json::Value;

use super::html::{code, prose, text};
use crate::schema::Components;

/// One named value: a parameter, or a field of an object.
pub struct Named<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its schema.
    pub schema: &'a Value,
    /// What it is for, if the schema does not say so.
    pub doc: &'a str,
    /// A remark behind the name: whether it must be there, where it stands.
    pub remark: &'a str,
}

impl Named<'_> {
    /// Its line.
    pub fn line(&self) -> String {
        let described = self.schema.get("description").and_then(Value::as_str).unwrap_or_default();
        let doc = if self.doc.is_empty() { described } else { self.doc };
        let remark = if self.remark.is_empty() { String::new() } else { format!(" <em>{}</em>", text(self.remark)) };
        let (name, kind) = (code(self.name), kind(self.schema));
        format!("<li><span>{name}{remark}</span><span>{kind}</span><span>{}</span>", prose(doc))
    }
}

/// Whether an object is sent or answered: what stands behind the names of its fields depends on it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// A caller sends it.
    Sent,
    /// A caller gets it.
    Answered,
}

/// The lines of what a schema holds: an object's fields, or those of a list's elements. Empty for everything else.
pub fn lines(schema: &Value, direction: Direction, components: &Components) -> String {
    let element = schema.get("items").unwrap_or(schema);
    let target = reference(element).and_then(|name| components.0.get(name)).unwrap_or(element);
    let lines: String = fields(target, direction).iter().map(Named::line).collect();
    if lines.is_empty() { lines } else { format!("<ul class=\"fields\">{lines}</ul>") }
}

/// An object's fields: those that must be there first, in the order in which they were declared.
fn fields(schema: &Value, direction: Direction) -> Vec<Named<'_>> {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return Vec::new() };
    let (must, may) = match direction {
        Direction::Sent => ("required", ""),
        Direction::Answered => ("", "optional"),
    };
    let required: Vec<&str> = strings(schema.get("required")).collect();
    let rest = properties.keys().map(String::as_str).filter(|name| !required.contains(name));
    let named = required.iter().map(|name| (*name, must)).chain(rest.map(|name| (name, may)));
    named.filter_map(|(name, remark)| Some(Named { name, schema: properties.get(name)?, doc: "", remark })).collect()
}

/// Every named schema, for the fields that refer to it.
pub fn types(components: &Components) -> String {
    let card = |(name, schema): (&&str, &Value)| {
        let doc = schema.get("description").and_then(Value::as_str).unwrap_or_default();
        let fields = lines(schema, Direction::Answered, components);
        let name = text(name);
        format!(
            "<details class=\"type\"><summary><code>{name}</code><span class=\"does\">{}</span></summary><div id=\"type-{name}\">{}</div></details>",
            prose(doc),
            if fields.is_empty() { format!("<p>{}</p>", kind(schema)) } else { fields },
        )
    };
    components.0.iter().map(card).collect()
}

/// The name that a schema refers to.
fn reference(schema: &Value) -> Option<&str> {
    schema.get("$ref")?.as_str()?.rsplit('/').next()
}

fn strings(list: Option<&Value>) -> impl Iterator<Item = &str> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// What a value may be, in words.
pub fn kind(schema: &Value) -> String {
    if let Some(name) = reference(schema) {
        return format!("<a href=\"#type-{0}\">{0}</a>", text(name));
    }
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        let values = values.iter().map(|value| code(value.as_str().unwrap_or("null")));
        return values.collect::<Vec<_>>().join(" or ");
    }
    if let Some(kinds) = schema.get("anyOf").or(schema.get("oneOf")).and_then(Value::as_array) {
        return kinds.iter().map(kind).collect::<Vec<_>>().join(" or ");
    }
    let names = schema.get("type");
    let single = names.and_then(Value::as_str);
    let words = single.into_iter().chain(strings(names)).map(|name| match name {
        "string" => string(schema),
        "integer" => format!("whole number{}", range(schema)),
        "number" => format!("number{}", range(schema)),
        "boolean" => "true or false".to_owned(),
        "array" => list(schema),
        "object" => object(schema),
        other => text(other),
    });
    words.collect::<Vec<_>>().join(" or ")
}

fn string(schema: &Value) -> String {
    let words = match schema.get("format").and_then(Value::as_str) {
        Some("uuid") => "UUID",
        Some("date-time") => "time, ISO 8601 in UTC",
        Some("date") => "day, as 2026-11-21",
        Some("email") => "email address",
        Some("password") => "password",
        Some("uri") => "address",
        Some("binary") => "file",
        _ => "text",
    };
    let bound = |key: &str| schema.get(key).and_then(Value::as_u64);
    let length = match (bound("minLength").filter(|least| *least > 0), bound("maxLength")) {
        (Some(least), Some(most)) if least == most => format!(", {most} characters"),
        (Some(least), Some(most)) => format!(", {least} to {most} characters"),
        (Some(least), None) => format!(", at least {least} characters"),
        (None, Some(most)) => format!(", up to {most} characters"),
        (None, None) => String::new(),
    };
    format!("{words}{length}")
}

fn range(schema: &Value) -> String {
    let bound = |key: &str| schema.get(key).map(short);
    match (bound("minimum"), bound("exclusiveMinimum"), bound("maximum")) {
        (Some(least), _, Some(most)) => format!(", {least} to {most}"),
        (None, Some(beyond), Some(most)) => format!(", more than {beyond}, at most {most}"),
        (Some(least), ..) => format!(", {least} or more"),
        (None, Some(beyond), None) => format!(", more than {beyond}"),
        (None, None, Some(most)) => format!(", at most {most}"),
        (None, None, None) => String::new(),
    }
}

/// A number without the fraction that it does not have.
fn short(number: &Value) -> String {
    let text = number.to_string();
    text.strip_suffix(".0").unwrap_or(&text).to_owned()
}

fn list(schema: &Value) -> String {
    let items = schema.get("items").map(kind).filter(|kind| !kind.is_empty()).unwrap_or_else(|| "anything".to_owned());
    let most = schema.get("maxItems").map(|most| format!(", at most {}", short(most))).unwrap_or_default();
    format!("list of {items}{most}")
}

fn object(schema: &Value) -> String {
    match schema.get("additionalProperties").filter(|kind| kind.is_object()) {
        Some(values) => format!("object of {} by name", kind(values)),
        None if schema.get("maxProperties").and_then(Value::as_u64) == Some(0) => "empty object".to_owned(),
        None => "object".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn schemas_are_told_in_words() {
        let cases = [
            (json!({ "type": "string", "minLength": 1, "maxLength": 32 }), "text, 1 to 32 characters"),
            (
                json!({ "type": ["string", "null"], "minLength": 0, "maxLength": 255 }),
                "text, up to 255 characters or null",
            ),
            (
                json!({ "type": "number", "exclusiveMinimum": 0, "maximum": 1000.0 }),
                "number, more than 0, at most 1000",
            ),
            (json!({ "type": "integer", "minimum": 0 }), "whole number, 0 or more"),
            (
                json!({ "type": "array", "items": { "type": "string", "format": "uuid" }, "maxItems": 3 }),
                "list of UUID, at most 3",
            ),
            (json!({ "enum": ["kg", null] }), "<code>kg</code> or <code>null</code>"),
            (
                json!({ "anyOf": [{ "$ref": "#/x/Rank" }, { "type": "null" }] }),
                "<a href=\"#type-Rank\">Rank</a> or null",
            ),
        ];
        for (schema, words) in cases {
            assert_eq!(kind(&schema), words, "{schema}");
        }
    }

    #[test]
    fn fields_that_must_be_there_stand_first_in_their_order() {
        let schema = json!({ "required": ["z", "a"], "properties": { "a": {}, "m": {}, "z": {} } });
        let sent: Vec<_> =
            fields(&schema, Direction::Sent).iter().map(|field| (field.name.to_owned(), field.remark)).collect();
        assert_eq!(sent, [("z".to_owned(), "required"), ("a".to_owned(), "required"), ("m".to_owned(), "")]);
    }
}
