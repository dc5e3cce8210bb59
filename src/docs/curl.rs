//! Command lines for a reader to paste. What depends on the reader stands in variables of the shell: `TOKEN`,
//! `REFRESH_TOKEN`, `USER_ID` and `ADMIN_API_TOKEN`.

use serde_json::Value;

use crate::examples::{OWN_ID, OWN_REFRESH_TOKEN, example};
use crate::http::cx::parameter_names;
use crate::http::route::BodyFacts;
use crate::http::{Access, Method, Operation, Route};
use crate::schema::Components;

/// Characters up to which a command stays on one line.
const LINE_MAX: usize = 76;

/// What examples say of the reader, and the variable that knows it.
const OWN: [(&str, &str); 2] = [(OWN_ID, "$USER_ID"), (OWN_REFRESH_TOKEN, "$REFRESH_TOKEN")];

/// The commands that make an account and set the variables.
pub fn setup(base_url: &str) -> String {
    let api = quoted(&format!("{base_url}/api/v1"));
    format!(
        r#"API={api}
curl "$API/users" -H 'Content-Type: application/json' \
  -d '{{"username": "ada", "email": "ada@example.com", "password": "lift-heavy"}}'
LOGIN=$(curl -s "$API/auth/login" -d username=ada@example.com -d password=lift-heavy)
TOKEN=$(echo "$LOGIN" | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
REFRESH_TOKEN=$(echo "$LOGIN" | sed 's/.*"refresh_token":"\([^"]*\)".*/\1/')
USER_ID=$(curl -s "$API/users/me" -H "Authorization: Bearer $TOKEN" |
  sed 's/.*"id":"\([^"]*\)".*/\1/')"#
    )
}

/// The command that calls a route with examples of everything it needs.
pub fn command(route: &Route, operation: &Operation, components: &Components, base_url: &str) -> String {
    let mut words = vec!["curl".to_owned()];
    match (route.method, &operation.body) {
        (Method::Get, _) | (Method::Post, Some(_)) => {}
        (method, _) => words.push(format!("-X {method}")),
    }
    words.push(quoted(&format!("{base_url}{}", address(route, operation, components))));
    match operation.access {
        Access::Open => {}
        Access::User => words.push("-H \"Authorization: Bearer $TOKEN\"".to_owned()),
        Access::Admin => words.push("-H \"Authorization: Bearer $ADMIN_API_TOKEN\"".to_owned()),
    }
    if let Some(name) = operation.cookie {
        let value = plain(&example(name, &Value::Null, components));
        words.push(format!("-b {}", quoted(&format!("{name}={value}"))));
    }
    if let Some(body) = &operation.body {
        words.extend(data(body, &example("", &body.schema, components)));
    }
    let length: usize = words.iter().map(|word| word.chars().count() + 1).sum();
    if length <= LINE_MAX { words.join(" ") } else { broken(&words) }
}

/// One line for the address, and one for each word behind it.
fn broken(words: &[String]) -> String {
    let mut command = String::new();
    for word in words {
        let space = if command.is_empty() { "" } else { " " };
        let own_line = word.starts_with("-H")
            || word.starts_with("-b")
            || word.starts_with("-d")
            || word.starts_with("-F")
            || word.starts_with("--");
        command.push_str(if own_line { " \\\n  " } else { space });
        command.push_str(word);
    }
    command
}

/// Path and query with an example of each parameter that must be there.
fn address(route: &Route, operation: &Operation, components: &Components) -> String {
    let mut path = route.path.to_owned();
    for (name, schema) in parameter_names(route.path).zip(&operation.path) {
        path = path.replace(&format!("{{{name}}}"), &plain(&example(name, schema, components)));
    }
    let needed = operation.query.iter().filter(|(.., required)| *required);
    let pairs = needed.map(|(name, _, schema, _)| format!("{name}={}", plain(&example(name, schema, components))));
    let query = pairs.collect::<Vec<_>>().join("&");
    if query.is_empty() { path } else { format!("{path}?{query}") }
}

/// The words that send this body.
fn data(body: &BodyFacts, example: &Value) -> Vec<String> {
    let pairs = || example.as_object().into_iter().flatten();
    match body.media_type {
        "application/x-www-form-urlencoded" => {
            pairs().map(|(name, value)| format!("-d {}", single_quoted(&format!("{name}={}", plain(value))))).collect()
        }
        "multipart/form-data" => pairs().map(|(name, _)| format!("-F {name}=@picture.png")).collect(),
        media_type => {
            vec![format!("-H 'Content-Type: {media_type}'"), format!("-d {}", single_quoted(&spaced(example)))]
        }
    }
}

/// JSON with spaces, so that a narrow page can break it.
fn spaced(value: &Value) -> String {
    let members: Vec<String> = match value {
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| format!("{}: {}", Value::from(name.as_str()), spaced(value))).collect()
        }
        Value::Array(items) => items.iter().map(spaced).collect(),
        _ => return value.to_string(),
    };
    let members = members.join(", ");
    if value.is_object() { format!("{{{members}}}") } else { format!("[{members}]") }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// In double quotes, where variables count and nothing else does.
fn quoted(word: &str) -> String {
    let escaped: String =
        word.chars().flat_map(|c| "\\\"`$".contains(c).then_some('\\').into_iter().chain([c])).collect();
    let escaped = OWN.iter().fold(escaped, |word, (own, variable)| word.replace(own, variable));
    format!("\"{escaped}\"")
}

/// In single quotes, but for what is the reader's own.
fn single_quoted(word: &str) -> String {
    let escaped = word.replace('\'', r"'\''");
    let escaped = OWN.iter().fold(escaped, |word, (own, variable)| word.replace(own, &format!("'\"{variable}\"'")));
    format!("'{escaped}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shell_takes_words_for_what_they_are() {
        assert_eq!(quoted("http://h/$(a)`b`\"\\"), r#""http://h/\$(a)\`b\`\"\\""#);
        assert_eq!(quoted(&format!("http://h/{OWN_ID}")), "\"http://h/$USER_ID\"");
        assert_eq!(single_quoted("it's"), r"'it'\''s'");
        assert_eq!(spaced(&serde_json::json!({ "a": [1, "\""], "b": {} })), r#"{"a": [1, "\""], "b": {}}"#);
        assert_eq!(single_quoted(&format!("{{\"id\":\"{OWN_ID}\"}}")), "'{\"id\":\"'\"$USER_ID\"'\"}'");
    }
}
