//! RevenueCat's webhooks.

use serde_json::{Value, json};

use super::{NOW, STORE, fresh, from_store, level, purchase, transfer, trusted};
use crate::support::app::SECRET;
use crate::support::stripe::STORE_TOKEN;
use crate::support::{Lifter, TestApp, eventually};

async fn rows(app: &TestApp) -> i64 {
    let count = "select (select count(*) from webhook_events) + (select count(*) from entitlement_events)
        + (select count(*) from entitlement_transfers)";
    app.count(count).await
}

async fn transaction(app: &TestApp, lifter: &Lifter) -> Value {
    app.get_as(lifter, "/api/v1/users/me").await.expect(200).json()["original_transaction_id"].clone()
}

#[tokio::test]
async fn only_who_knows_the_token_is_heard() {
    let app = TestApp::with_clock(NOW).await;
    let ada = app.lifter("ada").await;
    let body = json!({ "event": purchase("INITIAL_PURCHASE", ada.id, "1000", "gold", 0) });
    let token = STORE_TOKEN;
    for given in ["", "Bearer", &token[1..], &token[..token.len() - 1], &format!("{token}x"), &token.to_uppercase()] {
        let request = app.request("POST", STORE).header("authorization", given).json(&body);
        request.send().await.problem(401, "invalid_token");
    }
    app.request("POST", STORE).json(&body).send().await.problem(401, "invalid_token");
    app.request("POST", STORE).bearer(&ada.token).json(&body).send().await.problem(401, "invalid_token");
    // A stranger's body is not read, however long it is.
    app.request("POST", STORE).body("application/json", vec![b' '; 1 << 20]).send().await.problem(401, "invalid_token");
    let twice = app.request("POST", STORE).header("authorization", token).header("authorization", token);
    twice.json(&body).send().await.problem(401, "invalid_token");
    assert_eq!((rows(&app).await, level(&app, &ada).await.as_str()), (0, "free"));
    let answer = from_store(&app, &body["event"]).await;
    assert_eq!(answer, json!({ "status": "ok", "detail": "Event applied." }));
    assert_eq!(level(&app, &ada).await, "gold");
}

#[tokio::test]
async fn bodies_that_are_no_json_are_refused() {
    let app = TestApp::with_clock(NOW).await;
    let deep = format!("{{\"event\":{}1{}}}", "[".repeat(60_000), "]".repeat(60_000));
    for body in [b"".to_vec(), b"{".to_vec(), b"[]".to_vec(), b"7".to_vec(), vec![b'"', 0xff, b'"'], deep.into_bytes()]
    {
        trusted(&app, body).send().await.problem(400, "bad_request");
    }
    trusted(&app, vec![b' '; 256 * 1024 + 1]).send().await.problem(413, "payload_too_large");
}

#[tokio::test]
async fn events_that_concern_nobody_are_ignored() {
    let app = TestApp::with_clock(NOW).await;
    let ada = app.lifter("ada").await;
    let mut stranger = purchase("INITIAL_PURCHASE", uuid::Uuid::new_v4(), "1000", "gold", 0);
    let unnamed = json!({ "status": "ignored", "detail": "Event ignored, no user ID." });
    for event in [json!({}), json!({ "type": "RENEWAL" }), json!({ "type": "RENEWAL", "app_user_id": "" })] {
        assert_eq!(from_store(&app, &event).await, unnamed);
    }
    assert_eq!(trusted(&app, "{}").send().await.expect(200).json(), unnamed);
    assert_eq!(from_store(&app, &stranger).await["detail"], "Event ignored, unknown user.");
    stranger["app_user_id"] = json!("$RCAnonymousID:0123");
    assert_eq!(from_store(&app, &stranger).await["status"], "ignored");
    let nobody = transfer(uuid::Uuid::new_v4(), ada.id, 0);
    assert_eq!(from_store(&app, &nobody).await["detail"], "Event ignored, unknown user.");
    for kind in ["TEST", "CANCELLATION", "BILLING_ISSUE"] {
        let answer = from_store(&app, &purchase(kind, ada.id, "1000", "gold", 0)).await;
        assert_eq!(answer, json!({ "status": "ok", "detail": "Event changes nothing." }), "{kind}");
    }
    assert_eq!((rows(&app).await, level(&app, &ada).await.as_str()), (0, "free"));
}

