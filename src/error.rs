//! What can go wrong, as the caller reads it and as the log tells it: two different things.
//!
//! [`Problem`] is the table of everything a caller can be told, [`Error`] one occurrence of it. Always holds: a text that came
//! from the caller is never repeated to anybody, and a cause is for the log only: `Display` does not print it.

use std::borrow::Cow;
use std::fmt;

use serde_json::{Value, json};

/// The cause of an error, for the log.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// What the service's functions return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! problems { ($($variant:ident $status:literal $code:literal $title:literal;)*) => {
    /// A kind of failure that callers can meet. The names in `error_code` are stable: clients match on them.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Problem { $(#[doc = $title] $variant,)* }

    impl Problem {
        /// Every kind, in the order of their statuses.
        pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

        /// The HTTP status it is answered with.
        #[must_use]
        pub const fn status(self) -> u16 { match self { $(Self::$variant => $status,)* } }

        /// The stable `error_code`.
        #[must_use]
        pub const fn code(self) -> &'static str { match self { $(Self::$variant => $code,)* } }

        /// The title, and the detail where no better one is known.
        #[must_use]
        pub const fn title(self) -> &'static str { match self { $(Self::$variant => $title,)* } }
    }
} }

problems! {
    BadRequest 400 "bad_request" "The request cannot be served as it is";
    BadHost 400 "bad_host" "The Host header is missing, repeated or not one of ours";
    MalformedRequest 400 "malformed_request" "This is not well-formed HTTP";
    UnsupportedApiVersion 400 "unsupported_api_version" "This API version does not exist";
    EmailTaken 400 "email_taken" "Email already registered";
    UsernameTaken 400 "username_taken" "Username is already taken";
    InvalidSignature 400 "invalid_signature" "The signature does not fit the body";
    UnknownRoutine 400 "unknown_routine" "There is no such routine";
    UnknownScenario 400 "unknown_scenario" "There is no such exercise";
    QuestNotCompleted 400 "quest_not_completed" "This quest is not completed yet";
    InvalidToken 401 "invalid_token" "A valid access token is needed";
    InvalidCredentials 401 "invalid_credentials" "Invalid email or password";
    RefreshTokenReused 401 "refresh_token_reused" "This refresh token was used before; the session has ended for safety";
    Forbidden 403 "forbidden" "This is not yours to change";
    InsufficientPermissions 403 "insufficient_permissions" "This needs more rights than the token gives";
    RoutineLimitReached 403 "routine_limit_reached" "Free users are limited to 3 custom routines. Upgrade to create more.";
    NotFound 404 "not_found" "There is nothing here";
    MethodNotAllowed 405 "method_not_allowed" "This method is not allowed here";
    RequestTimeout 408 "request_timeout" "The request did not arrive in time";
    Conflict 409 "conflict" "This is there already";
    IdempotencyKeyInUse 409 "idempotency_key_in_use" "The request with this Idempotency-Key is still running";
    IdempotencyKeyReused 409 "idempotency_key_reused" "This Idempotency-Key stands for another request";
    Gone 410 "gone" "This is no longer here";
    PayloadTooLarge 413 "payload_too_large" "The body is too large";
    UnsupportedMediaType 415 "unsupported_media_type" "The body's Content-Type is not the one needed here";
    RangeNotSatisfiable 416 "range_not_satisfiable" "The file has no such bytes";
    ValidationError 422 "validation_error" "The request has values that cannot be used";
    TooManyRequests 429 "rate_limit_exceeded" "Too many requests at once; try again shortly";
    HeadersTooLarge 431 "headers_too_large" "The request's header is too large";
    Internal 500 "internal_error" "Something went wrong on our side";
    PaymentProviderError 502 "payment_provider_error" "The payment provider did not accept this";
    Unavailable 503 "service_unavailable" "The service cannot answer just now; try again shortly";
    PaymentsUnavailable 503 "payments_unavailable" "Payments are not possible just now";
}

