//! From a method and a path to a route: a tree of segments, made once from the table.
//!
//! Always holds: a literal segment beats a parameter, which beats the rest of a path; a path matches with and without one slash
//! at its end, empty segments match no parameter, and what is decoded is decoded once, after the split.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

use super::route::{Method, Route, Table};

/// What a path leads to.
pub enum Found {
    /// A route, and the decoded values of its parameters in order. A value that is no UTF-8 is `None`; one that stands for
    /// several segments is as it came.
    Route(&'static Route, Vec<Option<String>>),
    /// A path that is there, but not for this method; the methods that are, as for the `Allow` header.
    OtherMethods(String),
    /// No such path.
    Nothing,
}

#[derive(Default)]
struct Node {
    literals: BTreeMap<&'static str, Node>,
    parameter: Option<Box<Node>>,
    rest: Option<Box<Node>>,
    routes: Vec<&'static Route>,
}

/// The tree.
pub struct Router {
    root: Node,
}

impl Router {
    /// The tree of a table. A test keeps the table free of two routes with one method and path.
    #[must_use]
    pub fn new(table: Table) -> Self {
        let mut root = Node::default();
        for route in table.iter().flat_map(|routes| routes.iter()) {
            let mut node = &mut root;
            for segment in inner(route.path).split('/') {
                node = if segment.starts_with("{*") {
                    node.rest.get_or_insert_default()
                } else if segment.starts_with('{') {
                    node.parameter.get_or_insert_default()
                } else {
                    node.literals.entry(segment).or_default()
                };
            }
            node.routes.push(route);
        }
        Self { root }
    }

    /// What the path leads to. `None` as method stands for one that no route has.
    #[must_use]
    pub fn find(&self, method: Option<Method>, path: &str) -> Found {
        let mut parameters = Vec::new();
        let Some(node) = walk(&self.root, Some(inner(path)), &mut parameters) else { return Found::Nothing };
        match node.routes.iter().find(|route| Some(route.method) == method) {
            Some(route) => Found::Route(route, parameters.into_iter().map(Parameter::value).collect()),
            None => Found::OtherMethods(allow(node)),
        }
    }

    /// Whether any route begins with the first segment of this path.
    #[must_use]
    pub fn begins(&self, path: &str) -> bool {
        inner(path).split('/').next().is_some_and(|first| self.root.literals.contains_key(first))
    }
}

/// A path without the slash before its first segment and one after its last.
#[must_use]
pub fn inner(path: &str) -> &str {
    let inner = path.strip_prefix('/').unwrap_or(path);
    inner.strip_suffix('/').unwrap_or(inner)
}

/// A value in a path, as it came.
enum Parameter<'p> {
    Segment(&'p str),
    Rest(&'p str),
}

impl Parameter<'_> {
    fn value(self) -> Option<String> {
        match self {
            Self::Segment(raw) => percent_decode_str(raw).decode_utf8().ok().map(std::borrow::Cow::into_owned),
            Self::Rest(raw) => Some(raw.to_owned()),
        }
    }
}

/// Walks on with what is left of the path; `None`: nothing is.
fn walk<'n, 'p>(node: &'n Node, path: Option<&'p str>, parameters: &mut Vec<Parameter<'p>>) -> Option<&'n Node> {
    let Some(path) = path else { return (!node.routes.is_empty()).then_some(node) };
    let (segment, after) = path.split_once('/').map_or((path, None), |(segment, after)| (segment, Some(after)));
    let literal = node.literals.get(segment).and_then(|node| walk(node, after, parameters));
    if literal.is_some() {
        return literal;
    }
    let known = parameters.len();
    if let Some(next) = node.parameter.as_deref().filter(|_| !segment.is_empty()) {
        parameters.push(Parameter::Segment(segment));
        let found = walk(next, after, parameters);
        if found.is_some() {
            return found;
        }
        parameters.truncate(known);
    }
    let rest = node.rest.as_deref().filter(|_| !path.is_empty())?;
    parameters.push(Parameter::Rest(path));
    Some(rest)
}

fn allow(node: &Node) -> String {
    let mut methods: Vec<_> = node.routes.iter().map(|route| route.method).collect();
    methods.sort_unstable();
    let mut names: Vec<&str> = Vec::new();
    for method in methods {
        names.push(method.name());
        if method == Method::Get {
            names.push("HEAD");
        }
    }
    names.push("OPTIONS");
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::App;
    use crate::error::Result;
    use crate::http::NoContent;
    use std::sync::Arc;

    async fn nothing(_: Arc<App>) -> Result<NoContent> {
        Ok(NoContent)
    }

    const TABLE: Table = &[&[
        crate::route!(Get "/" nothing "The root."),
        crate::route!(Get "/a/{id}" nothing "By id."),
        crate::route!(Delete "/a/{id}" nothing "By id."),
        crate::route!(Get "/a/new" nothing "A literal beside a parameter."),
        crate::route!(Post "/a/{id}/b/{other}" nothing "Two parameters."),
        crate::route!(Get "/files/{*path}" nothing "The rest of a path."),
    ]];

    fn find(method: Method, path: &str) -> String {
        match Router::new(TABLE).find(Some(method), path) {
            Found::Route(route, parameters) => format!("{} {parameters:?}", route.path),
            Found::OtherMethods(allow) => allow,
            Found::Nothing => "nothing".to_owned(),
        }
    }

    #[test]
    fn paths_lead_to_routes() {
        let cases = [
            (Method::Get, "/", "/ []"),
            (Method::Get, "/a/7", "/a/{id} [Some(\"7\")]"),
            (Method::Get, "/a/7/", "/a/{id} [Some(\"7\")]"),
            (Method::Get, "/a/new", "/a/new []"),
            (Method::Delete, "/a/new", "GET, HEAD, OPTIONS"),
            (Method::Post, "/a/7", "GET, HEAD, DELETE, OPTIONS"),
            (Method::Post, "/a/new/b/x", "/a/{id}/b/{other} [Some(\"new\"), Some(\"x\")]"),
            (Method::Get, "/a/%2F%20", "/a/{id} [Some(\"/ \")]"),
            (Method::Get, "/a/%ff", "/a/{id} [None]"),
            (Method::Get, "/a//", "nothing"),
            (Method::Get, "//a/7", "nothing"),
            (Method::Get, "/a", "nothing"),
            (Method::Get, "/a/7/b", "nothing"),
            (Method::Get, "/files/x", "/files/{*path} [Some(\"x\")]"),
            (Method::Get, "/files/x/y%2Fz/", "/files/{*path} [Some(\"x/y%2Fz\")]"),
            (Method::Get, "/files/x//y", "/files/{*path} [Some(\"x//y\")]"),
            (Method::Post, "/files/x", "GET, HEAD, OPTIONS"),
            (Method::Get, "/files", "nothing"),
            (Method::Get, "/files/", "nothing"),
        ];
        for (method, path, expected) in cases {
            assert_eq!(find(method, path), expected, "{method} {path}");
        }
    }
}
