//! Pages to pay on and to manage a subscription on.

use std::time::Duration;

use serde_json::{Value, json};

use super::{CHECKOUT, NOW, PORTAL, Subscription, customer, from_stripe, level};
use crate::support::stripe::{Mood, Place};
use crate::support::{Lifter, Stripe, TestApp, at_once};

pub fn wanted() -> Value {
    json!({ "price_id": "price_gold", "success_url": "https://www.repduel.com/ok?a=1&b=é", "cancel_url": "repduel://no" })
}

async fn linked(app: &TestApp, lifter: &Lifter) -> Option<String> {
    let row = app.pg.query_one("select stripe_customer_id from users where id = $1", &[&lifter.id]).await.unwrap();
    row.get(0)
}

#[tokio::test]
async fn a_checkout_makes_the_customer_on_first_need() {
    let stripe = Stripe::start().await;
    let app = TestApp::with_clock_and_variables(NOW, &stripe.variables()).await;
    let ada = app.lifter("ada").await;
    let answer = app.post_as(&ada, CHECKOUT, wanted()).await.expect(201).json();
    assert_eq!(answer, json!({ "checkout_url": "https://checkout.stripe.com/c/pay/cs_1" }));
    let again = app.post_as(&ada, CHECKOUT, wanted()).await.expect(201).json();
    assert_eq!(again, json!({ "checkout_url": "https://checkout.stripe.com/c/pay/cs_2" }));

    let calls = stripe.calls();
    let paths: Vec<&str> = calls.iter().map(|call| call.path.as_str()).collect();
    assert_eq!(paths, ["/v1/customers", "/v1/checkout/sessions", "/v1/checkout/sessions"]);
    assert_eq!((stripe.made(), linked(&app, &ada).await.as_deref()), (1, Some("cus_made_0")));
    let form = &calls[1].form;
    let user = ada.id.to_string();
    for (name, value) in [
        ("mode", "subscription"),
        ("customer", "cus_made_0"),
        ("client_reference_id", &user),
        ("metadata[user_id]", &user),
        ("line_items[0][price]", "price_gold"),
        ("line_items[0][quantity]", "1"),
        ("success_url", "https://www.repduel.com/ok?a=1&b=é"),
        ("cancel_url", "repduel://no"),
    ] {
        assert_eq!(form[name], value, "{name}");
    }
    assert_eq!(calls[0].form["email"], "ada@example.com");
    // Two pages are two requests: neither has the other's key.
    assert_ne!(calls[1].key(), calls[2].key());

    // The lifter pays; the app sees it at its next look.
    let subscription = Subscription::of("cus_made_0");
    from_stripe(&app, &subscription.checkout("price_gold", 0)).await;
    assert_eq!(level(&app, &ada).await, "gold");
}

#[tokio::test]
async fn a_portal_is_for_customers() {
    let stripe = Stripe::start().await;
    let variables = [stripe.variables().as_slice(), &[("APP_URL", "https://www.repduel.com/")]].concat();
    let app = TestApp::with_variables(&variables).await;
    let (ada, customer) = customer(&app, "ada").await;
    stripe.knows(&customer);
    let eve = app.lifter("eve").await;
    let stranger = app.request("POST", PORTAL).bearer(&eve.token).send().await.problem(404, "not_found");
    assert_eq!(stranger.detail(), "There is no subscription to manage");
    // A phone says that it sends JSON, and sends nothing.
    let request = app.request("POST", PORTAL).bearer(&ada.token).header("content-type", "application/json");
    let answer = request.send().await.expect(201).json();
    assert_eq!(answer, json!({ "portal_url": "https://billing.stripe.com/p/session/0" }));
    let calls = stripe.calls();
    let form = &calls[0].form;
    assert_eq!(
        (form["customer"].as_str(), form["return_url"].as_str()),
        (customer.as_str(), "https://www.repduel.com/profile")
    );
}

#[tokio::test]
async fn what_stripe_does_not_accept_is_told_by_its_field() {
    let stripe = Stripe::start().await;
    let app = TestApp::with_variables(&stripe.variables()).await;
    let ada = app.lifter("ada").await;
    for field in ["price_id", "success_url", "cancel_url"] {
        let mut body = wanted();
        body[field] = json!("nonsense-cuckoo");
        let answer = app.post_as(&ada, CHECKOUT, body).await.invalid(&[&format!("/{field}")]);
        assert!(!String::from_utf8_lossy(&answer.body).contains("cuckoo"));
        for misfit in [json!(""), json!("x".repeat(2049)), json!(7), json!(null), json!("a\0b")] {
            let mut body = wanted();
            body[field] = misfit;
            app.post_as(&ada, CHECKOUT, body).await.invalid(&[&format!("/{field}")]);
        }
    }
    // Whose address it does not take is its own trouble.
    let refused = app.lifter("refused").await;
    app.post_as(&refused, CHECKOUT, wanted()).await.problem(502, "payment_provider_error");
    assert_eq!(linked(&app, &refused).await, None);
    stripe.calls();
}

