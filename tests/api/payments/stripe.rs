//! Stripe's webhooks: what is signed is taken, byte by byte, and each kind of event means what it says.

use serde_json::json;

use super::{NOW, STRIPE, Subscription, customer, event, fresh, from_stripe, level, signature, signed};
use crate::support::TestApp;
use crate::support::stripe::WEBHOOK_SECRET;

async fn rows(app: &TestApp) -> i64 {
    app.count("select (select count(*) from webhook_events) + (select count(*) from entitlement_events)").await
}

#[tokio::test]
async fn only_what_stripe_signed_is_taken() {
    let app = TestApp::with_clock(NOW).await;
    let (ada, customer) = customer(&app, "ada").await;
    let body = Subscription::of(&customer).event("created", "active", "price_gold", 0).to_string().into_bytes();
    let good = signature(WEBHOOK_SECRET, NOW, &body);
    let other = signature("whsec_other", NOW, &body);
    let late = NOW - 301;
    let early = NOW + 301;
    for header in [
        String::new(),
        good.clone(),
        format!("t={NOW}"),
        format!("v1={good}"),
        format!("t={NOW},v1={other}"),
        format!("t={NOW},v0={good}"),
        format!("t={},v1={good}", NOW + 1),
        format!("t={late},v1={}", signature(WEBHOOK_SECRET, late, &body)),
        format!("t={early},v1={}", signature(WEBHOOK_SECRET, early, &body)),
        format!("t={NOW},v1={}", &good[1..]),
    ] {
        let request = app.request("POST", STRIPE).header("stripe-signature", &header);
        request.body("application/json", body.clone()).send().await.problem(400, "invalid_signature");
    }
    let unsigned = app.request("POST", STRIPE).body("application/json", body.clone());
    unsigned.send().await.problem(400, "invalid_signature");
    let header = format!("t={NOW},v1={good}");
    let twice = app.request("POST", STRIPE).header("stripe-signature", &header).header("stripe-signature", &header);
    twice.body("application/json", body.clone()).send().await.problem(400, "invalid_signature");
    let request = app.request("POST", STRIPE).header("stripe-signature", &header);
    for index in [0, body.len() / 2, body.len() - 1] {
        let mut changed = body.clone();
        changed[index] ^= 1;
        request.clone().body("application/json", changed).send().await.problem(400, "invalid_signature");
    }
    // The same JSON in other bytes is not what was signed.
    let mut spaced = body.clone();
    spaced.push(b' ');
    request.clone().body("application/json", spaced).send().await.problem(400, "invalid_signature");
    assert_eq!((rows(&app).await, level(&app, &ada).await.as_str()), (0, "free"));

    // While the secret is changed there are two signatures, and either may be the good one.
    for (header, status) in
        [(format!("t={NOW},v1={other},v1={other}"), 400), (format!("t={NOW},v1={other},v1={good}"), 200)]
    {
        let request = app.request("POST", STRIPE).header("stripe-signature", &header);
        let answer = request.body("application/json; charset=utf-8", body.clone()).send().await.expect(status);
        assert_eq!(answer.body.is_empty(), status == 200);
    }
    assert_eq!(level(&app, &ada).await, "gold");
}

#[tokio::test]
async fn a_signature_is_good_for_five_minutes_either_way() {
    let app = TestApp::with_clock(NOW).await;
    let (ada, customer) = customer(&app, "ada").await;
    for (offset, price, level_then) in [(-300, "price_gold", "gold"), (300, "price_platinum", "platinum")] {
        let body = Subscription::of(&customer).event("created", "active", price, 0).to_string().into_bytes();
        let header = format!("t={},v1={}", NOW + offset, signature(WEBHOOK_SECRET, NOW + offset, &body));
        let request = app.request("POST", STRIPE).header("stripe-signature", &header);
        request.body("application/json", body).send().await.expect(200);
        assert_eq!(level(&app, &ada).await, level_then);
    }
}

#[tokio::test]
async fn signed_bodies_that_are_no_events_are_refused() {
    let app = TestApp::with_clock(NOW).await;
    let deep = format!("{{\"id\":\"evt_1\",\"type\":\"x\",\"data\":{}1{}}}", "[".repeat(60_000), "]".repeat(60_000));
    for body in [
        b"".to_vec(),
        b"{".to_vec(),
        b"[]".to_vec(),
        b"null".to_vec(),
        b"{}".to_vec(),
        vec![b'{', 0xff, 0xfe, b'}'],
        b"\xef\xbb\xbf{}".to_vec(),
        br#"{"id": 7, "type": "x"}"#.to_vec(),
        deep.into_bytes(),
        vec![b' '; 256 * 1024],
    ] {
        signed(&app, body).send().await.problem(400, "bad_request");
    }
    for length in [256 * 1024 + 1, 1024 * 1024] {
        signed(&app, vec![b' '; length]).send().await.problem(413, "payload_too_large");
    }
    assert_eq!(rows(&app).await, 0);
}

#[tokio::test]
async fn a_status_keeps_or_drops_the_level() {
    let app = TestApp::with_clock(NOW).await;
    let statuses = [
        ("active", "gold"),
        ("trialing", "gold"),
        ("past_due", "gold"),
        ("unpaid", "free"),
        ("canceled", "free"),
        ("incomplete", "free"),
        ("incomplete_expired", "free"),
        ("paused", "free"),
        ("of_next_year", "gold"),
    ];
    for (number, (status, then)) in statuses.into_iter().enumerate() {
        let (ada, customer) = customer(&app, &format!("ada{number}")).await;
        let subscription = Subscription::of(&customer);
        if status != "incomplete" && status != "incomplete_expired" {
            from_stripe(&app, &subscription.event("created", "active", "price_gold", 0)).await;
            assert_eq!(level(&app, &ada).await, "gold");
        }
        from_stripe(&app, &subscription.event("updated", status, "price_gold", 1)).await;
        assert_eq!(level(&app, &ada).await, then, "{status}");
    }
}

