//! A route is one line of plain data: method, path, handler, limits. Everything else about it (what it takes, what it
//! answers, who may call it) is told by the handler's signature.

use std::collections::BTreeSet;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::cx::Cx;
use super::extract::FromCx;
use super::limited::Policy;
use super::reply::{Reply, Response};
use crate::app::App;
use crate::error::{Problem, Result};
use crate::schema::Components;

/// The methods that routes have. HEAD and OPTIONS follow from the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// Reads.
    Get,
    /// Makes or does.
    Post,
    /// Replaces.
    Put,
    /// Changes in part.
    Patch,
    /// Removes.
    Delete,
}

impl Method {
    /// As it is written on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// The method that serves a request: HEAD is served by GET.
    #[must_use]
    pub fn serving(method: &hyper::Method) -> Option<Self> {
        match method.as_str() {
            "GET" | "HEAD" => Some(Self::Get),
            "POST" => Some(Self::Post),
            "PUT" => Some(Self::Put),
            "PATCH" => Some(Self::Patch),
            "DELETE" => Some(Self::Delete),
            _ => None,
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Who may call a route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// Anybody.
    #[default]
    Open,
    /// Whoever holds an access token.
    User,
    /// Whoever holds the admin token.
    Admin,
}

/// A body that a route takes: its media type and schema.
pub struct BodyFacts {
    /// The media type.
    pub media_type: &'static str,
    /// Whether it must be there.
    pub required: bool,
    /// The schema.
    pub schema: Value,
}

/// A parameter in the query: name, documentation, schema, whether it must be there.
pub type QueryParameter = (&'static str, &'static str, Value, bool);

/// Reads what a caller sent as a handler would, and forgets it: for tests, which have the bytes but no request.
pub type Reader = fn(&[u8]) -> Result<()>;

/// How each part of a request is read.
#[derive(Default)]
pub struct Readers {
    /// The path's parameters, decoded, in order.
    pub path: Vec<Reader>,
    /// The query string.
    pub query: Option<Reader>,
    /// The body.
    pub body: Option<Reader>,
}

/// What a handler's signature says, gathered for the OpenAPI document and the tests.
#[derive(Default)]
pub struct Operation {
    /// Named schemas met so far.
    pub components: Components,
    /// Who may call it.
    pub access: Access,
    /// Schemas of the path's parameters, in order.
    pub path: Vec<Value>,
    /// Parameters of the query.
    pub query: Vec<QueryParameter>,
    /// The cookie it needs.
    pub cookie: Option<&'static str>,
    /// Whether it reads the `Idempotency-Key` header.
    pub takes_idempotency_key: bool,
    /// Whether it stores its answers under that key and gives them again.
    pub replays: bool,
    /// The header that shows who sends the body, which is taken byte by byte; a request without it is refused.
    pub signed_by: Option<&'static str>,
    /// The body it takes.
    pub body: Option<BodyFacts>,
    /// How what it takes is read.
    pub readers: Readers,
    /// The status of success.
    pub status: u16,
    /// The schema of the answer; `None`: no body.
    pub reply: Option<Value>,
    /// The media type of the answer; `None`: JSON.
    pub reply_type: Option<&'static str>,
    /// Whether it tells where the next page begins.
    pub tells_next: bool,
    /// Whether it answers 304 to a caller who holds what it would send.
    pub can_be_unchanged: bool,
    /// Whether it answers a file: bytes of any type, in part or only if they changed.
    pub replies_file: bool,
    /// The schema of a 503 that is no problem document; only readiness has one.
    pub unready: Option<Value>,
    /// The statuses of failures that follow from the signature.
    pub failures: BTreeSet<u16>,
}

/// What a handler's call answers.
pub type Answer = Pin<Box<dyn Future<Output = Result<Response>> + Send>>;

/// One endpoint.
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path; `{name}` stands for one segment, `{*name}` at the end for all that follow.
    pub path: &'static str,
    /// The handler's name, for people.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub summary: &'static str,
    /// What of its requests is counted.
    pub policy: Policy,
    /// Bytes its body may have.
    pub body_max_bytes: usize,
    /// Time its body may take to arrive.
    pub body_wait: Duration,
    /// Statuses of failures that its rules can answer, beside those that follow from the signature.
    pub failures: &'static [u16],
    /// Kinds of failures that its rules can answer, where a status has several and only some of them fit.
    pub kinds: &'static [Problem],
    /// Whether it answers 503 until the schema is up to date.
    pub needs_schema: bool,
    /// Calls the handler.
    pub call: fn(Box<Cx>) -> Answer,
    /// Tells what its signature says.
    pub describe: fn(&mut Operation),
}

/// Bytes a JSON body may have.
pub const JSON_MAX_BYTES: usize = 64 * 1024;
/// Bytes a form may have.
pub const FORM_MAX_BYTES: usize = 16 * 1024;
/// Bytes a file that is sent up may have: more than phones make of a photo.
pub const FILE_MAX_BYTES: usize = 10 * 1024 * 1024;
/// Bytes a body with such a file may have: the file, and what stands around it.
const UPLOAD_MAX_BYTES: usize = FILE_MAX_BYTES + 64 * 1024;
/// Time for a body that is small.
pub const BODY_WAIT: Duration = Duration::from_secs(20);
/// Time for a body with a file: 10 MiB at 1.4 Mbit/s, which phones have nearly everywhere.
pub const UPLOAD_WAIT: Duration = Duration::from_secs(60);

impl Route {
    /// The same under another policy.
    #[must_use]
    pub const fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// The same with another bound of the body.
    #[must_use]
    pub const fn body_max_bytes(mut self, bytes: usize) -> Self {
        self.body_max_bytes = bytes;
        self
    }