#[tokio::test]
async fn a_customer_who_was_deleted_over_there_is_made_anew_once() {
    let stripe = Stripe::start().await;
    let app = TestApp::with_clock_and_variables(NOW, &stripe.variables()).await;
    let ada = app.lifter("ada").await;
    app.post_as(&ada, CHECKOUT, wanted()).await.expect(201);
    assert_eq!(linked(&app, &ada).await.as_deref(), Some("cus_made_0"));
    let paid = Subscription::of("cus_made_0");
    from_stripe(&app, &paid.event("created", "active", "price_platinum", 0)).await;
    stripe.forgets("cus_made_0");
    let portal = app.request("POST", PORTAL).bearer(&ada.token);
    portal.clone().send().await.problem(404, "not_found");
    // The answer about the new customer is lost; who comes again under the same key goes on with that one.
    let request = app.request("POST", CHECKOUT).bearer(&ada.token).json(&wanted()).header("idempotency-key", "one");
    let cut = [Mood::Cut(Place::Done); 3];
    stripe.feel([Mood::Slow(Duration::ZERO), Mood::Slow(Duration::ZERO)].into_iter().chain(cut));
    request.clone().send().await.problem(503, "payments_unavailable");
    let other = linked(&app, &ada).await.unwrap();
    assert_ne!(other, "cus_made_0");
    request.send().await.expect(201);
    portal.send().await.expect(201);
    let calls = stripe.calls();
    assert_eq!((stripe.made(), calls.last().unwrap().form["customer"].as_str()), (2, other.as_str()));

    // What the one who is gone had paid for ends all the same, and what the new one pays for counts.
    assert_eq!(level(&app, &ada).await, "platinum");
    from_stripe(&app, &paid.event("deleted", "canceled", "price_platinum", 1)).await;
    assert_eq!(level(&app, &ada).await, "free");
    from_stripe(&app, &Subscription::of("cus_made_0").event("created", "active", "price_gold", 2)).await;
    assert_eq!(level(&app, &ada).await, "free");
    from_stripe(&app, &Subscription::of(&other).event("created", "active", "price_gold", 2)).await;
    assert_eq!(level(&app, &ada).await, "gold");
    // A subscription that the earlier server alone knows of ends as well.
    let link = "update users set stripe_subscription_id = 'sub_earlier', subscription_level = 'platinum' where id = $1";
    app.pg.execute(link, &[&ada.id]).await.unwrap();
    let earlier = Subscription { id: "sub_earlier".to_owned(), customer: "cus_made_0".to_owned() };
    from_stripe(&app, &earlier.event("deleted", "canceled", "price_platinum", 3)).await;
    assert_eq!(level(&app, &ada).await, "gold");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn checkouts_at_once_for_a_deleted_customer_make_one_other() {
    let stripe = Stripe::start().await;
    let app = TestApp::with_variables(&stripe.variables()).await;
    let (ada, _) = customer(&app, "ada").await; // whom Stripe does not know
    let request = app.request("POST", CHECKOUT).bearer(&ada.token).json(&wanted());
    let answers = at_once((0..8).map(|_| {
        let request = request.clone();
        async move { request.send().await.status }
    }));
    assert_eq!(answers.await, [201; 8]);
    assert_eq!(stripe.made(), 1);
}

#[tokio::test]
async fn a_stripe_that_denies_every_customer_makes_one_and_no_more() {
    let stripe = Stripe::start().await;
    let app = TestApp::with_variables(&stripe.variables()).await;
    let (ada, _) = customer(&app, "ada").await;
    stripe.denies_customers();
    app.post_as(&ada, CHECKOUT, wanted()).await.problem(502, "payment_provider_error");
    let paths: Vec<String> = stripe.calls().into_iter().map(|call| call.path).collect();
    assert_eq!(paths, ["/v1/checkout/sessions", "/v1/customers", "/v1/checkout/sessions"]);
}

#[tokio::test]
async fn a_checkout_is_for_those_who_are_there() {
    let stripe = Stripe::start().await;
    let app = TestApp::with_variables(&stripe.variables()).await;
    let (ada, bob) = (app.lifter("ada").await, app.lifter("bob").await);
    app.pg.execute("delete from users where id = $1", &[&ada.id]).await.unwrap();
    app.pg.execute("update users set is_active = false where id = $1", &[&bob.id]).await.unwrap();
    for gone in [ada, bob] {
        app.post_as(&gone, CHECKOUT, wanted()).await.unauthorized();
        app.request("POST", PORTAL).bearer(&gone.token).send().await.unauthorized();
    }
    assert!(stripe.calls().is_empty());
    let closed = TestApp::with_variables(&[("STRIPE_SECRET_KEY", "")]).await;
    let (carl, _) = customer(&closed, "carl").await;
    closed.post_as(&carl, CHECKOUT, wanted()).await.problem(503, "payments_unavailable");
    closed.request("POST", PORTAL).bearer(&carl.token).send().await.problem(503, "payments_unavailable");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn checkouts_at_once_make_one_customer() {
    let stripe = Stripe::start().await;
    let app = TestApp::with_variables(&stripe.variables()).await;
    let ada = app.lifter("ada").await;
    let request = app.request("POST", CHECKOUT).bearer(&ada.token).json(&wanted());
    let answers = at_once((0..8).map(|_| {
        let request = request.clone();
        async move { request.send().await.status }
    }));
    assert_eq!(answers.await, [201; 8]);
    assert_eq!((stripe.made(), linked(&app, &ada).await.as_deref()), (1, Some("cus_made_0")));
    let sessions = stripe.calls().into_iter().filter(|call| call.path == "/v1/checkout/sessions");
    assert!(sessions.map(|call| call.form["customer"].clone()).all(|customer| customer == "cus_made_0"));
}

#[tokio::test]
async fn a_customer_of_somebody_else_is_nobodys_twice() {
    let stripe = Stripe::start().await;
    let app = TestApp::with_variables(&stripe.variables()).await;
    let (ada, eve) = (app.lifter("ada").await, app.lifter("eve").await);
    // Whatever went wrong over there: this id is taken.
    app.pg.execute("update users set stripe_customer_id = 'cus_made_0' where id = $1", &[&eve.id]).await.unwrap();
    app.post_as(&ada, CHECKOUT, wanted()).await.problem(502, "payment_provider_error");
    assert_eq!((linked(&app, &ada).await, linked(&app, &eve).await.as_deref()), (None, Some("cus_made_0")));
}

#[tokio::test]
async fn the_trace_goes_on_to_stripe() {
    let stripe = Stripe::start().await;
    let app = TestApp::with_variables(&stripe.variables()).await;
    let ada = app.lifter("ada").await;
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let request = app.request("POST", CHECKOUT).bearer(&ada.token).json(&wanted());
    request.clone().header("traceparent", trace).send().await.expect(201);
    // Without one, or with something else, the request has a trace of its own.
    request.header("traceparent", "00-nonsense").send().await.expect(201);
    let traces: Vec<String> = stripe.calls().iter().map(|call| call.headers["traceparent"].clone()).collect();
    assert_eq!(traces[..2], [trace, trace]);
    assert!(traces.len() == 3 && traces[2].starts_with("00-") && traces[2] != trace, "{traces:?}");
}

#[tokio::test]
async fn a_key_makes_one_page() {
    let stripe = Stripe::start().await;
    let app = TestApp::with_variables(&stripe.variables()).await;
    let ada = app.lifter("ada").await;
    let request =
        |body: &Value| app.request("POST", CHECKOUT).bearer(&ada.token).json(body).header("idempotency-key", "one");
    // An answer that was lost on the way from Stripe, and again on the way to the app.
    stripe.feel([Mood::Slow(Duration::ZERO), Mood::Cut(Place::Done), Mood::Cut(Place::Done), Mood::Cut(Place::Done)]);
    request(&wanted()).send().await.problem(503, "payments_unavailable");
    let first = request(&wanted()).send().await.expect(201);
    let again = request(&wanted()).send().await.expect(201);
    assert_eq!((first.json(), again.header("idempotency-replayed")), (again.json(), Some("true")));
    let pages: Vec<_> = stripe.calls().into_iter().filter(|call| call.path == "/v1/checkout/sessions").collect();
    assert!(pages.len() == 4 && pages.iter().all(|call| call.key() == pages[0].key()));
    let mut other = wanted();
    other["price_id"] = json!("price_platinum");
    request(&other).send().await.expect(409);
    assert_eq!(stripe.calls().len(), 5);
}

#[tokio::test]
async fn a_key_that_two_requests_take_at_once_stands_for_one_of_them() {
    let stripe = Stripe::start().await;
    let app = TestApp::with_variables(&stripe.variables()).await;
    let ada = app.lifter("ada").await;
    app.post_as(&ada, CHECKOUT, wanted()).await.expect(201); // makes the customer
    let mut other = wanted();
    other["price_id"] = json!("price_platinum");
    let request =
        |body: &Value| app.request("POST", CHECKOUT).bearer(&ada.token).json(body).header("idempotency-key", "one");
    let slow = Mood::Slow(Duration::from_millis(500));
    stripe.feel([slow, slow]);
    let requests = [request(&wanted()), request(&other)];
    let answers = at_once(requests.clone().map(|request| async move { request.send().await })).await;
    let mut told: Vec<_> = answers.iter().zip(requests).collect();
    told.sort_by_key(|(answer, _)| answer.status);
    let [(made, first), (refused, second)] = <[_; 2]>::try_from(told).ok().unwrap();
    assert_eq!((made.status, refused.status), (201, 409), "{answers:?}");
    assert!(matches!(refused.error_code().as_str(), "idempotency_key_reused" | "idempotency_key_in_use"));
    assert_eq!(first.send().await.expect(201).json(), made.json(), "what was answered stays so");
    second.send().await.problem(409, "idempotency_key_reused");
}
