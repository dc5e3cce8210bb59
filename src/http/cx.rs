//! One request as a handler's extractors see it: owned, so that the handler can outlive its connection.

use std::sync::{Arc, OnceLock};

use hyper::http::HeaderMap;
use hyper::http::request::Parts;

use super::body::BodySlot;
use super::route::{Route, Table};
use crate::app::App;
use crate::ids::UserId;

/// A request that was routed.
pub struct Cx {
    /// The service's parts.
    pub app: Arc<App>,
    /// Every route that is served.
    pub table: Table,
    /// The route.
    pub route: &'static Route,
    /// Method, address and headers.
    pub head: Parts,
    /// The body, unread.
    pub body: BodySlot,
    /// Who turned out to be calling; the request's log line tells it.
    pub caller: Arc<OnceLock<UserId>>,
    parameters: std::vec::IntoIter<Option<String>>,
    parameters_taken: usize,
}

impl Cx {
    /// A request for this route, with the values of the path's parameters.
    #[must_use]
    pub fn new(
        app: Arc<App>,
        table: Table,
        (route, parameters): (&'static Route, Vec<Option<String>>),
        head: Parts,
        body: BodySlot,
    ) -> Self {
        let parameters = parameters.into_iter();
        Self { app, table, route, head, body, caller: Arc::new(OnceLock::new()), parameters, parameters_taken: 0 }
    }

    /// The request's headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// A header's value as text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers().get(name)?.to_str().ok()
    }

    /// The next parameter of the path: its name, and its value unless that is no UTF-8. One that stands for several segments
    /// has not been decoded.
    pub fn next_parameter(&mut self) -> (&'static str, Option<String>) {
        let name = parameter_names(self.route.path).nth(self.parameters_taken).unwrap_or("path");
        self.parameters_taken += 1;
        (name, self.parameters.next().flatten())
    }
}

/// The names of a path's parameters, in order.
pub fn parameter_names(path: &'static str) -> impl Iterator<Item = &'static str> {
    let named = path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
    named.map(|name| name.trim_start_matches('*'))
}
