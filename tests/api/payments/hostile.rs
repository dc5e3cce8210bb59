//! What nobody sends who means well.

use serde_json::{Value, json};

use super::{NOW, Subscription, customer, from_store, from_stripe, level, purchase, signed, trusted};
use crate::support::TestApp;

#[tokio::test]
async fn absurd_dates_neither_break_anything_nor_last() {
    let app = TestApp::with_clock(NOW).await;
    let (ada, adas) = customer(&app, "ada").await;
    let subscription = Subscription::of(&adas);
    let absurd = [
        json!(i64::MAX),
        json!(i64::MIN),
        json!(-1),
        json!(0),
        json!(1e300),
        json!(NOW * 1_000_000),
        json!(253_402_300_800_i64), // the year 10000
        json!(NOW + 10 * 365 * 86_400),
        json!("soon"),
        json!(null),
        json!([NOW]),
    ];
    for (step, date) in absurd.iter().enumerate() {
        let mut told = subscription.event("updated", "active", "price_gold", 0);
        told["created"] = date.clone();
        from_stripe(&app, &told).await;
        let mut told = purchase("RENEWAL", ada.id, "1000", "platinum", 0);
        told["event_timestamp_ms"] = date.clone();
        told["expiration_at_ms"] = date.clone();
        from_store(&app, &told).await;
        assert_eq!(level(&app, &ada).await, "platinum", "{date}");
        // None of them stands in the way of what comes next.
        app.advance_s(1);
        let at_s = 2 * i64::try_from(step).unwrap() + 1;
        from_store(&app, &purchase("EXPIRATION", ada.id, "1000", "platinum", at_s)).await;
        assert_eq!(level(&app, &ada).await, "gold", "{date}");
        from_stripe(&app, &subscription.event("updated", "unpaid", "price_gold", at_s)).await;
        assert_eq!(level(&app, &ada).await, "free", "{date}");
        app.advance_s(1);
    }
}

#[tokio::test]
async fn strange_ids_and_prices_are_taken_for_what_they_can_be() {
    let app = TestApp::with_clock(NOW).await;
    let (ada, adas) = customer(&app, "ada").await;
    for (step, id) in ["x".repeat(5000), "a\u{0}b".to_owned(), "ü".to_owned(), "'; drop table users; --".to_owned()]
        .into_iter()
        .enumerate()
    {
        let subscription = Subscription { id: id.clone(), customer: adas.clone() };
        let mut told = subscription.event("created", "active", "price_that_nobody_knows", 0);
        told["id"] = json!(id);
        from_stripe(&app, &told).await;
        from_stripe(&app, &told).await;
        assert_eq!(level(&app, &ada).await, "gold"); // a price without a tier is gold's
        from_stripe(&app, &subscription.event("deleted", "canceled", "price_gold", 1)).await;
        assert_eq!(level(&app, &ada).await, "free");
        let count = i64::try_from(step).unwrap() + 1;
        assert_eq!(app.count("select count(*) from entitlements").await, count);
        assert_eq!(app.count("select count(*) from webhook_events").await, 2 * count);
    }
    let bob = app.lifter("bob").await;
    let mut told = purchase("INITIAL_PURCHASE", bob.id, &"9".repeat(5000), "diamond", 0);
    assert_eq!(from_store(&app, &told).await["detail"], "Event changes nothing.");
    told = purchase("INITIAL_PURCHASE", bob.id, &"9".repeat(5000), "gold", 0);
    told["type"] = json!("X".repeat(5000));
    told["id"] = json!("i".repeat(5000));
    from_store(&app, &told).await;
    assert_eq!(level(&app, &bob).await, "gold");
    let aliases: Vec<Value> = (0..5000).map(|_| json!(uuid::Uuid::nil())).collect();
    told["aliases"] = json!(aliases);
    told["app_user_id"] = json!("$RCAnonymousID:1");
    told["original_app_user_id"] = json!(null);
    assert_eq!(from_store(&app, &told).await["status"], "ignored");
}

#[tokio::test]
async fn bodies_of_every_shape_are_answered() {
    let app = TestApp::with_clock(NOW).await;
    let (ada, adas) = customer(&app, "ada").await;
    let shapes = [
        json!(null),
        json!(true),
        json!(-1.5e308),
        json!(""),
        json!("\u{0}"),
        json!([]),
        json!([[[[[[]]]]]]),
        json!({}),
        json!({ "id": { "id": { "id": [] } } }),
        json!({ "data": [[], {}, null, 7] }),
    ];
    let whole = Subscription::of(&adas).event("created", "active", "price_gold", 0);
    let bought = purchase("TRANSFER", ada.id, "1000", "gold", 0);
    for shape in &shapes {
        for pointer in [
            "/id",
            "/type",
            "/created",
            "/data",
            "/data/object",
            "/data/object/id",
            "/data/object/customer",
            "/data/object/status",
            "/data/object/items",
            "/data/object/items/data",
            "/data/object/items/data/0/price",
        ] {
            let mut told = whole.clone();
            *told.pointer_mut(pointer).unwrap() = shape.clone();
            let status = signed(&app, told.to_string()).send().await.status;
            assert!(status == 200 || (status == 400 && ["/id", "/type"].contains(&pointer)), "{pointer} {shape}");
        }
        for kind in ["TRANSFER", "RENEWAL", "EXPIRATION"] {
            for key in
                bought.as_object().unwrap().keys().chain([&"transferred_from".to_owned(), &"transferred_to".to_owned()])
            {
                let mut told = bought.clone();
                told["type"] = json!(kind);
                told[key] = shape.clone();
                trusted(&app, json!({ "event": told }).to_string()).send().await.expect(200);
            }
        }
        trusted(&app, json!({ "event": shape }).to_string()).send().await.expect(200);
    }
    super::ledger::assert_explained(&app).await;
}

#[tokio::test]
async fn a_transfer_to_oneself_or_in_a_circle_ends() {
    let app = TestApp::with_clock(NOW).await;
    let mut lifters = Vec::new();
    for name in ["ada", "bob", "cem"] {
        lifters.push(app.lifter(name).await);
    }
    let [ada, bob, cem] = &lifters[..] else { panic!("there are three") };
    from_store(&app, &purchase("INITIAL_PURCHASE", ada.id, "1000", "gold", 0)).await;
    for (second, (from, to)) in (1..).zip([(ada, ada), (ada, bob), (bob, cem), (cem, ada), (ada, bob)]) {
        from_store(&app, &super::transfer(from.id, to.id, second)).await;
        assert_eq!(level(&app, to).await, "gold");
        if from.id != to.id {
            assert_eq!(level(&app, from).await, "free");
        }
    }
    super::ledger::assert_explained(&app).await;
}
