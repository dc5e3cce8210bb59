//! What handlers give: a value and a status, as a response.

use std::marker::PhantomData;

use hyper::StatusCode;
use hyper::header::{ALLOW, CONTENT_RANGE, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use serde::Serialize;

use super::extract::Json;
use super::reply_body::ReplyBody;
use super::route::Operation;
use crate::error::{Error, Problem, Result};
use crate::schema::Schema;

/// A response.
pub type Response = hyper::Response<ReplyBody>;

/// Something a handler can answer.
pub trait Reply {
    /// Makes the response.
    ///
    /// # Errors
    /// `Internal` if it cannot be written.
    fn reply(self) -> Result<Response>;

    /// Tells status and schema.
    fn describe(operation: &mut Operation);
}

/// 201 with a JSON body.
pub struct Created<T>(pub T);

/// 200 without a body.
pub struct Done;

/// 204.
pub struct NoContent;

/// The response of a route that answers `R`, made already: it was given before, or comes out of memory.
pub struct Made<R>(Response, PhantomData<R>);

impl<R: Reply> Made<R> {
    /// A response that `R` made, now or once.
    #[must_use]
    pub const fn new(response: Response) -> Self {
        Self(response, PhantomData)
    }

    /// The response to this reply.
    ///
    /// # Errors
    /// `Internal` if it cannot be written.
    pub fn of(reply: R) -> Result<Self> {
        Ok(Self::new(reply.reply()?))
    }
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A response with a body that is JSON already.
#[must_use]
pub fn stored_json(status: StatusCode, body: Vec<u8>) -> Response {
    let mut response = hyper::Response::new(ReplyBody::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

/// A response with a JSON body.
///
/// # Errors
/// `Internal` if the value cannot be written.
pub fn json<T: Serialize>(status: StatusCode, value: &T) -> Result<Response> {
    Ok(stored_json(status, serde_json::to_vec(value).map_err(Error::internal)?))
}

/// An empty response.
#[must_use]
pub fn empty(status: StatusCode) -> Response {
    let mut response = hyper::Response::new(ReplyBody::default());
    *response.status_mut() = status;
    response
}

impl<T: Serialize + Schema> Reply for Json<T> {
    fn reply(self) -> Result<Response> {
        json(StatusCode::OK, &self.0)
    }

    fn describe(operation: &mut Operation) {
        operation.status = 200;
        operation.reply = Some(T::schema(&mut operation.components));
    }
}

impl<T: Serialize + Schema> Reply for Created<T> {
    fn reply(self) -> Result<Response> {
        json(StatusCode::CREATED, &self.0)
    }

    fn describe(operation: &mut Operation) {
        operation.status = 201;
        operation.reply = Some(T::schema(&mut operation.components));
    }
}

impl Reply for Done {
    fn reply(self) -> Result<Response> {
        Ok(empty(StatusCode::OK))
    }

    fn describe(operation: &mut Operation) {
        operation.status = 200;
    }
}

impl Reply for NoContent {
    fn reply(self) -> Result<Response> {
        Ok(empty(StatusCode::NO_CONTENT))
    }

    fn describe(operation: &mut Operation) {
        operation.status = 204;
    }
}

impl<R: Reply> Reply for Made<R> {
    fn reply(self) -> Result<Response> {
        Ok(self.0)
    }

    fn describe(operation: &mut Operation) {
        R::describe(operation);
    }
}

/// The problem document of an error.
#[must_use]
pub fn problem(error: &Error, instance: &str, request_id: &str) -> Response {
    let document = error.document(instance, request_id).to_string();
    let mut response = hyper::Response::new(ReplyBody::from(document.into_bytes()));
    *response.status_mut() =
        StatusCode::from_u16(error.problem().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if matches!(error.problem(), Problem::InvalidToken | Problem::RefreshTokenReused) {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(allow) = error.allow().and_then(|allow| HeaderValue::from_str(allow).ok()) {
        headers.insert(ALLOW, allow);
    }
    if let Some(range) = error.content_range().and_then(|range| HeaderValue::from_str(&range).ok()) {
        headers.insert(CONTENT_RANGE, range);
    }
    if let Some(seconds) = error.retry_after_s() {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
