//! Customers that are made in the background.

use std::time::Duration;

use serde_json::{Value, json};

use super::checkout::wanted;
use super::{CHECKOUT, NOW};
use crate::support::stripe::Mood;
use crate::support::{Lifter, Stripe, TestApp, eventually};

async fn registered(app: &TestApp, name: &str) -> Lifter {
    let body = json!({ "username": name, "email": format!("{name}@example.com"), "password": "correct horse" });
    let user = app.request("POST", "/api/v1/users").json(&body).send().await.expect(201).json();
    let id = user["id"].as_str().unwrap().parse().unwrap();
    Lifter { id, token: app.token(id).await }
}

const LINKED: &str = "select count(*) from users where stripe_customer_id is not null";
const OPEN: &str = "select count(*) from outbox_events where status in ('pending', 'leased')";

#[tokio::test]
async fn registering_makes_a_customer_in_the_background() {
    let stripe = Stripe::start().await;
    let app = TestApp::with_variables(&stripe.variables()).await;
    let ada = registered(&app, "ada").await;
    assert!(stripe.calls().is_empty());
    let payload: Value = app.pg.query_one("select payload from outbox_events", &[]).await.unwrap().get(0);
    assert_eq!(payload, json!({ "user_id": ada.id }));
    let _working = app.work();
    app.settled().await;
    assert_eq!((stripe.made(), app.count(LINKED).await), (1, 1));
    let call = &stripe.calls()[0];
    assert_eq!(
        (call.form["email"].as_str(), &call.form["metadata[user_id]"]),
        ("ada@example.com", &ada.id.to_string())
    );
    app.post_as(&ada, CHECKOUT, wanted()).await.expect(201);
    assert_eq!(stripe.made(), 1);
    // A name that is taken leaves no event.
    let taken = json!({ "username": "ada", "email": "other@example.com", "password": "correct horse" });
    app.request("POST", "/api/v1/users").json(&taken).send().await.problem(400, "username_taken");
    assert_eq!(app.count("select count(*) from outbox_events").await, 1);
}

#[tokio::test]
async fn the_background_and_a_checkout_make_one_customer() {
    let stripe = Stripe::start().await;
    let app = TestApp::with_variables(&stripe.variables()).await;
    stripe.feel([Mood::Slow(Duration::from_millis(300)), Mood::Slow(Duration::from_millis(300))]);
    let ada = registered(&app, "ada").await;
    let _working = app.work();
    app.post_as(&ada, CHECKOUT, wanted()).await.expect(201);
    app.settled().await;
    assert_eq!((stripe.made(), app.count(LINKED).await), (1, 1));
}

#[tokio::test]
async fn whoever_is_gone_or_not_accepted_is_no_work_any_more() {
    let stripe = Stripe::start().await;
    let app = TestApp::with_variables(&stripe.variables()).await;
    registered(&app, "refused").await;
    let ada = registered(&app, "ada").await;
    app.request("DELETE", "/api/v1/users/me").bearer(&ada.token).send().await.expect(204);
    let _working = app.work();
    app.settled().await;
    assert_eq!(
        (stripe.made(), app.count("select count(*) from outbox_events where status = 'completed'").await),
        (0, 2)
    );
    // Without a key there is nothing to be done.
    let app = TestApp::with_variables(&[("STRIPE_SECRET_KEY", "")]).await;
    registered(&app, "ada").await;
    let _working = app.work();
    app.settled().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stripe_that_is_silent_costs_nobody_else_anything() {
    let stripe = Stripe::start().await;
    let app = TestApp::with_clock_and_variables(NOW, &stripe.variables()).await;
    stripe.feel([Mood::Silent; 64]);
    let _working = app.work();
    let mut lifters = Vec::new();
    for number in 0..6 {
        lifters.push(registered(&app, &format!("lifter{number}")).await); // does not wait for Stripe
    }
    eventually("the calls", async || stripe.calls().len() >= 4).await;
    // Every hand for Stripe's work is waiting. Work that is ours goes on.
    let ada = &lifters[0];
    let body = crate::workouts::workout("2026-11-21T08:00:00Z", 45.0);
    app.post_as(ada, crate::workouts::PATH, body).await.expect(201);
    let counted = "select count(*) from outbox_events where topic = 'workout.submitted' and status = 'completed'";
    eventually("the workout is counted", async || app.count(counted).await == 1).await;
    assert_eq!(app.count(LINKED).await, 0);
    assert_eq!(app.count(OPEN).await, 6);
    stripe.recover();
    for _ in 0..40 {
        app.advance_s(60); // pauses between attempts
        if app.count(LINKED).await == 6 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    eventually("the customers", async || app.count(LINKED).await == 6).await;
    assert_eq!(stripe.made(), 6);
}
