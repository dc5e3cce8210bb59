//! Nobody's money is anybody's reading: what logs and tables do not hold.

use serde_json::json;

use super::checkout::wanted;
use super::{CHECKOUT, NOW, Subscription, customer, from_store, from_stripe, purchase, signed};
use crate::support::logs;
use crate::support::stripe::{CARD, KEY, Mood, RECEIPT, STORE_TOKEN, WEBHOOK_SECRET};
use crate::support::{Served, Stripe, TestApp, TestDatabase};

#[test]
fn what_no_line_may_hold_is_found() {
    for line in [
        format!("{{\"error\":\"{KEY}\"}}"),
        format!("secret={WEBHOOK_SECRET}"),
        STORE_TOKEN.to_lowercase(),
        format!("card {CARD}"),
        RECEIPT.to_owned(),
        "Key (email)=(Ada@Example.com) already exists.".to_owned(),
    ] {
        assert!(logs::found(&line).is_some(), "{line}");
    }
    assert_eq!(logs::found("heard from Stripe event=evt_1"), None);
}

#[tokio::test]
async fn every_line_of_this_suite_is_looked_at() {
    let app = TestApp::start().await;
    let before = logs::seen();
    app.get("/health").await.expect(200);
    crate::support::eventually("the request's line", async || logs::seen() > before).await;
}

/// A life with everything in it that is nobody's business, also what goes wrong.
#[tokio::test]
async fn neither_logs_nor_tables_hold_what_somebody_paid_with() {
    let stripe = Stripe::start().await;
    let app = TestApp::with_clock_and_variables(NOW, &stripe.variables()).await;
    let (ada, adas) = customer(&app, "ada").await;
    let mut told = Subscription::of(&adas).checkout("price_gold", 0);
    told["data"]["object"]["payment_method_details"] = json!({ "card": { "number": CARD } });
    from_stripe(&app, &told).await;
    from_stripe(&app, &Subscription::of(&adas).failure(0)).await;
    from_store(&app, &purchase("INITIAL_PURCHASE", ada.id, "1000", "gold", 0)).await;
    let bob = app.lifter("bob").await;
    stripe.feel([Mood::Status(400)]);
    app.post_as(&bob, CHECKOUT, wanted()).await.expect(502);
    stripe.feel([Mood::Status(500); 3]);
    app.post_as(&bob, CHECKOUT, wanted()).await.expect(503);
    app.pg.batch_execute("alter table entitlement_events add constraint odd check (kind <> 'RENEWAL')").await.unwrap();
    let broken = json!({ "event": purchase("RENEWAL", ada.id, "1000", "gold", 1) });
    super::trusted(&app, broken.to_string()).send().await.expect(500);
    signed(&app, format!("{{\"card\": {CARD}}}")).send().await.expect(400);
    for table in ["webhook_events", "entitlements", "entitlement_events", "entitlement_transfers", "outbox_events"] {
        for row in app.pg.query(&format!("select t::text from {table} as t"), &[]).await.unwrap() {
            let line: &str = row.get(0);
            assert_eq!(logs::found(line), None, "{line}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_programs_own_lines_are_quiet_as_well() {
    let stripe = Stripe::start().await;
    let database = TestDatabase::migrated().await;
    let url = database.url();
    let app = TestApp::through(database, &url).await;
    let rest = [
        ("DATABASE_URL", url.as_str()),
        ("STRIPE_SECRET_KEY", KEY),
        ("STRIPE_WEBHOOK_SECRET", WEBHOOK_SECRET),
        ("LOG_LEVEL", "trace"),
    ];
    let server = Served::start(&[stripe.variables().as_slice(), &rest].concat()).await;
    stripe.feel([Mood::Status(400)]);
    let bob = app.lifter("bob").await;
    server.request("POST", CHECKOUT).bearer(&bob.token).json(&wanted()).send().await.expect(502);
    crate::support::eventually("the failure's line", async || server.said().contains("Stripe answered 400")).await;
    assert_eq!(logs::found(&server.said()), None);
    server.kill().await;
    // A file of authorities that is none keeps it from starting, and says so.
    let bad = [("DATABASE_URL", url.as_str()), ("OUTBOUND_ROOT_CERT", "/dev/null")];
    let ended = crate::support::program::run("serve", &bad).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("OUTBOUND_ROOT_CERT cannot be used: it holds no certificate"), "{}", ended.stderr);
}
