//! The life of a request, top to bottom.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{ALLOW, CONNECTION, EXPECT, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Request, StatusCode};
use tokio::time::{Instant, sleep_until};

use super::body::BodySlot;
use super::client::Client;
use super::cx::Cx;
use super::guard::Notes;
use super::limited::{self, Standings};
use super::reply::{Response, empty, problem};
use super::reply_body::ReplyBody;
use super::route::{Method, Route, Table};
use super::router::{Found, Router};
use super::{cors, headers, router};
use crate::app::App;
use crate::error::{Error, Problem, Result};
use crate::telemetry::trace::within;
use crate::telemetry::{Asked, Outcome, RequestLine, caught};

/// Time a handler has; the app gives up at 10 s.
pub const HANDLER_DEADLINE: Duration = Duration::from_secs(8);

/// The app behind its route table.
pub struct Service {
    /// The service's parts.
    pub app: Arc<App>,
    table: Table,
    router: Router,
    web_app: Option<&'static Route>,
}

/// First segments that are not the web app's, beside those of the routes: operators and tools look there.
const RESERVED: [&str; 4] = ["docs", "redoc", "metrics", ".well-known"];

impl Service {
    /// Serves this table, and what the web app's route answers wherever the table has nothing, if there is a web app.
    #[must_use]
    pub fn new(app: Arc<App>, table: Table, web_app: &'static Route) -> Self {
        let web_app = app.web_app.is_some().then_some(web_app);
        Self { app, table, router: Router::new(table), web_app }
    }

    /// Answers one request from the socket of this peer. Never fails: whatever goes wrong is a problem document. `notes` are
    /// those of its connection.
    pub async fn respond(&self, request: Request<Incoming>, peer: IpAddr, notes: &Notes) -> Response {
        let (head, body) = request.into_parts();
        let path = head.uri.path().to_owned();
        let client = Client::of(peer, &head.headers, &self.app.config.trusted_proxies);
        let request_id = headers::request_id(&head.headers);
        let origin = cors::allowed_origin(&self.app.config, &head.headers);
        let version = headers::version_is_defaulted(&path, &head.headers);
        let defaulted = *version.as_ref().unwrap_or(&false);
        let body = BodySlot::new(body, head.headers.contains_key(EXPECT));
        let standings = Standings::default();
        let mut line = RequestLine::begin(&self.app.telemetry, request_id.clone(), &head.method, &head.headers);

        let outcome = match version {
            Ok(_) => self.dispatch((head, client), (body.clone(), standings.clone()), &mut line).await,
            Err(error) => Err(error),
        };
        let mut response = outcome.unwrap_or_else(|error| {
            line.note(&error);
            problem(&error, &path, request_id.to_str().unwrap_or("-"))
        });
        body.clear().await;
        if matches!(response.body(), ReplyBody::File(_)) {
            notes.carried_file.store(true, Ordering::Relaxed);
        }

        if headers::is_static(&path) {
            response.headers_mut().extend([headers::SHOWN_EVERYWHERE]);
        }
        standings.write(response.headers_mut());
        headers::decorate(response.headers_mut(), request_id, defaulted);
        cors::decorate(response.headers_mut(), origin);
        if client.is_https {
            headers::keep_to_https(response.headers_mut());
        }
        if self.app.is_draining() || response.status() == StatusCode::REQUEST_TIMEOUT {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        line.end(response.status());
        response
    }

    async fn dispatch(
        &self,
        (head, client): (Parts, Client),
        shared: (BodySlot, Standings),
        line: &mut RequestLine,
    ) -> Result<Response> {
        let path = head.uri.path();
        headers::check_size(&head)?;
        headers::check_target(&head)?;
        headers::check_host(path, &head.headers, &self.app.config.trusted_hosts)?;
        if cors::is_preflight(&head.method, &head.headers) {
            return Ok(cors::preflight(&head.headers));
        }
        if head.method == hyper::Method::OPTIONS {
            return self.options(path);
        }
        match self.find(Method::serving(&head.method), path) {
            Found::Nothing => Err(Error::new(Problem::NotFound)),
            Found::OtherMethods(allow) => Err(Error::method_not_allowed(allow)),
            Found::Route(route, parameters) => {
                let cx =
                    Box::new(Cx::new(Arc::clone(&self.app), self.table, (route, parameters), (head, client), shared));
                line.route(route.path, Arc::clone(&cx.caller));
                limited::count(&cx)?;
                self.run(route, cx, line.asked()).await
            }
        }
    }

    /// What the path leads to: a route, else a file or a page of the web app.
    fn find(&self, method: Option<Method>, path: &str) -> Found {
        let found = self.router.find(method, path);
        let rest = router::inner(path);
        let first = rest.split('/').next().unwrap_or_default();
        match self.web_app {
            Some(route)
                if matches!(found, Found::Nothing) && !RESERVED.contains(&first) && !self.router.begins(path) =>
            {
                match method {
                    Some(Method::Get) => Found::Route(route, vec![Some(rest.to_owned())]),
                    _ => Found::OtherMethods("GET, HEAD, OPTIONS".to_owned()),
                }
            }
            _ => found,
        }
    }

    fn options(&self, path: &str) -> Result<Response> {
        let allow = match self.find(None, path) {
            Found::OtherMethods(allow) => allow,
            _ => return Err(Error::new(Problem::NotFound)),
        };
        let mut response = empty(StatusCode::NO_CONTENT);
        response.headers_mut().insert(ALLOW, HeaderValue::from_str(&allow).map_err(Error::internal)?);
        Ok(response)
    }

    /// Runs the handler under its deadline. GETs run on the connection's own task and end with it; everything else runs on the
    /// program's own runtime, detached, so that a client that hangs up cannot cut a write in half.
    async fn run(&self, route: &'static Route, cx: Box<Cx>, asked: Asked) -> Result<Response> {
        if route.needs_schema && !self.app.is_migrated() {
            return Err(Error::unavailable("the schema is not up to date yet"));
        }
        let body = cx.body.clone();
        let answer = within(asked.active(), caught((route.call)(cx)));
        if route.method == Method::Get {
            return in_time(&body, answer).await;
        }
        let detached = async { Outcome::of(asked, answer.await) };
        let detached = self.app.writes.spawn_on(detached, &self.app.runtime);
        in_time(&body, async { detached.await.map_err(Error::internal)?.take() }).await
    }
}

/// The answer, or 503 when the handler takes too long. Its time begins anew when the body that it waits for has come: bodies
/// have clocks of their own. A body that it does not ask for buys it nothing.
async fn in_time(body: &BodySlot, answer: impl Future<Output = Result<Response>>) -> Result<Response> {
    let too_late = async {
        let mut from = Instant::now();
        loop {
            sleep_until(from + HANDLER_DEADLINE).await;
            match body.awaited_until() {
                Some(until) if until > from => from = until,
                _ => return,
            }
        }
    };
    tokio::select! {
        biased;
        answer = answer => answer,
        () = too_late => Err(Error::unavailable("the handler's deadline has passed")),
    }
}
