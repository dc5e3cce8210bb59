//! Stripe in a bad mood, and a database that is away.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::checkout::wanted;
use super::{CHECKOUT, NOW, PORTAL, Subscription, customer, from_stripe, level, purchase, signed, trusted};
use crate::support::cluster::{moved, port_of};
use crate::support::stripe::{Mood, Place};
use crate::support::{Proxy, Stripe, TestApp, TestDatabase};

#[tokio::test]
async fn what_passes_is_tried_again_with_the_same_key() {
    let places = [Place::Connection, Place::Handshake, Place::Request, Place::Done, Place::Head, Place::Body];
    let moods = places.map(Mood::Cut).into_iter().chain([429, 500, 502, 503, 409].map(Mood::Status));
    for mood in moods.chain([Mood::Slow(Duration::from_millis(400))]) {
        let stripe = Stripe::start().await;
        let app = TestApp::with_variables(&stripe.variables()).await;
        let ada = app.lifter("ada").await;
        stripe.feel([mood, mood]);
        app.post_as(&ada, CHECKOUT, wanted()).await.expect(201);
        assert_eq!(stripe.made(), 1, "{mood:?}");
        let calls = stripe.calls();
        let customers: Vec<_> = calls.iter().filter(|call| call.path == "/v1/customers").collect();
        let key = customers[0].key();
        assert!(customers.iter().all(|call| call.key() == key && call.form == customers[0].form), "{mood:?}");
        let has_arrived = matches!(mood, Mood::Cut(Place::Done | Place::Head | Place::Body));
        assert_eq!(customers.len(), if has_arrived { 3 } else { 1 }, "{mood:?}");
    }
}

