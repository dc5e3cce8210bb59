//! From a method and a path to a route: a tree of segments, made once from the table.
//!
//! Always holds: a literal segment beats a parameter, a path matches with and without one slash at its end, empty segments
//! match nothing, and what is decoded is decoded once, after the split.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

use super::route::{Method, Route, Table};

/// What a path leads to.
pub enum Found {
    /// A route, and the decoded values of its parameters in order. A value that is no UTF-8 is `None`.
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
            for segment in segments(route.path) {
                node = if segment.starts_with('{') {
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
        let Some(node) = walk(&self.root, segments(path), &mut parameters) else { return Found::Nothing };
        match node.routes.iter().find(|route| Some(route.method) == method) {
            Some(route) => Found::Route(route, parameters.into_iter().map(decode).collect()),
            None => Found::OtherMethods(allow(node)),
        }
    }

    /// The methods of a path, as for the `Allow` header; `None` where there is no such path.
    #[must_use]
    pub fn allowed(&self, path: &str) -> Option<String> {
        walk(&self.root, segments(path), &mut Vec::new()).map(allow)
    }
}

/// The segments of a path, without the empty ones before the first slash and after the last.
fn segments(path: &str) -> std::str::Split<'_, char> {
    let inner = path.strip_prefix('/').unwrap_or(path);
    inner.strip_suffix('/').unwrap_or(inner).split('/')
}

fn walk<'n, 'p>(
    node: &'n Node,
    mut rest: std::str::Split<'p, char>,
    parameters: &mut Vec<&'p str>,
) -> Option<&'n Node> {
    let Some(segment) = rest.next() else { return (!node.routes.is_empty()).then_some(node) };
    let literal = node.literals.get(segment).and_then(|node| walk(node, rest.clone(), parameters));
    if literal.is_some() {
        return literal;
    }
    let next = node.parameter.as_deref().filter(|_| !segment.is_empty())?;
    let known = parameters.len();
    parameters.push(segment);
    let found = walk(next, rest, parameters);
    if found.is_none() {
        parameters.truncate(known);
    }
    found
}

fn decode(segment: &str) -> Option<String> {
    percent_decode_str(segment).decode_utf8().ok().map(std::borrow::Cow::into_owned)
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
        ];
        for (method, path, expected) in cases {
            assert_eq!(find(method, path), expected, "{method} {path}");
        }
    }
}
