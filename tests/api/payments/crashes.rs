//! A server that is killed in the middle of a webhook, and one event that comes many times at once.

use serde_json::json;

use super::ledger::assert_explained;
use super::{NOW, Subscription, customer, from_stripe, level, purchase, signature, signed, trusted};
use crate::support::stripe::{STORE_TOKEN, WEBHOOK_SECRET};
use crate::support::{Request, Served, TestApp, TestDatabase, at_once, eventually};

/// Where in its transaction a webhook stands when the server is killed.
const STEPS: [&str; 6] = [
    "lock table webhook_events in exclusive mode",
    "select from users for update",
    "lock table entitlements in exclusive mode",
    "lock table entitlement_events in exclusive mode",
    "lock table users in exclusive mode",
    "lock table outbox_events in exclusive mode",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_at_any_step_has_answered_nothing_and_done_nothing() {
    let database = TestDatabase::migrated().await;
    let url = database.url();
    let app = TestApp::through(database, &url).await;
    let variables = [
        ("DATABASE_URL", url.as_str()),
        ("STRIPE_WEBHOOK_SECRET", WEBHOOK_SECRET),
        ("REVENUECAT_WEBHOOK_AUTH_TOKEN", STORE_TOKEN),
    ];
    let waiting = "select count(*) from pg_stat_activity
        where datname = current_database() and application_name = 'repduel-backend' and wait_event_type = 'Lock'";
    let busy = "select count(*) from pg_stat_activity
        where datname = current_database() and application_name = 'repduel-backend' and state <> 'idle'";
    let written = "select (select count(*) from webhook_events) + (select count(*) from entitlement_events)
        + (select count(*) from entitlements) + (select count(*) from outbox_events)";
    let at_s = app.app.clock.now().unix_s() - NOW;
    for (number, step) in STEPS.into_iter().enumerate() {
        let (ada, adas) = customer(&app, &format!("ada{number}")).await;
        let before = app.count(written).await;
        let server = Served::start(&variables).await;
        app.pg.batch_execute(&format!("begin; {step}")).await.unwrap();
        let event = Subscription::of(&adas).event("created", "active", "price_gold", at_s).to_string();
        let now_s = app.app.clock.now().unix_s();
        let header = format!("t={now_s},v1={}", signature(WEBHOOK_SECRET, now_s, event.as_bytes()));
        let stripes = server.request("POST", super::STRIPE).header("stripe-signature", &header);
        let stripes = stripes.body("application/json", event.clone());
        let sending = tokio::spawn(async move { stripes.try_send().await });
        eventually("the webhook at this step", async || fresh(&app, waiting).await >= 1).await;
        server.kill().await;
        assert!(sending.await.unwrap().is_err(), "{step}: nothing was answered");
        app.pg.batch_execute("commit").await.unwrap();
        eventually("the end of its session", async || fresh(&app, busy).await == 0).await;
        assert_eq!((app.count(written).await, level(&app, &ada).await.as_str()), (before, "free"), "{step}");
        // Stripe comes again.
        signed(&app, event.clone()).send().await.expect(200);
        assert_eq!(level(&app, &ada).await, "gold");
        let after = app.count(written).await;
        signed(&app, event).send().await.expect(200);
        assert_eq!(app.count(written).await, after);
    }
    assert_explained(&app).await;
}

/// A number out of the server's view of its sessions, which it does not renew within a transaction.
async fn fresh(app: &TestApp, query: &str) -> i64 {
    app.pg.batch_execute("select pg_stat_clear_snapshot()").await.unwrap();
    app.count(query).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_event_that_comes_many_times_at_once_counts_once() {
    let app = TestApp::with_clock(NOW).await;
    let ((ada, adas), bob) = (customer(&app, "ada").await, app.lifter("bob").await);
    let stripes = Subscription::of(&adas).event("created", "active", "price_gold", 0).to_string();
    let stores = json!({ "event": purchase("INITIAL_PURCHASE", bob.id, "1000", "platinum", 0) }).to_string();
    let requests: Vec<Request> =
        (0..6).flat_map(|_| [signed(&app, stripes.clone()), trusted(&app, stores.clone())]).collect();
    let statuses = at_once(requests.into_iter().map(|request| async move { request.send().await.status })).await;
    assert_eq!(statuses, [200; 12]);
    for table in ["webhook_events", "entitlement_events", "entitlements"] {
        assert_eq!(app.count(&format!("select count(*) from {table}")).await, 2, "{table}");
    }
    assert_eq!(app.count("select count(*) from outbox_events where topic = 'subscription.changed'").await, 2);
    assert_eq!((level(&app, &ada).await.as_str(), level(&app, &bob).await.as_str()), ("gold", "platinum"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_of_webhooks_leaves_connections_for_lifters() {
    let app = TestApp::with_variables(&[("DATABASE_POOL_SIZE", "6")]).await;
    let ((ada, adas), bob) = (customer(&app, "ada").await, app.lifter("bob").await);
    let at_s = app.app.clock.now().unix_s() - NOW;
    app.pg.batch_execute("begin; lock table entitlements in exclusive mode").await.unwrap();
    let subscription = Subscription::of(&adas);
    let requests =
        (0..12).map(|_| signed(&app, subscription.event("updated", "active", "price_gold", at_s).to_string()));
    let sending: Vec<_> = requests.map(|request| tokio::spawn(async move { request.send().await.status })).collect();
    let waiting = "select count(*) from pg_locks where not granted";
    eventually("the burst", async || app.count(waiting).await >= 1).await;
    app.post_as(&bob, "/api/v1/guilds", json!({ "name": "Iron Circle" })).await.expect(201);
    app.pg.batch_execute("commit").await.unwrap();
    for status in sending {
        let status = status.await.unwrap();
        assert!(status == 200 || status == 503);
    }
    from_stripe(&app, &subscription.event("updated", "active", "price_platinum", at_s + 1)).await;
    assert_eq!(level(&app, &ada).await, "platinum");
}