#[tokio::test]
async fn a_purchase_goes_through_its_life() {
    let app = TestApp::with_clock(NOW).await;
    let ada = app.lifter("ada").await;
    let event = |kind: &str, tier: &str, at_s| purchase(kind, ada.id, "1000", tier, at_s);
    let life = [
        (event("INITIAL_PURCHASE", "gold", -90), "gold"),
        (event("RENEWAL", "gold", -80), "gold"),
        (event("PRODUCT_CHANGE", "platinum", -70), "platinum"),
        (event("BILLING_ISSUE", "platinum", -60), "platinum"),
        (event("CANCELLATION", "platinum", -50), "platinum"),
        (event("UNCANCELLATION", "platinum", -40), "platinum"),
        (event("EXPIRATION", "platinum", -30), "free"),
        (event("RENEWAL", "gold", -20), "gold"),
        (event("RENEWAL", "platinum", -25), "gold"), // older than what is known
        (event("OF_NEXT_YEAR", "platinum", -10), "platinum"),
    ];
    for (step, (event, then)) in life.iter().enumerate() {
        let answer = from_store(&app, event).await;
        assert_eq!(level(&app, &ada).await, *then, "step {step}");
        let is_older = step == 8;
        assert_eq!(answer["status"], if is_older { "ignored" } else { "ok" }, "step {step}: {answer}");
        assert_eq!(transaction(&app, &ada).await, "1000");
    }
    let again = from_store(&app, &life[9].0).await;
    assert_eq!(again, json!({ "status": "ok", "detail": "Event was applied before." }));
}

#[tokio::test]
async fn a_purchase_of_somebody_else_is_theirs_until_it_is_transferred() {
    let app = TestApp::with_clock(NOW).await;
    let (ada, eve) = (app.lifter("ada").await, app.lifter("eve").await);
    from_store(&app, &purchase("INITIAL_PURCHASE", ada.id, "1000", "gold", 0)).await;
    let claimed = from_store(&app, &purchase("RENEWAL", eve.id, "1000", "platinum", 1)).await;
    assert_eq!(claimed, json!({ "status": "ignored", "detail": "Event ignored, another user has this purchase." }));
    assert_eq!((level(&app, &ada).await.as_str(), level(&app, &eve).await.as_str()), ("gold", "free"));
    // Somebody whom the earlier server knew to have a purchase has it as well.
    let (bob, link) = (app.lifter("bob").await, "update users set original_transaction_id = '2000' where id = $1");
    app.pg.execute(link, &[&bob.id]).await.unwrap();
    assert_eq!(from_store(&app, &purchase("RENEWAL", eve.id, "2000", "gold", 1)).await["status"], "ignored");
    from_store(&app, &purchase("RENEWAL", bob.id, "2000", "gold", 2)).await;
    assert_eq!((level(&app, &bob).await.as_str(), level(&app, &eve).await.as_str()), ("gold", "free"));

    assert_eq!(from_store(&app, &transfer(ada.id, eve.id, 3)).await["status"], "ok");
    assert_eq!((level(&app, &ada).await.as_str(), level(&app, &eve).await.as_str()), ("free", "gold"));
    assert_eq!((transaction(&app, &ada).await, transaction(&app, &eve).await), (Value::Null, json!("1000")));
    from_store(&app, &purchase("RENEWAL", eve.id, "1000", "platinum", 4)).await;
    from_store(&app, &purchase("RENEWAL", ada.id, "1000", "gold", 5)).await;
    assert_eq!((level(&app, &ada).await.as_str(), level(&app, &eve).await.as_str()), ("free", "platinum"));
    // And back again, to where there is no account.
    from_store(&app, &transfer(eve.id, ada.id, 6)).await;
    assert_eq!((level(&app, &ada).await.as_str(), level(&app, &eve).await.as_str()), ("platinum", "free"));
    from_store(&app, &transfer(ada.id, uuid::Uuid::new_v4(), 7)).await;
    assert_eq!((level(&app, &ada).await.as_str(), level(&app, &eve).await.as_str()), ("free", "free"));
}

#[tokio::test]
async fn sandboxes_count_outside_of_production_or_if_that_is_wanted() {
    for (variables, then) in [
        (&[][..], "gold"),
        (&[("APP_ENV", "production")][..], "free"),
        (&[("APP_ENV", "production"), ("REVENUECAT_SANDBOX", "true")][..], "gold"),
    ] {
        let strict = ("ADMIN_API_TOKEN", SECRET); // production wants long ones
        let variables: Vec<_> = variables.iter().copied().chain([strict]).collect();
        let app = TestApp::with_clock_and_variables(NOW, &variables).await;
        let ada = app.lifter("ada").await;
        let mut event = purchase("INITIAL_PURCHASE", ada.id, "1000", "gold", 0);
        event["environment"] = json!("SANDBOX");
        let answer = from_store(&app, &event).await;
        assert_eq!((level(&app, &ada).await.as_str(), answer["status"] == "ok"), (then, then == "gold"));
    }
}