#[tokio::test]
async fn what_does_not_pass_is_told_and_not_tried_for_ever() {
    let stripe = Stripe::start().await;
    let app = TestApp::with_variables(&stripe.variables()).await;
    let (ada, customer) = customer(&app, "ada").await;
    stripe.knows(&customer);
    let away = "payments_unavailable";
    let refused = "payment_provider_error";
    for (mood, status, code, attempts) in [
        (Mood::Status(500), 503, away, 3),
        (Mood::Status(429), 503, away, 3),
        (Mood::Cut(Place::Done), 503, away, 3),
        (Mood::Cut(Place::Connection), 503, away, 3),
        (Mood::Garbage, 502, refused, 1),
        (Mood::Endless, 503, away, 1),
        (Mood::Status(400), 502, refused, 1),
        (Mood::Status(401), 502, refused, 1),
        (Mood::Status(402), 502, refused, 1),
        (Mood::Status(204), 502, refused, 1),
        (Mood::Status(302), 502, refused, 1),
    ] {
        stripe.feel(vec![mood; attempts]);
        let answer = app.request("POST", PORTAL).bearer(&ada.token).send().await.problem(status, code);
        assert_eq!(answer.header("retry-after").is_some(), status == 503, "{mood:?}");
        assert!(!String::from_utf8_lossy(&answer.body).contains("trouble"), "{mood:?}");
        // All moods were used up: there were as many attempts as moods, and no more.
        app.request("POST", PORTAL).bearer(&ada.token).send().await.expect(201);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_stripe_costs_a_checkout_its_time_and_no_more() {
    let stripe = Stripe::start().await;
    let app = TestApp::with_variables(&stripe.variables()).await;
    let ada = app.lifter("ada").await;
    stripe.feel([Mood::Silent; 3]);
    // The handler's own deadline would say `service_unavailable`: this ends before it.
    app.post_as(&ada, CHECKOUT, wanted()).await.problem(503, "payments_unavailable");
    let calls = stripe.calls();
    assert!(calls.len() == 3 && calls.iter().all(|call| call.key() == calls[0].key()), "{calls:?}");
    // What Stripe did all the same is not done again.
    app.post_as(&ada, CHECKOUT, wanted()).await.expect(201);
    assert_eq!(stripe.made(), 1);
}

#[tokio::test]
async fn a_stripe_that_nobody_vouches_for_is_told_nothing() {
    let (stripe, other) = (Stripe::start().await, Stripe::start().await);
    let [base, _] = stripe.variables();
    let [_, authority] = other.variables();
    let app = TestApp::with_variables(&[base, authority]).await;
    let ada = app.lifter("ada").await;
    app.post_as(&ada, CHECKOUT, wanted()).await.problem(503, "payments_unavailable");
    let by_number = base.1.replace("localhost", "127.0.0.1"); // the certificate names localhost
    let [_, ours] = stripe.variables();
    let app = TestApp::with_variables(&[("STRIPE_API_BASE", &by_number), ours]).await;
    let ada = app.lifter("ada").await;
    app.post_as(&ada, CHECKOUT, wanted()).await.problem(503, "payments_unavailable");
    assert!(stripe.calls().is_empty());
}

#[tokio::test]
async fn nobody_at_the_address_is_told_at_once() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    app.post_as(&ada, CHECKOUT, wanted()).await.problem(503, "payments_unavailable");
}

/// An app whose database is behind a proxy.
async fn proxied() -> (Proxy, TestApp) {
    let database = TestDatabase::migrated().await;
    let url = database.url();
    let proxy = Proxy::to(SocketAddr::from((Ipv4Addr::LOCALHOST, port_of(&url)))).await;
    let through = moved(&url, "127.0.0.1", proxy.address.port());
    let app = TestApp::through(database, &through).await;
    (proxy, app)
}

#[tokio::test]
async fn without_a_database_the_sender_is_told_to_come_again() {
    let (proxy, app) = proxied().await;
    let ((ada, adas), bob) = (customer(&app, "ada").await, app.lifter("bob").await);
    let now_s = app.app.clock.now().unix_s() - NOW;
    let event = Subscription::of(&adas).event("created", "active", "price_gold", now_s);
    let bought = purchase("INITIAL_PURCHASE", bob.id, "1000", "platinum", now_s).to_string();
    proxy.cut();
    signed(&app, event.to_string()).send().await.problem(503, "service_unavailable");
    let answer = trusted(&app, bought.clone()).send().await.problem(503, "service_unavailable");
    assert!(answer.header("retry-after").is_some());
    proxy.mend();
    from_stripe(&app, &event).await;
    trusted(&app, bought).send().await.expect(200);
    assert_eq!((level(&app, &ada).await.as_str(), level(&app, &bob).await.as_str()), ("gold", "platinum"));
}

#[tokio::test]
async fn a_webhook_takes_a_bounded_number_of_round_trips() {
    let (proxy, app) = proxied().await;
    let ((ada, adas), bob) = (customer(&app, "ada").await, app.lifter("bob").await);
    let at_s = app.app.clock.now().unix_s() - NOW;
    let subscription = Subscription::of(&adas);
    // Everything is prepared, and there is a history.
    for second in 0..20 {
        from_stripe(&app, &subscription.event("updated", "active", "price_gold", at_s - 100 + second)).await;
        let bought = purchase("RENEWAL", bob.id, "1000", "gold", at_s - 100 + second);
        super::from_store(&app, &bought).await;
    }
    for (price, tier) in [("price_platinum", "platinum"), ("price_gold", "gold")] {
        let before = proxy.round_trips();
        from_stripe(&app, &subscription.event("updated", "active", price, at_s)).await;
        let after_stripe = proxy.round_trips();
        super::from_store(&app, &purchase("RENEWAL", bob.id, "1000", tier, at_s)).await;
        let after_store = proxy.round_trips();
        let counts = (after_stripe - before, after_store - after_stripe);
        assert!(counts.0 <= 12 && counts.1 <= 12, "{counts:?}");
    }
    // One that came before costs next to nothing.
    let again = subscription.event("updated", "active", "price_gold", at_s);
    from_stripe(&app, &again).await;
    let before = proxy.round_trips();
    from_stripe(&app, &again).await;
    let repeated = proxy.round_trips() - before;
    assert!(repeated <= 5, "{repeated}");
    assert_eq!(level(&app, &ada).await, "platinum"); // of two events of one second the higher tier counts
}