impl Problem {
    /// The kind that stands for a status which the HTTP library answered by itself.
    #[must_use]
    pub fn of_status(status: u16) -> Self {
        match status {
            408 => Self::RequestTimeout,
            413 => Self::PayloadTooLarge,
            414 | 431 => Self::HeadersTooLarge,
            400..500 => Self::MalformedRequest,
            _ => Self::Internal,
        }
    }
}

/// One value of the request that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// Where it stands: a JSON pointer into the body, or `/query/…`, `/path/…`.
    pub pointer: String,
    /// What is wrong, stable: `missing`, `type`, `range`, `length`, `format`, `null`, and
    /// what no schema can say: `unknown`, `repeated`, `rule` (it does not go with what is stored or with another value).
    pub code: &'static str,
    /// What is wrong, for a person; never the value.
    pub detail: String,
}

/// What a missing thing is called in a 404.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noun {
    /// A lifter's account.
    User,
    /// An exercise.
    Scenario,
    /// A recorded lift.
    Score,
    /// How repetitions of a bodyweight exercise become a rank.
    Calibration,
    /// A plan of exercises.
    Routine,
    /// A routine as it was when it was shared.
    SharedRoutine,
    /// A lifter's quest.
    Quest,
    /// A login that has not ended.
    Session,
    /// A lifter as the payment provider knows them.
    Customer,
}

impl Noun {
    const fn absent(self) -> &'static str {
        match self {
            Self::User => "User not found",
            Self::Scenario => "Scenario not found",
            Self::Score => "Score not found",
            Self::Calibration => "This exercise has no calibration",
            Self::Routine => "Routine not found",
            Self::SharedRoutine => "Shared routine not found",
            Self::Quest => "Quest not found",
            Self::Session => "Session not found",
            Self::Customer => "There is no subscription to manage",
        }
    }
}

/// One failure: its kind, what the caller reads, what the log says.
pub struct Error(Box<Facts>);

struct Facts {
    problem: Problem,
    detail: Cow<'static, str>,
    fields: Vec<FieldError>,
    allow: Option<String>,
    file_bytes: Option<u64>,
    retry_after_s: Option<u32>,
    cause: Option<Cause>,
}

impl Error {
    /// A failure of this kind, with the kind's own words.
    #[must_use]
    pub fn new(problem: Problem) -> Self {
        Self(Box::new(Facts {
            problem,
            detail: Cow::Borrowed(problem.title()),
            fields: Vec::new(),
            allow: None,
            file_bytes: None,
            retry_after_s: None,
            cause: None,
        }))
    }

