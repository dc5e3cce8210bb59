//! Stripe's API, as far as we need it: a customer, a page to pay on, a page to manage a subscription on.
//!
//! Every write carries an idempotency key that is the same for all of its attempts, so that one whose answer was lost can be
//! sent again. What Stripe says about a refusal may hold what was sent, so it is neither answered nor logged; the words that
//! classify it are.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Method, StatusCode, Uri};
use serde_json::Value;
use tokio::time::Instant;

use super::client::{Answer, Call, Failure, Outbound};
use crate::config::{PaymentConfig, Secret};
use crate::error::{Error, Problem};

/// The version of the API that this code is written for.
const VERSION: HeaderValue = HeaderValue::from_static("2024-06-20");
const STRIPE_VERSION: HeaderName = HeaderName::from_static("stripe-version");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Time for one attempt.
const ATTEMPT_WAIT: Duration = Duration::from_secs(3);
/// Time for everything that one request of ours needs from Stripe, within the handler's 8 s.
const WHOLE_WAIT: Duration = Duration::from_secs(7);
/// The first attempt and two more.
const ATTEMPTS_MAX: u32 = 3;
/// Bytes of an answer; those we read have some thousands.
const ANSWER_MAX_BYTES: usize = 256 * 1024;
/// Seconds after which a caller may try again when Stripe is away.
const RETRY_AFTER_S: u32 = 5;

/// Stripe, for one piece of work that has [`WHOLE_WAIT`] in all.
pub struct Stripe<'a> {
    outbound: &'a Outbound,
    base: &'a str,
    key: &'a Secret,
    until: Instant,
}

/// Why Stripe did not do it.
#[derive(Debug)]
pub enum StripeError {
    /// It could not be reached, was too slow, or has trouble of its own.
    Away(Failure),
    /// It answered with a status that says so, and these words for it.
    Refused {
        /// The status.
        status: StatusCode,
        /// The error's `type`.
        kind: String,
        /// The error's `code`.
        code: String,
        /// The parameter it is about.
        param: String,
    },
    /// Its answer cannot be read.
    Garbled,
}

impl fmt::Display for StripeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Away(_) => f.write_str("Stripe is away"),
            Self::Refused { status, kind, code, param } => {
                write!(f, "Stripe answered {}: type {kind}, code {code}, param {param}", status.as_u16())
            }
            Self::Garbled => f.write_str("Stripe's answer cannot be read"),
        }
    }
}

impl StripeError {
    /// The parameter that Stripe does not accept, if that is what is wrong.
    #[must_use]
    pub fn refused_parameter(&self) -> Option<&str> {
        match self {
            Self::Refused { status: StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND, param, .. } => Some(param),
            _ => None,
        }
    }
}

impl StripeError {
    /// Whether Stripe does not know the customer that it was asked for.
    #[must_use]
    pub fn is_of_unknown_customer(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if code == "resource_missing")
            && self.refused_parameter() == Some("customer")
    }
}

impl std::error::Error for StripeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Away(failure) => Some(failure),
            _ => None,
        }
    }
}

impl From<StripeError> for Error {
    fn from(error: StripeError) -> Self {
        let passing = match &error {
            StripeError::Away(_) => true,
            StripeError::Refused { status, .. } => status.is_server_error() || matches!(status.as_u16(), 409 | 429),
            StripeError::Garbled => false,
        };
        if passing {
            return Self::new(Problem::PaymentsUnavailable).with_cause(error).with_retry_after_s(RETRY_AFTER_S);
        }
        Self::new(Problem::PaymentProviderError).with_cause(error)
    }
}

/// A customer to be made.
pub struct NewCustomer<'a> {
    /// Our user.
    pub user: &'a str,
    /// Where receipts go.
    pub email: &'a str,
}

/// A page to pay a subscription on.
pub struct NewCheckout<'a> {
    /// Our user.
    pub user: &'a str,
    /// What for.
    pub price: &'a str,
    /// Where the payer goes from there.
    pub success_url: &'a str,
    /// Where somebody goes who does not pay.
    pub cancel_url: &'a str,
}

impl<'a> Stripe<'a> {
    /// Stripe, if there is a key for it. The time begins now.
    #[must_use]
    pub fn new(outbound: &'a Outbound, config: &'a PaymentConfig) -> Option<Self> {
        let key = config.stripe_key.as_ref()?;
        Some(Self { outbound, base: &config.stripe_base, key, until: Instant::now() + WHOLE_WAIT })
    }

    /// Makes a customer; answers its id.
    ///
    /// # Errors
    /// [`StripeError`].
    pub async fn customer(&self, new: &NewCustomer<'_>, key: &str) -> Result<String, StripeError> {
        let form = [("email", new.email), ("metadata[user_id]", new.user)];
        self.post("/v1/customers", &form, key, "id").await
    }

