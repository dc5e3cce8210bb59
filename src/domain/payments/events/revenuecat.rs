//! RevenueCat's events.

use serde_json::Value;
use uuid::Uuid;

use super::{at_ms, fingerprint, highest, stored_id, stored_kind, text, whole};
use crate::domain::payments::rules::{EXPIRATION, Tier};
use crate::ids::UserId;
use crate::time::Timestamp;

/// An event, as far as it concerns us.
#[derive(Debug, PartialEq, Eq)]
pub struct StoreEvent {
    /// Its id, or the digest of its body.
    pub id: String,
    /// Its type.
    pub kind: String,
    /// When it came about.
    pub happened_at: Option<Timestamp>,
    /// Whether it is about a purchase in a store's sandbox.
    pub is_sandbox: bool,
    /// What it says.
    pub news: StoreNews,
}

/// What an event says.
#[derive(Debug, PartialEq, Eq)]
pub enum StoreNews {
    /// Nothing that is about anybody.
    Nobody,
    /// Nothing that changes a level.
    Nothing,
    /// A purchase gives this tier, or its period ends.
    Purchase {
        /// Whose it is: the first of these who has an account.
        users: Vec<UserId>,
        /// The store's id of the purchase; a user has at most one without.
        reference: Option<String>,
        /// What it gives.
        tier: Option<Tier>,
        /// When the period ends.
        ends_at: Option<Timestamp>,
    },
    /// The purchases of these are another's.
    Transfer {
        /// Whose they were.
        from: Vec<UserId>,
        /// Whose they are: the first of these who has an account.
        to: Vec<UserId>,
    },
}

/// Events that do not say that something is paid for: it goes on as it is, or was never about a subscription.
const KEEPING: [&str; 6] = [
    "TEST",
    "CANCELLATION",
    "BILLING_ISSUE",
    "INVOICE_ISSUANCE",
    "VIRTUAL_CURRENCY_TRANSACTION",
    "EXPERIMENT_ENROLLMENT",
];

/// Products of the stores.
const PRODUCTS: [(&str, Tier); 2] =
    [("io.repduel.app.gold.monthly", Tier::Gold), ("io.repduel.app.platinum.monthly", Tier::Platinum)];

/// The event in this body, or `None` if it is no JSON object.
#[must_use]
pub fn read_store_event(body: &[u8]) -> Option<StoreEvent> {
    let root: Value = serde_json::from_slice(body).ok().filter(Value::is_object)?;
    let event = root.get("event").filter(|event| event.is_object()).unwrap_or(&root);
    let kind = text(event, "type").unwrap_or_default();
    Some(StoreEvent {
        id: text(event, "id").map_or_else(|| fingerprint(body), stored_id),
        kind: stored_kind(kind),
        happened_at: whole(event, "event_timestamp_ms").and_then(at_ms),
        is_sandbox: text(event, "environment").is_some_and(|name| name.eq_ignore_ascii_case("sandbox")),
        news: news(kind, event),
    })
}

fn news(kind: &str, event: &Value) -> StoreNews {
    if kind == "TRANSFER" {
        return StoreNews::Transfer {
            from: users(event.get("transferred_from")),
            to: users(event.get("transferred_to")),
        };
    }
    if kind != "TEST" && text(event, "app_user_id").is_none() {
        return StoreNews::Nobody;
    }
    let tier = tier(event);
    // An end needs no tier: what it ends has one.
    if KEEPING.contains(&kind) || (tier.is_none() && kind != EXPIRATION) {
        return StoreNews::Nothing;
    }
    let named = ["app_user_id", "original_app_user_id", "aliases"].into_iter().flat_map(|key| users(event.get(key)));
    StoreNews::Purchase {
        users: named.collect(),
        reference: text(event, "original_transaction_id").map(stored_id),
        tier,
        ends_at: whole(event, "expiration_at_ms").and_then(at_ms),
    }
}

/// Ids of one person that are looked at; RevenueCat knows most people by one or two.
const USERS_MAX: usize = 100;

