//! Whatever the order in which a life is told, how often, and by how many senders at once: it ends the same.

use repduel_backend::domain::payments::rules::{Meaning, Source, Statement, Tier, Transfer, standing};
use repduel_backend::ids::UserId;
use repduel_backend::time::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{NOW, STORE, STRIPE, Subscription, customer, fresh, level, purchase, signed, transfer, trusted};
use crate::support::ledger::Dice;
use crate::support::{Lifter, Request, TestApp, at_once};

/// Calls this with every order of the first so many numbers.
fn every_order(numbers: &mut Vec<usize>, from: usize, then: &mut impl FnMut(&[usize])) {
    if from == numbers.len() {
        return then(numbers);
    }
    for index in from..numbers.len() {
        numbers.swap(from, index);
        every_order(numbers, from + 1, then);
        numbers.swap(from, index);
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::EPOCH.plus_s(NOW + second)
}

fn said(user: UserId, kind: &str, status: Option<&str>, tier: Tier, second: i64) -> Statement {
    Statement {
        number: 0,
        user,
        kind: kind.to_owned(),
        status: status.map(str::to_owned),
        tier: Some(tier),
        happened_at: at(second),
        ends_at: Some(at(second)),
        event_id: fresh("evt"),
    }
}

/// The standing that every order of arrival comes to; fails the test if it is not one and the same.
fn one_standing(source: Source, life: &[Statement], transfers: &[Transfer]) -> (Option<UserId>, Tier, Meaning) {
    let mut found = Vec::new();
    every_order(&mut (0..life.len()).collect(), 0, &mut |order| {
        let arrived = order
            .iter()
            .enumerate()
            .map(|(number, index)| Statement { number: i64::try_from(number).unwrap(), ..life[*index].clone() });
        let standing = standing(source, &arrived.collect::<Vec<_>>(), transfers).unwrap();
        let state = (standing.owner, standing.tier, standing.meaning);
        if !found.contains(&state) {
            found.push(state);
        }
    });
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

#[test]
fn every_order_of_a_subscriptions_life_comes_to_the_same() {
    let (ada, updated, deleted) =
        (UserId(Uuid::new_v4()), "customer.subscription.updated", "customer.subscription.deleted");
    // All in one second, as Stripe dates them.
    for step in [0, 1] {
        let life = [
            said(ada, "customer.subscription.created", Some("incomplete"), Tier::Gold, 0),
            said(ada, "checkout.session.completed", None, Tier::Gold, 0),
            said(ada, updated, Some("active"), Tier::Gold, step),
            said(ada, updated, Some("active"), Tier::Platinum, 2 * step),
            said(ada, updated, Some("past_due"), Tier::Platinum, 3 * step),
            said(ada, updated, Some("unpaid"), Tier::Platinum, 4 * step),
            said(ada, deleted, Some("canceled"), Tier::Platinum, 5 * step),
        ];
        let ended = one_standing(Source::Stripe, &life, &[]);
        assert_eq!(ended, (Some(ada), Tier::Platinum, Meaning::Ends(None)));
        assert_eq!(one_standing(Source::Stripe, &life[..5], &[]), (Some(ada), Tier::Platinum, Meaning::Paid));
        assert_eq!(one_standing(Source::Stripe, &life[..3], &[]), (Some(ada), Tier::Gold, Meaning::Paid));
        assert_eq!(one_standing(Source::Stripe, &life[..1], &[]), (Some(ada), Tier::Gold, Meaning::Unpaid));
        // What a store moves is not Stripe's.
        let moved = Transfer { from: ada, to: None, happened_at: at(9), event_id: fresh("moved") };
        assert_eq!(one_standing(Source::Stripe, &life[..3], &[moved]).0, Some(ada));
        // Whatever is told of one that has ended, it does not live again.
        let late = [life[6].clone(), said(ada, updated, Some("active"), Tier::Gold, 9)];
        assert_eq!(one_standing(Source::Stripe, &late, &[]).2, Meaning::Ends(None));
    }
}

#[test]
fn every_order_of_a_purchases_life_comes_to_the_same() {
    let (ada, eve) = (UserId(Uuid::new_v4()), UserId(Uuid::new_v4()));
    let moved = |from, to, second| Transfer { from, to: Some(to), happened_at: at(second), event_id: fresh("moved") };
    for step in [0, 1] {
        let life = [
            said(ada, "INITIAL_PURCHASE", None, Tier::Gold, 0),
            said(ada, "RENEWAL", None, Tier::Gold, step),
            said(eve, "RENEWAL", None, Tier::Gold, 3 * step),
            said(eve, "PRODUCT_CHANGE", None, Tier::Platinum, 4 * step),
            said(eve, "RENEWAL", None, Tier::Platinum, 5 * step),
            said(eve, "EXPIRATION", None, Tier::Platinum, 6 * step),
        ];
        let transfers = [moved(ada, eve, 2 * step)];
        let (owner, tier, meaning) = one_standing(Source::RevenueCat, &life, &transfers);
        assert_eq!((owner, tier), (Some(eve), Tier::Platinum));
        assert_eq!(meaning, Meaning::Ends(Some(at(6 * step))));
        let (owner, tier, meaning) = one_standing(Source::RevenueCat, &life[..5], &transfers);
        assert_eq!((owner, tier, meaning), (Some(eve), Tier::Platinum, Meaning::Paid));
    }
    // There and back again.
    let life = [said(ada, "INITIAL_PURCHASE", None, Tier::Gold, 0), said(eve, "RENEWAL", None, Tier::Platinum, 2)];
    let both = [moved(ada, eve, 1), moved(eve, ada, 3)];
    assert_eq!(one_standing(Source::RevenueCat, &life, &both), (Some(ada), Tier::Platinum, Meaning::Paid));
}

/// Who lives it, and what is told of it.
struct Life {
    lifters: Vec<Lifter>,
    told: Vec<(&'static str, Value)>,
}

async fn stripes(app: &TestApp) -> Life {
    let (ada, customer) = customer(app, &fresh("ada")).await;
    let told = subscription_of(&customer, true);
    Life { lifters: vec![ada], told }
}

fn subscription_of(customer: &str, ends: bool) -> Vec<(&'static str, Value)> {
    let subscription = Subscription::of(customer);
    let mut told = vec![
        subscription.event("created", "incomplete", "price_gold", -50),
        subscription.checkout("price_gold", -49),
        subscription.event("updated", "active", "price_gold", -49),
        subscription.event("updated", "active", "price_platinum", -40),
        subscription.event("updated", "past_due", "price_gold", -30),
        subscription.failure(-30),
    ];
    if ends {
        told.push(subscription.event("deleted", "canceled", "price_gold", -20));
    }
    told.into_iter().map(|event| (STRIPE, event)).collect()
}

async fn moved_stores(app: &TestApp) -> Life {
    let (ada, eve) = (app.lifter(&fresh("ada")).await, app.lifter(&fresh("eve")).await);
    let bought = fresh("tx");
    let told = [
        purchase("INITIAL_PURCHASE", ada.id, &bought, "gold", -50),
        purchase("RENEWAL", ada.id, &bought, "gold", -45),
        transfer(ada.id, eve.id, -40),
        purchase("RENEWAL", eve.id, &bought, "gold", -35),
        purchase("PRODUCT_CHANGE", eve.id, &bought, "platinum", -30),
        purchase("CANCELLATION", eve.id, &bought, "platinum", -25),
    ];
    Life { lifters: vec![ada, eve], told: told.into_iter().map(|event| (STORE, event)).collect() }
}

async fn both(app: &TestApp) -> Life {
    let (ada, customer) = customer(app, &fresh("ada")).await;
    let bought = fresh("tx");
    let stores = [
        purchase("INITIAL_PURCHASE", ada.id, &bought, "platinum", -50),
        purchase("RENEWAL", ada.id, &bought, "platinum", -30),
        purchase("EXPIRATION", ada.id, &bought, "platinum", -10),
    ];
    let mut told = subscription_of(&customer, false);
    told.extend(stores.into_iter().map(|event| (STORE, event)));
    Life { lifters: vec![ada], told }
}

fn request(app: &TestApp, (path, event): &(&'static str, Value)) -> Request {
    match *path {
        STRIPE => signed(app, event.to_string()),
        _ => trusted(app, json!({ "event": event }).to_string()),
    }
}

/// What came of it: each lifter's level and what they have.
async fn outcome(app: &TestApp, life: &Life) -> Vec<(String, Vec<String>)> {
    let held = "select concat_ws(' ', source, tier, active) from entitlements where user_id = $1 order by 1";
    let mut outcome = Vec::new();
    for lifter in &life.lifters {
        let rows = app.pg.query(held, &[&lifter.id]).await.unwrap();
        outcome.push((level(app, lifter).await, rows.iter().map(|row| row.get(0)).collect()));
    }
    outcome
}

/// Tells each of many lives in an order of its own, with repetitions; answers the one outcome.
async fn told_in_any_order(app: &TestApp, lives: Vec<Life>) -> Vec<(String, Vec<String>)> {
    let mut dice = Dice::thrown();
    let mut outcomes = Vec::new();
    for mut life in lives {
        let mut left: Vec<_> = life.told.iter().chain(&life.told).cloned().collect();
        life.told.clear();
        while !left.is_empty() {
            let next = left.swap_remove(usize::try_from(dice.below(left.len() as u64)).unwrap());
            request(app, &next).send().await.expect(200);
            life.told.push(next);
        }
        let outcome = outcome(app, &life).await;
        let order: Vec<_> = life.told.iter().map(|(_, event)| event["type"].clone()).collect();
        assert!(outcomes.is_empty() || outcomes.contains(&outcome), "{outcome:?} and not {outcomes:?} after {order:?}");
        outcomes.push(outcome);
    }
    outcomes.remove(0)
}

const LIVES: usize = 25;

macro_rules! any_order { ($($name:ident: $life:ident => $expected:expr;)*) => { $(
    #[tokio::test]
    async fn $name() {
        let app = TestApp::with_clock(NOW).await;
        let mut lives = Vec::new();
        for _ in 0..LIVES {
            lives.push($life(&app).await);
        }
        let expected: Vec<(&str, Vec<&str>)> = $expected;
        let expected: Vec<(String, Vec<String>)> = expected.into_iter()
            .map(|(level, rows)| (level.to_owned(), rows.into_iter().map(str::to_owned).collect())).collect();
        assert_eq!(told_in_any_order(&app, lives).await, expected);
        // And by everybody at the same instant, twice.
        for _ in 0..5 {
            let life = $life(&app).await;
            let requests: Vec<Request> = life.told.iter().chain(&life.told).map(|told| request(&app, told)).collect();
            let statuses = at_once(requests.into_iter().map(|request| async move { request.send().await.status })).await;
            for (status, told) in statuses.iter().zip(life.told.iter().chain(&life.told)) {
                if *status != 200 {
                    assert_eq!(*status, 503); // no turn in time: the sender comes again
                    request(&app, told).send().await.expect(200);
                }
            }
            assert_eq!(outcome(&app, &life).await, expected);
        }
        let repeated = "select count(*) - count(distinct event_id) from entitlement_events where kind <> 'linked'";
        assert_eq!(app.count(repeated).await, 0);
    }
)* } }

any_order! {
    stripe_in_any_order: stripes => vec![("free", vec!["stripe gold f"])];
    stores_in_any_order: moved_stores => vec![("free", vec![]), ("platinum", vec!["revenuecat platinum t"])];
    both_in_any_order: both => vec![("gold", vec!["revenuecat platinum f", "stripe gold t"])];
}

#[tokio::test]
async fn platinum_of_the_store_is_above_gold_of_stripe_and_falls_back_to_it() {
    let app = TestApp::with_clock(NOW).await;
    let (ada, customer) = customer(&app, "ada").await;
    let subscription = Subscription::of(&customer);
    super::from_stripe(&app, &subscription.event("created", "active", "price_gold", -9)).await;
    super::from_store(&app, &purchase("INITIAL_PURCHASE", ada.id, "1000", "platinum", -8)).await;
    assert_eq!(level(&app, &ada).await, "platinum");
    super::from_stripe(&app, &subscription.event("updated", "active", "price_gold", -7)).await;
    assert_eq!(level(&app, &ada).await, "platinum");
    super::from_store(&app, &purchase("EXPIRATION", ada.id, "1000", "platinum", -6)).await;
    assert_eq!(level(&app, &ada).await, "gold");
    super::from_stripe(&app, &subscription.event("deleted", "canceled", "price_gold", -5)).await;
    assert_eq!(level(&app, &ada).await, "free");
}
