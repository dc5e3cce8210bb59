//! An HTTP client that holds every answer against the OpenAPI document: an undeclared status or a body that breaks its schema
//! fails the test that met it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{LazyLock, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap};
use hyper_util::rt::TokioIo;
use jsonschema::Validator;
use repduel_backend::http::Method;
use repduel_backend::http::router::{Found, Router};
use repduel_backend::{openapi, routes};
use serde_json::{Value, json};
use tokio::net::TcpStream;

/// A request that is being put together.
#[derive(Clone, Debug)]
pub struct Request {
    address: SocketAddr,
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Bytes,
}

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

impl Request {
    /// A request without a body.
    pub fn new(address: SocketAddr, method: &str, path: &str) -> Self {
        let (method, path) = (method.to_owned(), path.to_owned());
        Self { address, method, path, headers: Vec::new(), body: Bytes::new() }
    }

    /// With this header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With this token.
    pub fn bearer(self, token: &str) -> Self {
        self.header(AUTHORIZATION.as_str(), &format!("Bearer {token}"))
    }

    /// With this JSON body.
    pub fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string())
    }

    /// With this body.
    pub fn body(mut self, content_type: &str, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self.header(CONTENT_TYPE.as_str(), content_type)
    }

    /// Sends it on a connection of its own; `Err` if the connection fails.
    pub async fn try_send(&self) -> Result<Answer, Box<dyn std::error::Error + Send + Sync>> {
        let stream = TcpStream::connect(self.address).await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let mut request = hyper::Request::builder().method(self.method.as_str()).uri(&self.path);
        if !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            request = request.header(HOST, self.address.to_string());
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let response = sender.send_request(request.body(Full::new(self.body.clone()))?).await?;
        let (head, body) = response.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
    }

    /// Sends it and holds the answer against the document.
    pub async fn send(&self) -> Answer {
        let answer = self.try_send().await.unwrap_or_else(|error| panic!("{} {}: {error}", self.method, self.path));
        check(&self.method, &self.path, &answer);
        answer
    }
}

impl Answer {
    /// The same, if it has this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        let body = String::from_utf8_lossy(&self.body);
        assert_eq!(self.status, status, "answered {body}");
        self
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("no JSON ({error}): {:?}", self.body))
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The `error_code` of a problem document.
    #[track_caller]
    pub fn error_code(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        self.json()["error_code"].as_str().expect("a problem has an error_code").to_owned()
    }

    /// The `detail` of a problem document.
    #[track_caller]
    pub fn detail(&self) -> String {
        self.json()["detail"].as_str().expect("a problem has a detail").to_owned()
    }
}

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| openapi::document(routes::TABLE));
static ROUTER: LazyLock<Router> = LazyLock::new(|| Router::new(routes::TABLE));
static VALIDATORS: LazyLock<Mutex<HashMap<String, &'static Validator>>> = LazyLock::new(Mutex::default);

/// The validator of a schema that may refer to the document's components; each is built once.
fn validator(schema: &Value) -> &'static Validator {
    let mut known = VALIDATORS.lock().unwrap();
    known.entry(schema.to_string()).or_insert_with(|| {
        let root = json!({ "allOf": [schema], "components": DOCUMENT["components"] });
        Box::leak(Box::new(jsonschema::validator_for(&root).expect("the schema is one")))
    })
}

/// What is meant by a place of the document that may refer to another one.
fn resolved(place: &'static Value) -> &'static Value {
    let reference = place["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    reference.map_or(place, |pointer| DOCUMENT.pointer(pointer).expect("the document has what it refers to"))
}

fn check(method: &str, path: &str, answer: &Answer) {
    let parsed = method.parse().unwrap();
    let path = path.split('?').next().unwrap_or_default();
    let found = ROUTER.find(Method::serving(&parsed), path);
    let problem = json!({ "$ref": "#/components/schemas/Problem" });
    let (schema, what) = match found {
        Found::Route(route, _) if method != "OPTIONS" => {
            let operation = &DOCUMENT["paths"][openapi::template(route.path)][route.method.name().to_lowercase()];
            let response = resolved(&operation["responses"][answer.status.to_string()]);
            assert!(response.is_object(), "{method} {} does not declare {}", route.path, answer.status);
            let media_type = answer.header("content-type").unwrap_or_default();
            let content = &response["content"];
            if content[media_type].is_null() && content["*/*"].is_object() {
                return; // a file
            }
            (response["content"][media_type]["schema"].clone(), route.path)
        }
        _ if answer.status >= 400 => (problem, path),
        _ => (Value::Null, path),
    };
    if answer.body.is_empty() {
        assert!(method == "HEAD" || schema.is_null(), "{method} {what}: no body with {}", answer.status);
        return;
    }
    assert!(!schema.is_null(), "{method} {what}: an undeclared body with {}", answer.status);
    if !answer.header("content-type").is_some_and(|media_type| media_type.contains("json")) {
        return; // a text: there is nothing more to hold it against
    }
    let body = answer.json();
    let errors: Vec<String> = validator(&schema).iter_errors(&body).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{method} {what} breaks its schema: {errors:?} in {body}");
}