#[tokio::test]
async fn the_user_is_found_under_any_of_their_names() {
    let app = TestApp::with_clock(NOW).await;
    let ada = app.lifter("ada").await;
    let mut event = purchase("INITIAL_PURCHASE", ada.id, "1000", "gold", 0);
    event["app_user_id"] = json!("$RCAnonymousID:0123");
    event["aliases"] = json!(["$RCAnonymousID:0123", uuid::Uuid::new_v4(), ada.id]);
    event["original_app_user_id"] = json!("$RCAnonymousID:0123");
    from_store(&app, &event).await;
    assert_eq!(level(&app, &ada).await, "gold");
    // Without a transaction there is one purchase of a user, which leaves the link alone.
    let eve = app.lifter("eve").await;
    let mut event = purchase("INITIAL_PURCHASE", eve.id, "", "gold", 0);
    from_store(&app, &event).await;
    assert_eq!((level(&app, &eve).await, transaction(&app, &eve).await), ("gold".to_owned(), Value::Null));
    event = purchase("EXPIRATION", eve.id, "", "gold", 1);
    event["expiration_at_ms"] = json!(null);
    from_store(&app, &event).await;
    assert_eq!(level(&app, &eve).await, "free");
}

#[tokio::test]
async fn an_expiration_that_is_still_to_come_ends_by_time_alone() {
    let app = TestApp::with_clock(NOW).await;
    let _working = app.work();
    let (ada, bob) = (app.lifter("ada").await, app.lifter("bob").await);
    for (lifter, transaction) in [(&ada, "1000"), (&bob, "2000")] {
        from_store(&app, &purchase("INITIAL_PURCHASE", lifter.id, transaction, "gold", -10)).await;
        let mut end = purchase("EXPIRATION", lifter.id, transaction, "gold", 0);
        end["expiration_at_ms"] = json!((NOW + 3600) * 1000);
        assert_eq!(from_store(&app, &end).await["status"], "ok");
        assert_eq!(level(&app, lifter).await, "gold");
    }
    app.advance_s(3599);
    let (ada, bob) = (app.renewed(&ada).await, app.renewed(&bob).await);
    assert_eq!(level(&app, &ada).await, "gold");
    // One of them pays again before it is over.
    from_store(&app, &purchase("RENEWAL", bob.id, "2000", "gold", 3599)).await;
    app.advance_s(1);
    eventually("the end", async || level(&app, &ada).await == "free").await;
    app.settled().await;
    assert_eq!(level(&app, &bob).await, "gold");
    let active = "select count(*) from entitlements where active";
    assert_eq!(app.count(active).await, 1);
}

#[tokio::test]
async fn an_end_is_everybodys_who_has_the_purchase_then() {
    let app = TestApp::with_clock(NOW).await;
    let _working = app.work();
    let (ada, eve) = (app.lifter("ada").await, app.lifter("eve").await);
    let mut end = purchase("EXPIRATION", ada.id, "1000", "gold", 0);
    end["expiration_at_ms"] = json!((NOW + 60) * 1000);
    from_store(&app, &end).await;
    from_store(&app, &transfer(ada.id, eve.id, 1)).await;
    assert_eq!((level(&app, &ada).await.as_str(), level(&app, &eve).await.as_str()), ("free", "gold"));
    app.advance_s(60);
    eventually("the end", async || level(&app, &eve).await == "free").await;
}

#[tokio::test]
async fn what_one_buys_twice_ends_twice() {
    let app = TestApp::with_clock(NOW).await;
    let ada = app.lifter("ada").await;
    let (one, other) = (fresh("one"), fresh("other"));
    from_store(&app, &purchase("INITIAL_PURCHASE", ada.id, &one, "gold", 0)).await;
    from_store(&app, &purchase("INITIAL_PURCHASE", ada.id, &other, "platinum", 1)).await;
    assert_eq!((level(&app, &ada).await, transaction(&app, &ada).await), ("platinum".to_owned(), json!(other)));
    from_store(&app, &purchase("EXPIRATION", ada.id, &other, "platinum", -1)).await; // of the past, older
    assert_eq!(level(&app, &ada).await, "platinum");
    let mut end = purchase("EXPIRATION", ada.id, &other, "platinum", 2);
    end["expiration_at_ms"] = json!(NOW * 1000 - 1);
    from_store(&app, &end).await;
    assert_eq!((level(&app, &ada).await, transaction(&app, &ada).await), ("gold".to_owned(), json!(one)));
}
