//! The router against one that tries every route in turn: both find the same route with the same parameters, or the same
//! methods, or nothing. On our own table, and on one where a search has to turn back.

#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use repduel_backend::app::App;
use repduel_backend::error::Result;
use repduel_backend::http::route::Table;
use repduel_backend::http::router::{Found, Router};
use repduel_backend::http::{Method, NoContent, Route};
use repduel_backend::{route, routes};

async fn nothing(_: Arc<App>) -> Result<NoContent> {
    Ok(NoContent)
}

/// Literals and parameters side by side, some of them dead ends.
const CROSSROADS: Table = &[&[
    route!(Get "/" nothing "."),
    route!(Get "/{x}" nothing "."),
    route!(Put "/a" nothing "."),
    route!(Get "/a/b/c" nothing "."),
    route!(Post "/a/{x}/c" nothing "."),
    route!(Delete "/a/{x}/d" nothing "."),
    route!(Patch "/{x}/b/e" nothing "."),
    route!(Get "/{x}/{y}/{z}/f" nothing "."),
    route!(Get "/a/b/{z}/g" nothing "."),
    route!(Get "/a/b/{*rest}" nothing "."),
    route!(Put "/b/{*rest}" nothing "."),
]];

/// A router with the routes of its table, their paths cut at the slashes.
struct Rivals {
    router: Router,
    routes: Vec<(Vec<&'static str>, &'static Route)>,
}

static RIVALS: LazyLock<[Rivals; 2]> = LazyLock::new(|| {
    [routes::TABLE, CROSSROADS].map(|table| {
        let routes = table.iter().flat_map(|routes| routes.iter());
        Rivals { router: Router::new(table), routes: routes.map(|route| (parts(route.path), route)).collect() }
    })
});

/// What a path leads to, in a form that can be compared.
#[derive(Debug, PartialEq)]
enum Way {
    Route(&'static str, &'static str, Vec<Option<String>>),
    OtherMethods(String),
    Nothing,
}

fn found(router: &Router, method: Option<Method>, path: &str) -> Way {
    match router.find(method, path) {
        Found::Route(route, parameters) => Way::Route(route.method.name(), route.path, parameters),
        Found::OtherMethods(allow) => Way::OtherMethods(allow),
        Found::Nothing => Way::Nothing,
    }
}

/// The parts between the slashes; one slash at either end does not count.
fn parts(path: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = path.split('/').collect();
    if parts.len() > 1 && parts[0].is_empty() {
        parts.remove(0);
    }
    if parts.len() > 1 && parts[parts.len() - 1].is_empty() {
        parts.pop();
    }
    parts
}

/// What a part of a path is to a pattern; the greater ones win.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// It and all that follow it are one parameter.
    Rest,
    Parameter,
    Literal,
}

/// What the parts of the path are to this pattern, if it fits.
fn fit(pattern: &[&str], path: &[&str]) -> Option<Vec<Kind>> {
    if let Some((_, before)) = pattern.split_last().filter(|(last, _)| last.starts_with("{*")) {
        path.get(before.len()..).filter(|rest| !rest.join("/").is_empty())?;
        return Some([fit(before, &path[..before.len()])?, vec![Kind::Rest]].concat());
    }
    let fits = |(pattern, part): (&&str, &&str)| match pattern.starts_with('{') {
        true => (!part.is_empty()).then_some(Kind::Parameter),
        false => (pattern == part).then_some(Kind::Literal),
    };
    if pattern.len() == path.len() { pattern.iter().zip(path).map(fits).collect() } else { None }
}

/// What the path leads to.
fn expected(rivals: &Rivals, method: Option<Method>, path: &str) -> Way {
    let parts = parts(path);
    let fits = rivals.routes.iter().filter_map(|(pattern, route)| Some((fit(pattern, &parts)?, *route)));
    let fits: Vec<(Vec<Kind>, &Route)> = fits.collect();
    // The first difference decides: an early literal beats a late one.
    let Some(best) = fits.iter().map(|(kinds, _)| kinds).max() else { return Way::Nothing };
    let there: Vec<&Route> = fits.iter().filter(|(kinds, _)| kinds == best).map(|(_, route)| *route).collect();
    let Some(route) = there.iter().find(|route| Some(route.method) == method) else {
        return Way::OtherMethods(allow(&there));
    };
    let value = |(at, kind): (usize, &Kind)| match kind {
        Kind::Literal => None,
        Kind::Parameter => Some(decoded(parts[at])),
        Kind::Rest => Some(Some(parts[at..].join("/"))),
    };
    Way::Route(route.method.name(), route.path, best.iter().enumerate().filter_map(value).collect())
}

fn allow(routes: &[&Route]) -> String {
    let mut names = Vec::new();
    for (name, serving) in [
        ("GET", Method::Get),
        ("HEAD", Method::Get),
        ("POST", Method::Post),
        ("PUT", Method::Put),
        ("PATCH", Method::Patch),
        ("DELETE", Method::Delete),
    ] {
        if routes.iter().any(|route| route.method == serving) {
            names.push(name);
        }
    }
    names.push("OPTIONS");
    names.join(", ")
}

/// Percent-decoding, byte by byte.
fn decoded(part: &str) -> Option<String> {
    let bytes = part.as_bytes();
    let digit = |at: usize| bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16)).map(|digit| digit as u8);
    let (mut output, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        match (bytes[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                output.push(high * 16 + low);
                at += 3;
            }
            (byte, ..) => {
                output.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8(output).ok()
}

fuzz_target!(|input: &str| {
    let (method, path) = input.split_once(' ').unwrap_or(("GET", input));
    let Ok(method) = hyper::Method::from_bytes(method.as_bytes()) else { return };
    let method = Method::serving(&method);
    for rivals in RIVALS.iter() {
        assert_eq!(found(&rivals.router, method, path), expected(rivals, method, path), "{method:?} {path}");
    }
});
