//! The API as one page for people: the route table once more, as HTML without scripts. Pure.
//!
//! Its frame is `page.html`, whose `{{names}}` are filled here; its looks are `style.css`, which the page's policy names by
//! hash. Always holds: everything that comes from the table is escaped, and nothing is loaded from anywhere.

mod curl;
mod fields;
mod html;
mod routes;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::error::Problem;
use crate::http::held::Held;
use crate::http::route::Table;
use crate::http::{Operation, Route};
use crate::openapi;
use crate::schema::Components;

use html::{fill, prose, text};

const FRAME: &str = include_str!("page.html");
const STYLE: &str = include_str!("style.css");
/// The page's media type.
pub const MEDIA_TYPE: &str = "text/html; charset=utf-8";

/// The page of a table, for a server that is reached under this address.
#[must_use]
pub fn page(table: Table, base_url: &str) -> Held {
    let (operations, components) = openapi::operations(table);
    let domains = domains(&operations);
    let page = fill(FRAME, |name| match name {
        "style" => STYLE.to_owned(),
        "base_url" => text(base_url),
        "description" => text(openapi::DESCRIPTION),
        "setup" => text(&curl::setup(base_url)),
        "routes_total" => operations.len().to_string(),
        "contents" => domains.iter().map(Domain::contents).collect(),
        "errors" => Problem::ALL.iter().map(|kind| routes::failure(*kind)).collect(),
        "domains" => domains.iter().map(|domain| domain.section(&components, base_url)).collect(),
        "types" => fields::types(&components),
        _ => String::new(),
    });
    Held::new(page, MEDIA_TYPE).with_policy(&policy())
}

/// What the browser may do for this page: apply its style, show its icon, follow links.
fn policy() -> String {
    let hash = BASE64_STANDARD.encode(digest(&SHA256, STYLE.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

/// Routes that belong together.
struct Domain<'a> {
    tag: &'static str,
    routes: Vec<&'a (&'static Route, Operation)>,
}

/// The routes by their domains, which stand in the order of their first routes; what is about the service itself comes last.
fn domains<'a>(operations: &'a [(&'static Route, Operation)]) -> Vec<Domain<'a>> {
    let mut domains: Vec<Domain<'_>> = Vec::new();
    for operation in operations {
        let tag = openapi::tag(operation.0);
        match domains.iter_mut().find(|domain| domain.tag == tag) {
            Some(domain) => domain.routes.push(operation),
            None => domains.push(Domain { tag, routes: vec![operation] }),
        }
    }
    domains.sort_by_key(|domain| domain.tag == openapi::SERVICE);
    domains
}

impl Domain<'_> {
    /// Its name, for people.
    fn name(&self) -> String {
        let mut letters = self.tag.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        first.into_iter().chain(letters).map(|c| if c == '_' || c == '-' { ' ' } else { c }).collect()
    }

    /// Its lines in the list of contents.
    fn contents(&self) -> String {
        let routes = self.routes.iter().map(|(route, _)| {
            let path = route.path.strip_prefix("/api/v1").unwrap_or(route.path);
            format!(
                "<li><a href=\"#{}\">{}<code>{}</code></a>",
                openapi::operation_id(route),
                html::method(route.method),
                html::path(path),
            )
        });
        format!(
            "<li><a href=\"#{0}\">{1} <small>{2}</small></a><details><summary>{1}</summary><ul>{3}</ul></details>",
            text(self.tag),
            text(&self.name()),
            self.routes.len(),
            routes.collect::<String>(),
        )
    }

    /// Its part of the page.
    fn section(&self, components: &Components, base_url: &str) -> String {
        let routes = self.routes.iter();
        let routes = routes.map(|(route, operation)| routes::card(route, operation, components, base_url));
        format!(
            "<section id=\"{}\"><h2>{}</h2>{}</section>",
            text(self.tag),
            prose(&self.name()),
            routes.collect::<String>()
        )
    }
}