/// The users among these ids. RevenueCat has ids of its own for people who are not logged in.
fn users(ids: Option<&Value>) -> Vec<UserId> {
    let ids = ids.map(|ids| ids.as_array().map_or_else(|| std::slice::from_ref(ids), Vec::as_slice));
    let user = |id: &Value| Uuid::try_parse(id.as_str()?).ok().map(UserId);
    ids.unwrap_or_default().iter().filter_map(user).take(USERS_MAX).collect()
}

/// By the entitlements that RevenueCat names, else by the product.
fn tier(event: &Value) -> Option<Tier> {
    let named = event.get("entitlement_ids").and_then(Value::as_array).into_iter().flatten();
    let named = named.chain(event.get("entitlement_id")).filter_map(Value::as_str);
    let by_entitlement = highest(named.map(|name| Tier::of(&name.to_ascii_lowercase())));
    let by_product = || {
        let product = text(event, "product_id")?.split(':').next()?; // Google's have the plan behind
        PRODUCTS.iter().find(|(id, _)| *id == product).map(|(_, tier)| *tier)
    };
    by_entitlement.or_else(by_product)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const USER: &str = "00000000-0000-4000-8000-000000000001";

    fn news_of(event: Value) -> StoreNews {
        read_store_event(json!({ "event": event }).to_string().as_bytes()).unwrap().news
    }

    fn tier_of(more: Value) -> Option<Tier> {
        let mut event = json!({ "type": "RENEWAL", "app_user_id": USER });
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        match news_of(event) {
            StoreNews::Purchase { tier, .. } => tier,
            _ => None,
        }
    }

    #[test]
    fn entitlements_come_before_products() {
        let gold = "io.repduel.app.gold.monthly";
        assert_eq!(tier_of(json!({ "entitlement_ids": ["gold", "platinum"] })), Some(Tier::Platinum));
        assert_eq!(tier_of(json!({ "entitlement_ids": ["platinum"], "product_id": gold })), Some(Tier::Platinum));
        assert_eq!(tier_of(json!({ "entitlement_ids": ["pro"], "entitlement_id": "gold" })), Some(Tier::Gold));
        assert_eq!(tier_of(json!({ "entitlement_ids": null, "product_id": gold })), Some(Tier::Gold));
        let platinum = "io.repduel.app.platinum.monthly:base";
        assert_eq!(tier_of(json!({ "entitlement_ids": [], "product_id": platinum })), Some(Tier::Platinum));
        for none in [json!({}), json!({ "product_id": "else" }), json!({ "entitlement_ids": [7] })] {
            assert_eq!(tier_of(none), None);
        }
    }

    #[test]
    fn some_events_change_nothing() {
        for kind in KEEPING {
            let event = json!({ "type": kind, "app_user_id": USER, "entitlement_ids": ["gold"] });
            assert_eq!(news_of(event), StoreNews::Nothing, "{kind}");
        }
        assert_eq!(news_of(json!({ "type": "RENEWAL", "app_user_id": USER })), StoreNews::Nothing);
        for nobody in [json!({}), json!({ "type": "RENEWAL", "app_user_id": "" }), json!({ "app_user_id": 7 })] {
            assert_eq!(news_of(nobody), StoreNews::Nobody);
        }
    }

    #[test]
    fn users_are_those_who_can_be_ours() {
        let user = UserId(USER.parse().unwrap());
        let event = json!({ "type": "EXPIRATION", "app_user_id": "$RCAnonymousID:7", "aliases": [7, "x", USER] });
        assert!(matches!(news_of(event), StoreNews::Purchase { users, tier: None, .. } if users == [user]));
        let transfer =
            json!({ "type": "TRANSFER", "transferred_from": ["$RCAnonymousID:7"], "transferred_to": [USER] });
        assert_eq!(news_of(transfer), StoreNews::Transfer { from: vec![], to: vec![user] });
        let bare = json!({ "type": "TEST", "event_timestamp_ms": 1_700_000_000_123_i64, "environment": "SANDBOX" });
        let bare = read_store_event(bare.to_string().as_bytes()).unwrap();
        assert_eq!(bare.happened_at.unwrap().to_string(), "2023-11-14T22:13:20.123000Z");
        assert!(bare.is_sandbox && bare.id.starts_with("sha256:"));
        for none in ["", "[]", "1", "{", "\u{feff}{}"] {
            assert_eq!(read_store_event(none.as_bytes()), None);
        }
    }
}