#[tokio::test]
async fn a_subscription_goes_through_its_life() {
    let app = TestApp::with_clock(NOW).await;
    let (ada, customer) = customer(&app, "ada").await;
    let subscription = Subscription::of(&customer);
    let life = [
        (subscription.event("created", "incomplete", "price_gold", 0), "free"),
        (subscription.checkout("price_gold", 1), "gold"),
        (subscription.event("updated", "active", "price_gold", 2), "gold"),
        (subscription.event("updated", "active", "price_platinum", 3), "platinum"),
        (subscription.failure(4), "platinum"),
        (subscription.event("updated", "past_due", "price_platinum", 4), "platinum"),
        (subscription.event("updated", "unpaid", "price_platinum", 5), "free"),
        (subscription.event("updated", "active", "price_gold", 6), "gold"),
        (subscription.event("deleted", "canceled", "price_gold", 7), "free"),
    ];
    let user = "select subscription_level, stripe_subscription_id, updated_at from users where id = $1";
    for (step, (event, then)) in life.iter().enumerate() {
        from_stripe(&app, event).await;
        let row = app.pg.query_one(user, &[&ada.id]).await.unwrap();
        assert_eq!((level(&app, &ada).await.as_str(), row.get::<_, &str>(0)), (*then, *then), "step {step}");
        // The earlier server reads the link from the users table.
        let link: Option<&str> = row.get(1);
        assert_eq!(link, (*then != "free").then_some(subscription.id.as_str()), "step {step}");
    }
    let changes =
        "select string_agg(payload->>'to', ' ' order by id) from outbox_events where topic = 'subscription.changed'";
    let changes: String = app.pg.query_one(changes, &[]).await.unwrap().get(0);
    assert_eq!(changes, "gold platinum free gold free");
    // Another subscription is another life.
    from_stripe(&app, &Subscription::of(&customer).event("created", "active", "price_gold", 8)).await;
    assert_eq!(level(&app, &ada).await, "gold");
}

#[tokio::test]
async fn what_is_not_about_a_known_customers_subscription_changes_nothing() {
    let app = TestApp::with_clock(NOW).await;
    let (ada, customer) = customer(&app, "ada").await;
    let subscription = Subscription::of(&customer);
    let paid_once = json!({ "id": "cs_1", "customer": customer, "mode": "payment", "payment_status": "paid" });
    let unpaid = json!({ "id": "cs_2", "customer": customer, "mode": "subscription", "payment_status": "unpaid",
        "subscription": subscription.id });
    for event in [
        Subscription::of(&fresh("cus")).event("created", "active", "price_gold", 0),
        event("checkout.session.completed", 0, &paid_once),
        event("checkout.session.completed", 0, &unpaid),
        event("charge.succeeded", 0, &json!({ "customer": customer })),
        event("customer.subscription.created", 0, &json!({ "id": "sub_x", "status": "active" })),
        event("customer.subscription.created", 0, &json!({ "customer": customer, "status": "active" })),
        event("customer.subscription.created", 0, &json!(null)),
        event("customer.deleted", 0, &json!({ "id": customer })),
        subscription.failure(0),
    ] {
        from_stripe(&app, &event).await;
    }
    assert_eq!((rows(&app).await, level(&app, &ada).await.as_str()), (0, "free"));
    // The money came later.
    let mut late = unpaid.clone();
    late["payment_status"] = json!("paid");
    from_stripe(&app, &event("checkout.session.async_payment_succeeded", 1, &late)).await;
    assert_eq!(level(&app, &ada).await, "gold");
}

#[tokio::test]
async fn the_customer_decides_whose_it_is_whatever_else_the_event_names() {
    let app = TestApp::with_clock(NOW).await;
    let ((ada, adas), (eve, eves)) = (customer(&app, "ada").await, customer(&app, "eve").await);
    let subscription = Subscription::of(&adas);
    let mut event = subscription.checkout("price_gold", 0);
    event["data"]["object"]["client_reference_id"] = json!(eve.id);
    event["data"]["object"]["metadata"]["user_id"] = json!(eve.id);
    from_stripe(&app, &event).await;
    assert_eq!((level(&app, &ada).await.as_str(), level(&app, &eve).await.as_str()), ("gold", "free"));
    // Stripe says that it is another customer's by now: each pays for what is theirs.
    let moved = Subscription { id: subscription.id.clone(), customer: eves };
    from_stripe(&app, &moved.event("updated", "active", "price_gold", 1)).await;
    assert_eq!((level(&app, &ada).await.as_str(), level(&app, &eve).await.as_str()), ("free", "gold"));
    let links = "select count(*) from users where stripe_subscription_id is not null";
    assert_eq!(app.count(links).await, 1);
}

#[tokio::test]
async fn without_its_secret_the_webhook_is_away() {
    let app = TestApp::with_variables(&[("STRIPE_WEBHOOK_SECRET", ""), ("REVENUECAT_WEBHOOK_AUTH_TOKEN", "")]).await;
    signed(&app, "{}").send().await.problem(503, "payments_unavailable");
    super::trusted(&app, "{}").send().await.problem(503, "payments_unavailable");
    super::trusted(&app, "{}").header("authorization", "").send().await.problem(503, "payments_unavailable");
}
