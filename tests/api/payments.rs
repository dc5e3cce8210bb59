//! Money: pages to pay on, what Stripe and RevenueCat say afterwards, and the level that follows from it.

mod adoption;
mod checkout;
mod crashes;
mod customers;
mod hostile;
mod ledger;
mod orders;
mod outages;
mod quiet;
mod store;
mod stripe;

use std::sync::atomic::{AtomicU32, Ordering};

use aws_lc_rs::hmac;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::stripe::{STORE_TOKEN, WEBHOOK_SECRET};
use crate::support::{Answer, Lifter, Request, TestApp};

/// 2026-11-21T09:00:00Z.
const NOW: i64 = 1_795_251_600;

const CHECKOUT: &str = "/api/v1/payments/create-checkout-session";
const PORTAL: &str = "/api/v1/payments/create-portal-session";
const STRIPE: &str = "/api/v1/payments/webhook";
const STORE: &str = "/api/v1/webhooks/revenuecat";

/// A name that nothing else has.
fn fresh(prefix: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{prefix}_{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A signature of this body, `t` and `v1`.
fn signature(secret: &str, at_s: i64, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, &[at_s.to_string().as_bytes(), b".", body].concat());
    tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A webhook of Stripe's, signed now.
fn signed(app: &TestApp, body: impl Into<Vec<u8>>) -> Request {
    let (body, at_s) = (body.into(), app.app.clock.now().unix_s());
    let header = format!("t={at_s},v1={}", signature(WEBHOOK_SECRET, at_s, &body));
    app.request("POST", STRIPE).header("stripe-signature", &header).body("application/json", body)
}

/// A webhook of RevenueCat's.
fn trusted(app: &TestApp, body: impl Into<Vec<u8>>) -> Request {
    app.request("POST", STORE).header("authorization", STORE_TOKEN).body("application/json", body.into())
}

/// Delivers an event of Stripe's.
async fn from_stripe(app: &TestApp, event: &Value) -> Answer {
    signed(app, event.to_string()).send().await.expect(200)
}

/// Delivers an event of RevenueCat's; answers what became of it.
async fn from_store(app: &TestApp, event: &Value) -> Value {
    let body = json!({ "api_version": "1.0", "event": event });
    trusted(app, body.to_string()).send().await.expect(200).json()
}

/// A lifter who is this customer of Stripe's.
async fn customer(app: &TestApp, name: &str) -> (Lifter, String) {
    let (lifter, customer) = (app.lifter(name).await, fresh("cus"));
    let link = "update users set stripe_customer_id = $2 where id = $1";
    app.pg.execute(link, &[&lifter.id, &customer]).await.unwrap();
    (lifter, customer)
}

/// The level that the lifter's app shows.
async fn level(app: &TestApp, lifter: &Lifter) -> String {
    let me = app.get_as(lifter, "/api/v1/users/me").await.expect(200).json();
    me["subscription_level"].as_str().unwrap().to_owned()
}

/// A subscription of a customer.
#[derive(Clone)]
struct Subscription {
    id: String,
    customer: String,
}

impl Subscription {
    fn of(customer: &str) -> Self {
        Self { id: fresh("sub"), customer: customer.to_owned() }
    }

    /// `customer.subscription.<what>` with this status and price, so many seconds after [`NOW`].
    fn event(&self, what: &str, status: &str, price: &str, at_s: i64) -> Value {
        let object = json!({
            "id": self.id, "object": "subscription", "customer": self.customer, "status": status,
            "items": { "data": [{ "price": { "id": price } }] }
        });
        event(&format!("customer.subscription.{what}"), at_s, &object)
    }

    /// Somebody has paid on the page.
    fn checkout(&self, price: &str, at_s: i64) -> Value {
        let object = json!({
            "id": fresh("cs"), "object": "checkout.session", "customer": self.customer, "subscription": self.id,
            "mode": "subscription", "payment_status": "paid", "metadata": { "price_id": price },
            "customer_details": { "email": "ada@example.com" }
        });
        event("checkout.session.completed", at_s, &object)
    }

    /// A payment has failed.
    fn failure(&self, at_s: i64) -> Value {
        let object = json!({ "id": fresh("in"), "customer": self.customer, "subscription": self.id });
        event("invoice.payment_failed", at_s, &object)
    }
}

/// An event of Stripe's about this object.
fn event(kind: &str, at_s: i64, object: &Value) -> Value {
    json!({ "id": fresh("evt"), "object": "event", "type": kind, "created": NOW + at_s, "data": { "object": object } })
}

/// An event of RevenueCat's about a purchase of this user.
fn purchase(kind: &str, user: Uuid, transaction: &str, entitlement: &str, at_s: i64) -> Value {
    json!({
        "id": fresh("store"), "type": kind, "app_user_id": user, "original_app_user_id": user, "aliases": [user],
        "original_transaction_id": transaction, "entitlement_ids": [entitlement], "environment": "PRODUCTION",
        "product_id": format!("io.repduel.app.{entitlement}.monthly"), "event_timestamp_ms": (NOW + at_s) * 1000,
        "expiration_at_ms": (NOW + at_s) * 1000, "receipt": crate::support::stripe::RECEIPT,
        "subscriber_attributes": { "$email": { "value": "ada@example.com" } }
    })
}

/// An event of RevenueCat's that moves the purchases of one user to another.
fn transfer(from: Uuid, to: Uuid, at_s: i64) -> Value {
    json!({
        "id": fresh("store"), "type": "TRANSFER", "transferred_from": [from], "transferred_to": [to],
        "event_timestamp_ms": (NOW + at_s) * 1000
    })
}