    /// The same, with a detail that fits the case better. It must not repeat what the caller sent.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.0.detail = detail.into();
        self
    }

    /// The same, with what brought it about.
    #[must_use]
    pub fn with_cause(mut self, cause: impl Into<Cause>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    /// The same, telling the caller when to try again.
    #[must_use]
    pub fn with_retry_after_s(mut self, seconds: u32) -> Self {
        self.0.retry_after_s = Some(seconds);
        self
    }

    /// 422 with every value that cannot be used.
    #[must_use]
    pub fn invalid(fields: Vec<FieldError>) -> Self {
        let detail = fields.iter().map(|field| field.detail.as_str()).collect::<Vec<_>>().join("; ");
        let mut error = Self::new(Problem::ValidationError).with_detail(detail);
        error.0.fields = fields;
        error
    }

    /// 404: there is no such thing.
    #[must_use]
    pub fn not_found(noun: Noun) -> Self {
        Self::new(Problem::NotFound).with_detail(noun.absent())
    }

    /// 405, with the methods that are allowed.
    #[must_use]
    pub fn method_not_allowed(allow: String) -> Self {
        let mut error = Self::new(Problem::MethodNotAllowed);
        error.0.allow = Some(allow);
        error
    }

    /// 416, with the bytes that the file has.
    #[must_use]
    pub fn unsatisfiable(file_bytes: u64) -> Self {
        let mut error = Self::new(Problem::RangeNotSatisfiable);
        error.0.file_bytes = Some(file_bytes);
        error
    }

    /// 500: our fault. The caller learns nothing but the request id.
    pub fn internal(cause: impl Into<Cause>) -> Self {
        Self::new(Problem::Internal).with_cause(cause)
    }

    /// 503: the database or a lane is away or full for now.
    pub fn unavailable(cause: impl Into<Cause>) -> Self {
        Self::new(Problem::Unavailable).with_cause(cause).with_retry_after_s(1)
    }

    /// The same failure, for one more of those whom it met, without what it had to say of their request.
    #[must_use]
    pub fn again(&self) -> Self {
        let mut error = Self::new(self.problem()).with_detail(self.0.detail.clone());
        error.0.retry_after_s = self.0.retry_after_s;
        error.0.cause = self.chain().map(Cause::from);
        error
    }

    /// The kind.
    #[must_use]
    pub fn problem(&self) -> Problem {
        self.0.problem
    }

    /// What the caller reads.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// The methods for the `Allow` header.
    #[must_use]
    pub fn allow(&self) -> Option<&str> {
        self.0.allow.as_deref()
    }

    /// The `Content-Range` header of a range that is not there.
    #[must_use]
    pub fn content_range(&self) -> Option<String> {
        self.0.file_bytes.map(|bytes| format!("bytes */{bytes}"))
    }

    /// Seconds for the `Retry-After` header.
    #[must_use]
    pub fn retry_after_s(&self) -> Option<u32> {
        self.0.retry_after_s
    }

    /// The chain of causes, outermost first, for the log.
    #[must_use]
    pub fn chain(&self) -> Option<String> {
        let mut next = self.0.cause.as_deref().map(|cause| cause as &dyn std::error::Error);
        let mut parts: Vec<String> = Vec::new();
        while let Some(cause) = next {
            parts.push(cause.to_string());
            next = cause.source();
        }
        (!parts.is_empty()).then(|| parts.join(": "))
    }

    /// The problem document (RFC 9457) for the request with this path and id.
    #[must_use]
    pub fn document(&self, instance: &str, request_id: &str) -> Value {
        let problem = self.0.problem;
        let mut document = json!({
            "type": format!("urn:repduel:problem:{}", problem.code()),
            "title": problem.title(),
            "status": problem.status(),
            "detail": self.0.detail,
            "instance": instance,
            "error_code": problem.code(),
            "request_id": request_id,
        });
        if let (Problem::ValidationError, Some(document)) = (problem, document.as_object_mut()) {
            let entry =
                |field: &FieldError| json!({"pointer": field.pointer, "code": field.code, "detail": field.detail});
            document.insert("errors".to_owned(), self.0.fields.iter().map(entry).collect());
        }
        document
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({:?}, {:?}, cause: {:?})", self.0.problem, self.0.detail, self.chain())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.detail)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.cause.as_deref().map(|cause| cause as &(dyn std::error::Error + 'static))
    }
}

/// Turns the absence of a thing into its 404, so that handlers read as prose.
pub trait Or404<T> {
    /// The thing, or 404 under its name.
    ///
    /// # Errors
    /// `NotFound` where there is nothing.
    fn or_404(self, noun: Noun) -> Result<T>;
}

impl<T> Or404<T> for Option<T> {
    fn or_404(self, noun: Noun) -> Result<T> {
        self.ok_or_else(|| Error::not_found(noun))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_and_document_keep_the_cause_to_themselves() {
        let error = Error::internal(std::io::Error::other("password=hunter2"));
        assert!(!error.to_string().contains("hunter2"));
        assert!(!error.document("/x", "r").to_string().contains("hunter2"));
        assert_eq!(error.chain().as_deref(), Some("password=hunter2"));
    }

    #[test]
    fn codes_are_unique_and_snake_case() {
        let mut codes: Vec<_> = Problem::ALL.iter().map(|problem| problem.code()).collect();
        assert!(codes.iter().all(|code| code.chars().all(|c| c.is_ascii_lowercase() || c == '_')));
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Problem::ALL.len());
    }
}
