//! Stripe's events.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{at_s, highest, stored_id, stored_kind, text, whole};
use crate::domain::payments::rules::{CHECKOUT, Tier, status_meaning};
use crate::time::Timestamp;

/// An event, as far as it concerns us.
#[derive(Debug, PartialEq, Eq)]
pub struct StripeEvent {
    /// Its id.
    pub id: String,
    /// Its type.
    pub kind: String,
    /// When it came about, to the second.
    pub happened_at: Option<Timestamp>,
    /// The customer it is about.
    pub customer: Option<String>,
    /// What it says of a subscription.
    pub subscription: Option<Subscription>,
}

/// What an event says of a subscription.
#[derive(Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Its id.
    pub reference: String,
    /// Its status, if the event tells it.
    pub status: Option<String>,
    /// What its prices give, if the event tells them.
    pub tier: Option<Tier>,
}

/// The event in this body, or `None` if it is none.
#[must_use]
pub fn read_stripe_event(body: &[u8], tiers: &BTreeMap<String, String>) -> Option<StripeEvent> {
    let event: Value = serde_json::from_slice(body).ok()?;
    let (id, kind) = (text(&event, "id")?, text(&event, "type")?);
    let object = event.get("data").and_then(|data| data.get("object")).unwrap_or(&Value::Null);
    Some(StripeEvent {
        id: stored_id(id),
        kind: stored_kind(kind),
        happened_at: whole(&event, "created").and_then(at_s),
        customer: reference(object, "customer"),
        subscription: subscription(kind, object, tiers),
    })
}

fn subscription(kind: &str, object: &Value, tiers: &BTreeMap<String, String>) -> Option<Subscription> {
    match kind {
        CHECKOUT | "checkout.session.async_payment_succeeded" => checkout(object, tiers),
        "customer.subscription.created"
        | "customer.subscription.updated"
        | "customer.subscription.deleted"
        | "customer.subscription.paused"
        | "customer.subscription.resumed" => {
            let status = text(object, "status");
            // A status that is not known yet changes nothing.
            let known = status.is_none_or(|status| status_meaning(status).is_some());
            let reference = stored_id(text(object, "id").filter(|_| known)?);
            Some(Subscription { reference, status: status.map(str::to_owned), tier: tier_of_items(object, tiers) })
        }
        _ => None,
    }
}

/// Somebody went through our page. Where the money is still on its way, a later event says that it came.
fn checkout(session: &Value, tiers: &BTreeMap<String, String>) -> Option<Subscription> {
    let is_subscription = text(session, "mode").is_none_or(|mode| mode == "subscription");
    let is_paid = text(session, "payment_status").is_none_or(|status| status != "unpaid");
    let reference = reference(session, "subscription").filter(|_| is_subscription && is_paid)?;
    let price = session.get("metadata").and_then(|metadata| text(metadata, "price_id"));
    Some(Subscription { reference, status: None, tier: price.map(|price| tier_of(price, tiers)) })
}

fn tier_of_items(subscription: &Value, tiers: &BTreeMap<String, String>) -> Option<Tier> {
    let items = subscription.get("items").and_then(|items| items.get("data")?.as_array());
    let price = |item: &Value| {
        let of = |kind: &str| item.get(kind).and_then(reference_of);
        of("price").or_else(|| of("plan")).map(|price| tier_of(&price, tiers))
    };
    highest(items.into_iter().flatten().map(price))
}

/// A price that nobody named a tier for is gold's.
fn tier_of(price: &str, tiers: &BTreeMap<String, String>) -> Tier {
    tiers.get(price).and_then(|name| Tier::of(name)).unwrap_or(Tier::Gold)
}

/// An id, or the object that has it where Stripe was asked to put the object in its place.
fn reference_of(value: &Value) -> Option<String> {
    value.as_str().or_else(|| text(value, "id")).filter(|id| !id.is_empty()).map(stored_id)
}

fn reference(object: &Value, key: &str) -> Option<String> {
    reference_of(object.get(key)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(event: Value) -> Option<StripeEvent> {
        let tiers = BTreeMap::from([("price_p".to_owned(), "platinum".to_owned())]);
        read_stripe_event(event.to_string().as_bytes(), &tiers)
    }

    fn said(kind: &str, object: Value) -> Option<(String, Option<String>, Option<Tier>)> {
        let event = read(json!({ "id": "evt_1", "type": kind, "created": 1, "data": { "object": object } }));
        event.unwrap().subscription.map(|said| (said.reference, said.status, said.tier))
    }

    #[test]
    fn subscriptions_tell_their_status_and_the_highest_of_their_tiers() {
        let items = json!({ "data": [{ "price": { "id": "price_x" } }, { "price": { "id": "price_p" } }] });
        let object = json!({ "id": "sub_1", "customer": "cus_1", "status": "active", "items": items });
        let wanted = ("sub_1".to_owned(), Some("active".to_owned()), Some(Tier::Platinum));
        assert_eq!(said("customer.subscription.updated", object), Some(wanted));
        let old =
            json!({ "id": "sub_1", "status": "unpaid", "items": { "data": [{ "plan": { "id": "gold_plan" } }] } });
        assert_eq!(said("customer.subscription.created", old).unwrap().2, Some(Tier::Gold));
        assert_eq!(said("customer.subscription.deleted", json!({ "id": "sub_1" })).unwrap().2, None);
        for odd in [json!({}), json!({ "id": "sub_1", "status": "of_next_year" }), json!(null), json!([1])] {
            assert_eq!(said("customer.subscription.updated", odd), None);
        }
    }

    #[test]
    fn a_checkout_counts_when_it_is_paid_and_is_for_a_subscription() {
        let session = |more: Value| {
            let mut session = json!({ "subscription": { "id": "sub_1" }, "mode": "subscription" });
            session.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            said(CHECKOUT, session)
        };
        assert_eq!(session(json!({ "payment_status": "paid" })), Some(("sub_1".to_owned(), None, None)));
        assert_eq!(session(json!({ "metadata": { "price_id": "price_p" } })).unwrap().2, Some(Tier::Platinum));
        for other in
            [json!({ "mode": "payment" }), json!({ "payment_status": "unpaid" }), json!({ "subscription": null })]
        {
            assert_eq!(session(other), None);
        }
    }

    #[test]
    fn what_is_no_event_is_none() {
        for body in [json!(1), json!({}), json!({ "id": "evt_1" }), json!({ "id": 1, "type": "x" }), json!([{}])] {
            assert_eq!(read(body), None);
        }
        let odd = read(json!({ "id": "e\u{0}".repeat(500), "type": "<script>", "created": 1e300 })).unwrap();
        assert!(odd.id.starts_with("sha256:") && odd.kind == "unknown" && odd.happened_at.is_none());
    }
}
