//! One route as a card that opens: what it does, how to call it, what comes back.

use super::curl;
use super::fields::{Direction, Named, kind, lines};
use super::html::{code, method, path, prose, text};
use crate::error::Problem;
use crate::http::cx::parameter_names;
use crate::http::failures::EVERYWHERE;
use crate::http::{Access, Operation, Route};
use crate::openapi::{never_null, operation_id};
use crate::schema::Components;

/// The card of a route. What a link leads to is inside of it, so that browsers open it.
pub fn card(route: &Route, operation: &Operation, components: &Components, base_url: &str) -> String {
    let (label, sentence) = access(operation.access);
    let command = curl::command(route, operation, components, base_url);
    let parts = [
        format!("<p>{sentence}</p><pre>{}</pre>", text(&command)),
        parameters(route, operation),
        body(route, operation, components),
        answer(operation, components),
        failures(route, operation),
    ];
    format!(
        "<details class=\"route\"><summary>{}<code class=\"path\">{}</code>{label}<span class=\"does\">{}</span></summary><div id=\"{}\">{}</div></details>",
        method(route.method),
        path(route.path),
        prose(route.summary),
        operation_id(route),
        parts.concat(),
    )
}

/// Who may call a route: a label, a sentence.
fn access(access: Access) -> (&'static str, &'static str) {
    match access {
        Access::Open => ("", "Open to everybody."),
        Access::User => {
            ("<span class=\"who\">token</span>", "Needs an access token: <code>Authorization: Bearer $TOKEN</code>.")
        }
        Access::Admin => (
            "<span class=\"who admin\">admin</span>",
            "Needs the admin token: <code>Authorization: Bearer $ADMIN_API_TOKEN</code>.",
        ),
    }
}

fn parameters(route: &Route, operation: &Operation) -> String {
    let path = parameter_names(route.path).zip(&operation.path);
    let path = path.map(|(name, schema)| Named { name, schema, doc: "", remark: "in the path" }.line());
    let query = operation.query.iter().map(|(name, doc, schema, required)| {
        let remark = if *required { "in the query, required" } else { "in the query" };
        Named { name, schema: &never_null(schema.clone()), doc, remark }.line()
    });
    let cookie = operation.cookie.map(|name| {
        let schema = serde_json::json!({ "type": "string" });
        Named { name, schema: &schema, doc: "", remark: "a cookie" }.line()
    });
    let key = operation.takes_idempotency_key.then(idempotency_key);
    let lines: String = path.chain(query).chain(cookie).chain(key).chain(operation.signed_by.map(signature)).collect();
    if lines.is_empty() { lines } else { format!("<h4>Parameters</h4><ul class=\"fields\">{lines}</ul>") }
}

fn idempotency_key() -> String {
    let schema = serde_json::json!({ "type": "string", "minLength": 1, "maxLength": 255 });
    let doc = "The same key again gives the first answer again, and has no second effect.";
    Named { name: "Idempotency-Key", schema: &schema, doc, remark: "a header" }.line()
}

fn signature(name: &str) -> String {
    let schema = serde_json::json!({ "type": "string" });
    let doc = "Shows who sends the body.";
    Named { name, schema: &schema, doc, remark: "a header, required" }.line()
}

fn body(route: &Route, operation: &Operation, components: &Components) -> String {
    let Some(body) = &operation.body else { return String::new() };
    let kib = route.body_max_bytes.div_ceil(1024);
    let lines = lines(&body.schema, Direction::Sent, components);
    format!("<h4>Body <small>{}, up to {kib} KiB</small></h4>{lines}", code(body.media_type))
}

fn answer(operation: &Operation, components: &Components) -> String {
    let status = operation.status;
    let unchanged = if operation.can_be_unchanged { ", or 304 to whoever names its <code>ETag</code>" } else { "" };
    let Some(schema) = &operation.reply else {
        return format!("<h4>Answer <small>{status}, without a body{unchanged}</small></h4>");
    };
    let media_type = operation.reply_type.unwrap_or("application/json");
    let shown = if media_type == "application/json" { kind(schema) } else { code(media_type) };
    let lines = lines(schema, Direction::Answered, components);
    format!("<h4>Answer <small>{status}, {shown}{unchanged}</small></h4>{lines}")
}

fn failures(route: &Route, operation: &Operation) -> String {
    let problems = route.problems(operation);
    let (common, own): (Vec<Problem>, Vec<Problem>) = problems.into_iter().partition(|kind| EVERYWHERE.contains(kind));
    let own: String = own.into_iter().map(failure).collect();
    let own = if own.is_empty() { own } else { format!("<ul class=\"failures\">{own}</ul>") };
    let common = common.into_iter().map(|kind| format!("{} {}", kind.status(), code(kind.code())));
    let common = common.collect::<Vec<_>>().join(", ");
    format!("<h4>Errors</h4>{own}<p class=\"common\">As <a href=\"#errors\">every route</a>: {common}.</p>")
}

/// The line of a kind of failure.
pub fn failure(kind: Problem) -> String {
    let (status, title) = (kind.status(), kind.title().trim_end_matches('.'));
    format!("<li><b>{status}</b>{}<span>{}.</span>", code(kind.code()), text(title))
}
