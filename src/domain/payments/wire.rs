//! Payments on the wire.

use bytes::Bytes;
use hyper::header::{AUTHORIZATION, HeaderName};
use serde_json::json;

use super::signature;
use crate::error::{Error, FieldError, Problem, Result};
use crate::http::route::BodyFacts;
use crate::http::{Cx, FromCx, Operation};
use crate::outbound::stripe::StripeError;
use crate::schema::Text;
use crate::{input, output};

/// A price or an address; Stripe takes addresses of up to 5,000 characters.
type Words = Text<1, 2048>;

input! { /// What to pay for, and where to go from there.
pub struct NewCheckoutSession {
    /// The id of a price at Stripe.
    price_id: Words,
    /// Where the payer goes from there.
    success_url: Words,
    /// Where somebody goes who does not pay.
    cancel_url: Words,
} }

output! { /// A page to pay on.
pub struct CheckoutSession {
    /// Its address, good for a day.
    checkout_url: String,
} }

output! { /// A page to manage a subscription on.
pub struct PortalSession {
    /// Its address, good for minutes.
    portal_url: String,
} }

output! { /// What became of an event.
pub struct StoreAnswer {
    /// `ok`, or `ignored` where it concerns nobody here.
    status: &'static str,
    /// The same in words.
    detail: &'static str,
} }

/// What Stripe's refusal of a checkout means to the caller: the parameters that it names are fields of theirs.
pub fn checkout_error(error: StripeError) -> Error {
    let field = match error.refused_parameter() {
        Some("line_items[0][price]" | "line_items[0]") => "price_id",
        Some("success_url") => "success_url",
        Some("cancel_url") => "cancel_url",
        _ => return error.into(),
    };
    let detail = format!("{field} must be one that the payment provider accepts");
    Error::invalid(vec![FieldError { pointer: format!("/{field}"), code: "unknown", detail }])
}

/// A body that Stripe has signed.
pub struct FromStripe(pub Bytes);

/// A body from somebody who knows RevenueCat's token.
pub struct FromStore(pub Bytes);

const STRIPE_SIGNATURE: HeaderName = HeaderName::from_static("stripe-signature");

fn not_configured() -> Error {
    Error::new(Problem::PaymentsUnavailable)
}

/// The one value of a header.
fn only<'a>(cx: &'a Cx, name: &HeaderName) -> Option<&'a [u8]> {
    let mut values = cx.headers().get_all(name).iter();
    values.next().filter(|_| values.next().is_none()).map(|value| value.as_bytes())
}

async fn read_body(cx: &Cx) -> Result<Bytes> {
    cx.body.read(cx.route.body_max_bytes, cx.route.body_wait).await
}

fn describe_signed(operation: &mut Operation, header: &'static str) {
    operation.signed_by = Some(header);
    let schema = json!({ "type": "object", "description": "An event, as its sender describes it." });
    operation.body = Some(BodyFacts { media_type: "application/json", required: true, schema });
    operation.failures.extend([400, 408, 413]);
}

impl FromCx for FromStripe {
    async fn from_cx(cx: &mut Cx) -> Result<Self> {
        let config = &cx.app.config.payments;
        let secret = config.stripe_webhook_secret.as_ref().ok_or_else(not_configured)?.expose();
        let refused = || Error::new(Problem::InvalidSignature);
        let header = only(cx, &STRIPE_SIGNATURE).and_then(|value| str::from_utf8(value).ok()).ok_or_else(refused)?;
        let body = read_body(cx).await?;
        let is_signed = signature::is_stripes(header, &body, secret, cx.app.clock.now());
        if is_signed { Ok(Self(body)) } else { Err(refused()) }
    }

    fn describe(operation: &mut Operation) {
        describe_signed(operation, "Stripe-Signature");
    }
}

impl FromCx for FromStore {
    async fn from_cx(cx: &mut Cx) -> Result<Self> {
        let token = cx.app.config.payments.revenuecat_token.as_ref().ok_or_else(not_configured)?.expose();
        let is_known = only(cx, &AUTHORIZATION).is_some_and(|given| signature::is_token(given, token));
        if !is_known {
            return Err(Error::new(Problem::InvalidToken));
        }
        read_body(cx).await.map(Self)
    }

    fn describe(operation: &mut Operation) {
        describe_signed(operation, "Authorization");
    }
}
