//! The ledger explains every level that somebody ever had.

use std::collections::{BTreeMap, BTreeSet};

use repduel_backend::domain::payments::rules::{Source, Statement, Tier, Transfer, level as level_of, standing};
use repduel_backend::domain::payments::sweep;
use repduel_backend::ids::UserId;
use repduel_backend::time::Timestamp;
use serde_json::json;
use uuid::Uuid;

use super::{NOW, Subscription, customer, from_store, from_stripe, level, purchase, transfer};
use crate::support::ledger::Dice;
use crate::support::{Lifter, TestApp};

/// Everybody's level at this time, from what the ledger had by then and from nothing else.
pub async fn rebuilt(app: &TestApp, then: Timestamp) -> BTreeMap<Uuid, Option<Tier>> {
    let mut said: BTreeMap<(String, String), Vec<Statement>> = BTreeMap::new();
    let statements = "select number, source, reference, user_id, event_id, kind, status, tier, happened_at, ends_at
        from entitlement_events where recorded_at <= $1";
    for row in app.pg.query(statements, &[&then]).await.unwrap() {
        said.entry((row.get("source"), row.get("reference"))).or_default().push(Statement {
            number: row.get("number"),
            user: UserId(row.get("user_id")),
            kind: row.get("kind"),
            status: row.get("status"),
            tier: row.get::<_, Option<String>>("tier").as_deref().and_then(Tier::of),
            happened_at: row.get("happened_at"),
            ends_at: row.get("ends_at"),
            event_id: row.get("event_id"),
        });
    }
    let transfers =
        "select from_user, to_user, happened_at, event_id from entitlement_transfers where recorded_at <= $1";
    let transfers: Vec<Transfer> = app
        .pg
        .query(transfers, &[&then])
        .await
        .unwrap()
        .iter()
        .map(|row| Transfer {
            from: UserId(row.get(0)),
            to: row.get::<_, Option<Uuid>>(1).map(UserId),
            happened_at: row.get(2),
            event_id: row.get(3),
        })
        .collect();
    let standings: Vec<_> = said
        .iter()
        .filter_map(|((source, _), statements)| {
            let source = Source::of(source).unwrap();
            standing(source, statements, &transfers)
        })
        .collect();
    let users: BTreeSet<UserId> = standings.iter().filter_map(|standing| standing.owner).collect();
    let of = |user| level_of(standings.iter().filter(|standing| standing.owner == Some(user)), then);
    users.into_iter().map(|user| (user.0, of(user))).collect()
}

/// Everybody's level, as the ledger and the table say.
pub async fn assert_explained(app: &TestApp) {
    let rebuilt = rebuilt(app, app.app.clock.now()).await;
    for row in app.pg.query("select id, subscription_level from users", &[]).await.unwrap() {
        let tier = rebuilt.get(&row.get(0)).copied().flatten();
        assert_eq!(row.get::<_, &str>(1), Tier::level_name(tier));
    }
}

#[tokio::test]
async fn every_level_that_was_shown_follows_from_the_ledger() {
    let app = TestApp::with_clock(NOW).await;
    let _working = app.work();
    let mut dice = Dice::thrown();
    let ((ada, adas), (bob, bobs)) = (customer(&app, "ada").await, customer(&app, "bob").await);
    let lifters: [Lifter; 2] = [ada, bob];
    let subscriptions = [Subscription::of(&adas), Subscription::of(&adas), Subscription::of(&bobs)];
    let mut shown = Vec::new();
    for step in 0..120 {
        let at_s = step - i64::try_from(dice.below(3)).unwrap(); // some come late
        let (subscription, lifter) = (dice.pick(&subscriptions).clone(), dice.pick(&lifters).clone());
        let price = *dice.pick(&["price_gold", "price_platinum"]);
        let tier = *dice.pick(&["gold", "platinum"]);
        let bought = *dice.pick(&["1000", "2000", "3000"]);
        match dice.below(10) {
            0 => drop(from_stripe(&app, &subscription.event("created", "active", price, at_s)).await),
            1 | 2 => drop(from_stripe(&app, &subscription.event("updated", "active", price, at_s)).await),
            3 => drop(from_stripe(&app, &subscription.event("updated", "unpaid", price, at_s)).await),
            4 if step > 90 => drop(from_stripe(&app, &subscription.event("deleted", "canceled", price, at_s)).await),
            5 => drop(from_store(&app, &transfer(lifters[0].id, lifters[1].id, at_s)).await),
            6 => drop(from_store(&app, &transfer(lifters[1].id, lifters[0].id, at_s)).await),
            7 => drop(from_store(&app, &purchase("EXPIRATION", lifter.id, bought, tier, at_s)).await),
            8 => {
                let mut end = purchase("EXPIRATION", lifter.id, bought, tier, at_s);
                end["expiration_at_ms"] = json!((NOW + step + 5) * 1000);
                from_store(&app, &end).await;
            }
            _ => drop(from_store(&app, &purchase("RENEWAL", lifter.id, bought, tier, at_s)).await),
        }
        let then = app.app.clock.now();
        for lifter in &lifters {
            shown.push((then, lifter.id, level(&app, lifter).await));
        }
        app.advance_s(1);
        let due = "select count(*) from outbox_events
            where topic = 'subscription.changed' and status <> 'completed' and available_at <= to_timestamp($1::float8)";
        #[expect(clippy::cast_precision_loss, reason = "seconds of this century")]
        let now = app.app.clock.now().unix_s() as f64;
        crate::support::eventually("the ends that are due", async || {
            app.pg.query_one(due, &[&now]).await.unwrap().get::<_, i64>(0) == 0
        })
        .await;
    }
    assert_explained(&app).await;
    let levels: BTreeSet<&str> = shown.iter().map(|(_, _, level)| level.as_str()).collect();
    assert_eq!(levels.len(), 3, "the history is too dull: {levels:?}");
    for (then, user, level) in &shown {
        let tier = rebuilt(&app, *then).await.get(user).copied().flatten();
        assert_eq!(level, Tier::level_name(tier), "of {user} at {then}");
    }
    // What is stored of each subscription is what its statements come to; nothing else says that it is.
    let unexplained = "select count(*) from entitlements where not exists (
        select 1 from entitlement_events as said where (said.source, said.reference) = (entitlements.source, entitlements.reference))";
    assert_eq!(app.count(unexplained).await, 0);
}

