//! One request as a handler's extractors see it: owned, so that the handler can outlive its connection.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use hyper::header::AUTHORIZATION;
use hyper::http::HeaderMap;
use hyper::http::request::Parts;

use super::body::BodySlot;
use super::client::Client;
use super::limited::Standings;
use super::route::{Route, Table};
use crate::app::App;
use crate::error::{Problem, Result};
use crate::ids::UserId;
use crate::token::Access;

/// A check that is put off until it matters.
type Check = Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = Result<()>> + Send>> + Send + Sync>;

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
    /// Who is at the other end.
    pub client: Client,
    /// The body, unread.
    pub body: BodySlot,
    /// How the budgets stand that it was counted against.
    pub standings: Standings,
    /// Who turned out to be calling; the request's log line tells it.
    pub caller: Arc<OnceLock<UserId>>,
    access: OnceLock<Option<Access>>,
    parameters: std::vec::IntoIter<Option<String>>,
    parameters_taken: usize,
    before_refusal: Option<Check>,
    sent: Bytes,
}

impl Cx {
    /// A request for this route, with the values of the path's parameters.
    #[must_use]
    pub fn new(
        app: Arc<App>,
        table: Table,
        (route, parameters): (&'static Route, Vec<Option<String>>),
        (head, client): (Parts, Client),
        (body, standings): (BodySlot, Standings),
    ) -> Self {
        Self {
            app,
            table,
            route,
            head,
            client,
            body,
            standings,
            caller: Arc::default(),
            access: OnceLock::new(),
            parameters: parameters.into_iter(),
            parameters_taken: 0,
            before_refusal: None,
            sent: Bytes::new(),
        }
    }

    /// The address the request came from.
    #[must_use]
    pub fn client_address(&self) -> IpAddr {
        self.client.address
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

    /// Keeps the body that was read.
    pub fn note_sent(&mut self, body: Bytes) {
        self.sent = body;
    }

    /// The body, as far as it was read.
    #[must_use]
    pub fn sent(&self) -> &Bytes {
        &self.sent
    }

    /// Makes a check that the handler's own statements make on the way to success be made before any other refusal, too.
    pub fn check_before_refusal(
        &mut self,
        check: impl FnOnce() -> Pin<Box<dyn Future<Output = Result<()>> + Send>> + Send + Sync + 'static,
    ) {
        self.before_refusal = Some(Box::new(check));
    }

    /// The outcome, or what the check says that was put off, if the outcome is a refusal that must not come before it.
    ///
    /// # Errors
    /// The outcome's, or the check's.
    pub async fn settle<T>(&mut self, outcome: Result<T>) -> Result<T> {
        if let (Err(error), Some(check)) = (&outcome, self.before_refusal.take()) {
            let status = error.problem().status();
            if status < 500 && status != Problem::InvalidToken.status() {
                check().await?;
            }
        }
        outcome
    }

    /// The token of the `Authorization` header, if there is one and no other.
    #[must_use]
    pub fn bearer(&self) -> Option<&str> {
        let mut values = self.headers().get_all(AUTHORIZATION).iter();
        let value = values.next().filter(|_| values.next().is_none())?;
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        let token = Some(token.trim()).filter(|token| !token.is_empty());
        token.filter(|_| scheme.eq_ignore_ascii_case("bearer"))
    }

    /// Whom a valid access token speaks for, whether the route asks for one or not; verified once.
    #[must_use]
    pub fn access(&self) -> Option<Access> {
        let verify = || self.app.tokens.verify_access(self.bearer()?, self.app.clock.now()).ok();
        *self.access.get_or_init(verify)
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