    /// The same for a body with a file.
    #[must_use]
    pub const fn upload(mut self) -> Self {
        self.body_max_bytes = UPLOAD_MAX_BYTES;
        self.body_wait = UPLOAD_WAIT;
        self
    }

    /// The same with failures that its rules can answer.
    #[must_use]
    pub const fn fails(mut self, statuses: &'static [u16]) -> Self {
        self.failures = statuses;
        self
    }

    /// The same with failures that its rules can answer, by their kinds: for statuses that have several.
    #[must_use]
    pub const fn fails_with(mut self, kinds: &'static [Problem]) -> Self {
        self.kinds = kinds;
        self
    }

    /// The same, but served whatever the state of the schema.
    #[must_use]
    pub const fn without_schema(mut self) -> Self {
        self.needs_schema = false;
        self
    }

    /// What the handler's signature says.
    #[must_use]
    pub fn operation(&self) -> Operation {
        let mut operation = Operation::default();
        (self.describe)(&mut operation);
        operation.failures.extend(self.failures);
        operation.failures.extend(self.kinds.iter().map(|kind| kind.status()));
        if self.policy != Policy::Unlimited {
            operation.failures.insert(Problem::TooManyRequests.status());
        }
        operation
    }
}

/// A route table: the domains' routes, in reading order.
pub type Table = &'static [&'static [Route]];

/// An async function from the app and what it takes from the request to what it replies.
pub trait Handler<Taken>: Copy + Send + Sync + 'static {
    /// Takes what it needs from the request, left to right, and runs.
    fn call(self, cx: Box<Cx>) -> impl Future<Output = Result<Response>> + Send;

    /// Tells what its signature says.
    fn describe(operation: &mut Operation);
}

macro_rules! handlers { ($(($($taken:ident),*))*) => { $(
    impl<F, Fut, R, $($taken),*> Handler<($($taken,)*)> for F
    where
        F: Fn(Arc<App>, $($taken),*) -> Fut + Copy + Send + Sync + 'static,
        Fut: Future<Output = Result<R>> + Send,
        R: Reply + Send,
        $($taken: FromCx,)*
    {
        #[allow(clippy::allow_attributes, non_snake_case, unused_mut, reason = "one text for every number of parameters")]
        async fn call(self, mut cx: Box<Cx>) -> Result<Response> {
            let outcome = async {
                $(let $taken = $taken::from_cx(&mut cx).await?;)*
                let app = Arc::clone(&cx.app);
                self(app, $($taken),*).await?.reply()
            };
            let outcome = outcome.await;
            cx.settle(outcome).await
        }

        fn describe(operation: &mut Operation) {
            $($taken::describe(operation);)*
            R::describe(operation);
        }
    }
)* } }
handlers! { () (A) (A, B) (A, B, C) (A, B, C, D) }

/// Calls a handler through a plain function pointer; what `route!` stores.
pub fn call<Taken: 'static, H: Handler<Taken>>(handler: H, cx: Box<Cx>) -> Answer {
    Box::pin(handler.call(cx))
}

/// Describes a handler through a plain function pointer; what `route!` stores.
pub fn describe<Taken, H: Handler<Taken>>(_: H, operation: &mut Operation) {
    H::describe(operation);
}

/// One line of a route table: `route!(Get "/path/{id}" handler "What it does.")`.
#[macro_export]
macro_rules! route { ($method:ident $path:literal $($handler:ident)::+ $summary:literal) => {
    $crate::http::Route {
        method: $crate::http::Method::$method,
        path: $path,
        name: stringify!($($handler)::+),
        summary: $summary,
        policy: $crate::http::Policy::of($crate::http::Method::$method),
        body_max_bytes: $crate::http::route::JSON_MAX_BYTES,
        body_wait: $crate::http::route::BODY_WAIT,
        failures: &[],
        kinds: &[],
        needs_schema: true,
        call: |cx| $crate::http::route::call($($handler)::+, cx),
        describe: |operation| $crate::http::route::describe($($handler)::+, operation),
    }
} }