    /// Makes a page to pay on for this customer; answers its address.
    ///
    /// # Errors
    /// [`StripeError`].
    pub async fn checkout(&self, new: &NewCheckout<'_>, customer: &str, key: &str) -> Result<String, StripeError> {
        let form = [
            ("mode", "subscription"),
            ("customer", customer),
            ("client_reference_id", new.user),
            ("line_items[0][price]", new.price),
            ("line_items[0][quantity]", "1"),
            ("success_url", new.success_url),
            ("cancel_url", new.cancel_url),
            ("metadata[user_id]", new.user),
            ("metadata[price_id]", new.price),
            ("subscription_data[metadata][user_id]", new.user),
        ];
        self.post("/v1/checkout/sessions", &form, key, "url").await
    }

    /// Makes a page to manage a subscription on; answers its address.
    ///
    /// # Errors
    /// [`StripeError`].
    pub async fn portal(&self, customer: &str, return_url: &str, key: &str) -> Result<String, StripeError> {
        let form = [("customer", customer), ("return_url", return_url)];
        self.post("/v1/billing_portal/sessions", &form, key, "url").await
    }

    /// Sends a form; answers this text of the reply.
    async fn post(&self, path: &str, form: &[(&str, &str)], key: &str, wanted: &str) -> Result<String, StripeError> {
        let call = self.write(path, form, key).ok_or(StripeError::Garbled)?;
        let answer = self.outbound.call(&call).await.map_err(StripeError::Away)?;
        let body: Option<Value> = serde_json::from_slice(&answer.body).ok();
        if !answer.status.is_success() {
            return Err(refused(&answer, body.as_ref()));
        }
        let text = body.as_ref().and_then(|body| body.get(wanted)?.as_str()).filter(|text| is_plain(text));
        text.map(str::to_owned).ok_or(StripeError::Garbled)
    }

    fn write(&self, path: &str, form: &[(&str, &str)], key: &str) -> Option<Call> {
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", self.key.expose())).ok()?;
        bearer.set_sensitive(true);
        let headers = [
            (AUTHORIZATION, bearer),
            (STRIPE_VERSION, VERSION),
            (IDEMPOTENCY_KEY, HeaderValue::from_str(key).ok()?),
            (CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded")),
            (ACCEPT, HeaderValue::from_static("application/json")),
            (USER_AGENT, HeaderValue::from_static("repduel-backend")),
        ];
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        Some(Call {
            method: Method::POST,
            uri: format!("{}{path}", self.base).parse::<Uri>().ok()?,
            headers: headers.into_iter().collect(),
            body: Bytes::from(body),
            attempts_max: ATTEMPTS_MAX,
            attempt_wait: ATTEMPT_WAIT,
            until: self.until,
            answer_max_bytes: ANSWER_MAX_BYTES,
        })
    }
}

fn refused(answer: &Answer, body: Option<&Value>) -> StripeError {
    let word = |name: &str| {
        let text = body.and_then(|body| body.get("error")?.get(name)?.as_str()).unwrap_or("-");
        if is_word(text) { text.to_owned() } else { "?".to_owned() }
    };
    StripeError::Refused { status: answer.status, kind: word("type"), code: word("code"), param: word("param") }
}

/// Characters of an address or an id that Stripe may answer.
const PLAIN_MAX: usize = 4096;

/// Whether this can be an address or an id.
fn is_plain(text: &str) -> bool {
    (1..=PLAIN_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Characters of a word that classifies an error.
const WORD_MAX: usize = 64;

/// Whether this classifies an error rather than tells about it: `invalid_request_error`, `line_items[0][price]`.
fn is_word(text: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_lowercase() || b"_-[]0123456789".contains(&byte);
    text.len() <= WORD_MAX && text.starts_with(|c: char| c.is_ascii_lowercase() || c == '-') && text.bytes().all(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_refusal_only_the_words_that_classify_it_are_kept() {
        let body = serde_json::json!({ "error": {
            "type": "invalid_request_error", "code": "resource_missing", "param": "line_items[0][price]",
            "message": "No such price for ada@example.com", "doc_url": "https://stripe.com"
        } });
        let answer = Answer { status: StatusCode::BAD_REQUEST, body: Bytes::new() };
        let told = refused(&answer, Some(&body)).to_string();
        assert_eq!(
            told,
            "Stripe answered 400: type invalid_request_error, code resource_missing, param line_items[0][price]"
        );
        let odd = serde_json::json!({ "error": { "type": "ada@example.com", "code": 7, "param": "4242424242424242" } });
        assert_eq!(refused(&answer, Some(&odd)).to_string(), "Stripe answered 400: type ?, code -, param ?");
    }
}
