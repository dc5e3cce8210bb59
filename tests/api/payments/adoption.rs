//! Levels that lifters pay for when this server takes over: nobody loses one, and each ends when its source says so.

use tokio_postgres::Client;

use super::ledger::assert_explained;
use super::{NOW, Subscription, from_store, from_stripe, level, purchase};
use crate::migrations::{legacy, lines, migrate, serve};
use crate::support::{Lifter, TestApp};

/// Name, level, customer, subscription, transaction.
const PAYING: &str = "
    insert into users (id, username, email, hashed_password, subscription_level, stripe_customer_id, stripe_subscription_id,
      original_transaction_id)
    values
      (gen_random_uuid(), 'by_stripe', 'a@example.com', 'x', 'gold', 'cus_a', 'sub_a', null),
      (gen_random_uuid(), 'by_store', 'b@example.com', 'x', 'platinum', 'cus_b', null, '1000'),
      (gen_random_uuid(), 'by_both', 'c@example.com', 'x', 'platinum', 'cus_c', 'sub_c', '2000'),
      (gen_random_uuid(), 'by_nobody', 'd@example.com', 'x', 'gold', 'cus_d', null, null),
      (gen_random_uuid(), 'given', 'e@example.com', 'x', 'platinum', 'cus_e', null, ''),
      (gen_random_uuid(), 'lifetime', 'f@example.com', 'x', 'lifetime', 'cus_f', null, null),
      (gen_random_uuid(), 'lapsed', 'g@example.com', 'x', 'free', 'cus_g', 'sub_g', '3000')";

const HELD: &str = "
    select concat_ws(' ', username, source, case source when 'legacy' then 'user' else reference end, tier, active)
    from entitlements join users on users.id = user_id order by 1";

async fn lifter(app: &TestApp, name: &str) -> Lifter {
    let row = app.pg.query_one("select id from users where username = $1", &[&name]).await.unwrap();
    let id = row.get(0);
    Lifter { id, token: app.token(id).await }
}

async fn users(client: &Client) -> Vec<String> {
    lines(client, "select users::text from users order by username").await
}

async fn taken_over() -> TestApp {
    let (database, client) = legacy().await;
    client.batch_execute(PAYING).await.unwrap();
    let before = users(&client).await;
    migrate(&database).await;
    migrate(&database).await; // again: nothing more
    let after = lines(&client, "select subscription_level from users order by username").await;
    assert_eq!(after, ["platinum", "gold", "platinum", "gold", "platinum", "free", "lifetime"]);
    assert_eq!(before.len(), after.len());
    let app = serve(database).await;
    app.pg.batch_execute("update users set is_active = true").await.unwrap();
    app
}

#[tokio::test]
async fn paid_levels_survive_the_switch_and_are_accounted_for() {
    let app = taken_over().await;
    let held = [
        "by_both stripe sub_c platinum t",
        "by_nobody legacy user gold t",
        "by_store revenuecat 1000 platinum t",
        "by_stripe stripe sub_a gold t",
        "given legacy user platinum t",
    ];
    assert_eq!(lines(&app.pg, HELD).await, held);
    assert_eq!(app.count("select count(*) from entitlement_events where kind = 'adopted'").await, 5);
    // Whoever has a level that is none of ours keeps the word.
    app.pg.batch_execute("update users set subscription_level = 'free' where username = 'lifetime'").await.unwrap();
    assert_explained(&app).await;
}

#[tokio::test]
async fn adopted_levels_end_when_their_source_says_so() {
    let app = taken_over().await;
    let at_s = app.app.clock.now().unix_s() - NOW;
    let (stripes, stores) = (lifter(&app, "by_stripe").await, lifter(&app, "by_store").await);
    let subscription = |id: &str, customer: &str| Subscription { id: id.to_owned(), customer: customer.to_owned() };
    // The source's own word counts, even if it was said before the switch and came late.
    from_stripe(&app, &subscription("sub_a", "cus_a").event("updated", "active", "price_gold", at_s - 9000)).await;
    assert_eq!(level(&app, &stripes).await, "gold");
    from_stripe(&app, &subscription("sub_a", "cus_a").event("deleted", "canceled", "price_gold", at_s - 8000)).await;
    assert_eq!(level(&app, &stripes).await, "free");
    from_store(&app, &purchase("EXPIRATION", stores.id, "1000", "platinum", at_s - 1)).await;
    assert_eq!(level(&app, &stores).await, "free");
    let back = from_store(&app, &purchase("RENEWAL", stores.id, "1000", "platinum", at_s)).await;
    assert_eq!((back["status"].as_str(), level(&app, &stores).await.as_str()), (Some("ok"), "platinum"));
}

#[tokio::test]
async fn levels_that_nobody_accounts_for_end_with_the_source_that_explains_them() {
    let app = taken_over().await;
    let at_s = app.app.clock.now().unix_s() - NOW;
    let (ada, eve) = (lifter(&app, "by_nobody").await, lifter(&app, "given").await);
    let paid = Subscription::of("cus_d");
    // Never paid for, it explains nothing.
    from_stripe(&app, &Subscription::of("cus_d").event("created", "incomplete", "price_gold", at_s)).await;
    assert_eq!(level(&app, &ada).await, "gold");
    from_stripe(&app, &paid.event("updated", "active", "price_gold", at_s)).await;
    assert_eq!(level(&app, &ada).await, "gold");
    from_stripe(&app, &paid.event("deleted", "canceled", "price_gold", at_s + 1)).await;
    assert_eq!(level(&app, &ada).await, "free");
    // Gold does not explain platinum.
    let gold = Subscription::of("cus_e");
    from_stripe(&app, &gold.event("created", "active", "price_gold", at_s)).await;
    from_stripe(&app, &gold.event("deleted", "canceled", "price_gold", at_s + 1)).await;
    assert_eq!(level(&app, &eve).await, "platinum");
    from_store(&app, &purchase("EXPIRATION", eve.id, "4000", "platinum", at_s - 1)).await;
    assert_eq!(level(&app, &eve).await, "free");
    app.pg.batch_execute("update users set subscription_level = 'free' where username = 'lifetime'").await.unwrap();
    assert_explained(&app).await;
}

#[tokio::test]
async fn what_the_earlier_server_writes_meanwhile_is_adopted_too() {
    let app = taken_over().await;
    let at_s = app.app.clock.now().unix_s() - NOW;
    let lapsed = lifter(&app, "lapsed").await;
    // It made somebody gold who had a subscription before, and then this server hears of another one.
    app.pg.batch_execute("update users set subscription_level = 'platinum' where username = 'lapsed'").await.unwrap();
    let other = Subscription::of("cus_g");
    from_stripe(&app, &other.event("created", "active", "price_gold", at_s)).await;
    assert_eq!(level(&app, &lapsed).await, "platinum");
    let known = Subscription { id: "sub_g".to_owned(), customer: "cus_g".to_owned() };
    from_stripe(&app, &known.event("deleted", "canceled", "price_platinum", at_s - 99)).await;
    assert_eq!(level(&app, &lapsed).await, "gold");
    let links =
        "select concat_ws(' ', stripe_subscription_id, original_transaction_id) from users where username = 'lapsed'";
    assert_eq!(lines(&app.pg, links).await, [format!("{} 3000", other.id)]);
}