#[tokio::test]
async fn events_are_forgotten_after_ninety_days_and_the_ledger_is_not() {
    let app = TestApp::with_clock(NOW).await;
    let ((ada, adas), bob) = (customer(&app, "ada").await, app.lifter("bob").await);
    let subscription = Subscription::of(&adas);
    let old = [
        subscription.event("created", "active", "price_gold", 0),
        subscription.event("updated", "active", "price_platinum", 1),
        subscription.event("updated", "past_due", "price_gold", 2),
    ];
    for event in &old {
        from_stripe(&app, event).await;
    }
    let bought = purchase("INITIAL_PURCHASE", bob.id, "1000", "platinum", 0);
    from_store(&app, &bought).await;
    app.advance_s(90 * 86_400 - 1);
    from_store(&app, &purchase("RENEWAL", bob.id, "1000", "gold", 90 * 86_400 - 1)).await;
    let ledger = "select count(*) from entitlement_events";
    let known = "select count(*) from webhook_events";
    assert_eq!(sweep(&app.app).await.unwrap(), 0);
    app.advance_s(1);
    let _working = app.work();
    crate::support::eventually("the sweep", async || app.count(known).await == 1).await;
    assert_eq!(app.count(ledger).await, 5);
    let (ada, bob) = (app.renewed(&ada).await, app.renewed(&bob).await);
    // What comes again after that is heard anew, and is as old as it was.
    for event in &old {
        from_stripe(&app, event).await;
    }
    assert_eq!(from_store(&app, &bought).await["detail"], "Event ignored, something newer is known.");
    assert_eq!((level(&app, &ada).await.as_str(), level(&app, &bob).await.as_str()), ("gold", "gold"));
    assert_explained(&app).await;
}

#[tokio::test]
async fn deleting_an_account_deletes_what_it_paid_for() {
    let app = TestApp::with_clock(NOW).await;
    let ((ada, adas), eve) = (customer(&app, "ada").await, app.lifter("eve").await);
    from_stripe(&app, &Subscription::of(&adas).event("created", "active", "price_gold", 0)).await;
    from_store(&app, &purchase("INITIAL_PURCHASE", ada.id, "1000", "gold", 0)).await;
    from_store(&app, &purchase("INITIAL_PURCHASE", eve.id, "2000", "gold", 0)).await;
    app.request("DELETE", "/api/v1/users/me").bearer(&ada.token).send().await.expect(204);
    assert_eq!(app.count("select count(*) from entitlements").await, 1);
    assert_eq!(app.count("select count(*) from entitlement_events").await, 1);
    // What is still told of them is about nobody; what they had is anybody's who buys it.
    let gone = from_store(&app, &purchase("RENEWAL", ada.id, "1000", "gold", 1)).await;
    assert_eq!(gone["detail"], "Event ignored, unknown user.");
    from_store(&app, &purchase("RENEWAL", eve.id, "1000", "platinum", 2)).await;
    assert_eq!(level(&app, &eve).await, "platinum");
}
