//! However a lifter's workouts arrive, their quests come equally far: what was done counts, not its way to the server.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::quests::PATH;
use crate::support::{Lifter, TestApp, at_once};
use crate::workouts::{NOW, PATH as WORKOUTS, workout};

/// Quests that count workouts and minutes, with targets in reach and out of it.
const TEMPLATES: &str = "
    insert into quest_templates (id, code, title, cadence, metric, target_value, reward_xp, auto_claim, is_active,
      created_at, updated_at)
    select gen_random_uuid(), cadence || '_' || metric || '_' || target, 'Test', cadence, metric, target, 7, target < 100,
      true, '2026-01-01', '2026-01-01'
    from unnest(array['daily', 'weekly', 'limited']) as cadence,
      unnest(array['workouts_completed', 'active_minutes']) as metric,
      unnest(array[3, 45, 100000]) as target";

/// A workout of the last week: its day of November, and its minutes in quarters, which a float adds in any order alike.
#[derive(Clone, Debug)]
struct Done {
    day: u8,
    quarters: u32,
}

/// A plan: what was done, in the order in which it is sent, each with whether it is sent again later, whether it is sent at once
/// with the next one, and whether the lifter looks at their quests meanwhile.
type Plan = Vec<((usize, Done), (bool, bool, bool))>;

/// The same workouts on so many different ways.
fn plans(count: usize) -> Vec<Plan> {
    let mut runner = TestRunner::default();
    let draw_days = vec((15..=21_u8, prop_oneof![1..400_u32, 110..130_u32]), 6..=8);
    let done = draw_days.new_tree(&mut runner).unwrap().current();
    let done: Vec<_> = done.into_iter().map(|(day, quarters)| Done { day, quarters }).enumerate().collect();
    let ways = (Just(done.clone()).prop_shuffle(), vec(any::<(bool, bool, bool)>(), done.len()));
    let mut plan = || {
        let (order, way) = ways.new_tree(&mut runner).unwrap().current();
        order.into_iter().zip(way).collect()
    };
    (0..count).map(|_| plan()).collect()
}

/// The workout as it is sent; each has an hour of its own.
fn sent((index, done): &(usize, Done)) -> Value {
    workout(&format!("2026-11-{}T0{index}:00:00Z", done.day), f64::from(done.quarters) / 4.0)
}

/// Sends all workouts of the plan.
async fn follow(app: &TestApp, lifter: &Lifter, plan: &Plan) {
    let mut waiting = Vec::new();
    for (done, (again, with_next, look)) in plan {
        waiting.push(sent(done));
        if *with_next {
            continue;
        }
        send(app, lifter, &mut waiting).await;
        if *look {
            app.get_as(lifter, PATH).await.expect(200);
        }
        if *again {
            waiting.push(sent(done));
        }
    }
    send(app, lifter, &mut waiting).await;
}

async fn send(app: &TestApp, lifter: &Lifter, waiting: &mut Vec<Value>) {
    let requests: Vec<_> =
        waiting.drain(..).map(|workout| app.request("POST", WORKOUTS).bearer(&lifter.token).json(&workout)).collect();
    at_once(requests.into_iter().map(|request| async move { request.send().await.expect(201) })).await;
}

/// How far each quest of a lifter is.
async fn standings(app: &TestApp, lifter: &Lifter) -> Vec<Value> {
    let answer = app.get_as(lifter, PATH).await.expect(200).json();
    let standing =
        |quest: &Value| json!([quest["template"]["code"], quest["cycle_start"], quest["progress"], quest["status"]]);
    answer["quests"].as_array().unwrap().iter().map(standing).collect()
}

#[tokio::test]
async fn quests_come_equally_far_however_the_workouts_arrive() {
    let app = TestApp::with_clock(NOW).await;
    app.pg.batch_execute(TEMPLATES).await.unwrap();
    let _working = app.work();
    let plans = plans(8);
    let mut first = None;
    for (index, plan) in plans.iter().enumerate() {
        let lifter = app.lifter(&format!("lifter{index}")).await;
        follow(&app, &lifter, plan).await;
        app.settled().await;
        let standings = standings(&app, &lifter).await;
        let xp = app.get_as(&lifter, "/api/v1/levels/me").await.expect(200).json()["xp"].clone();
        // This week began on the 16th.
        let quarters = plan.iter().filter(|((_, done), _)| done.day >= 16).map(|((_, done), _)| done.quarters);
        let minutes = (f64::from(quarters.clone().sum::<u32>()) / 4.0).round_ties_even();
        let week = |metric: &str, progress: usize| {
            json!([format!("weekly_{metric}_100000"), "2026-11-16T00:00:00Z", progress, "active"])
        };
        assert!(standings.contains(&week("active_minutes", minutes as usize)), "{minutes}: {standings:?} of {plan:?}");
        assert!(standings.contains(&week("workouts_completed", quarters.count())), "{standings:?} of {plan:?}");
        let (expected, expected_xp, way) = first.get_or_insert_with(|| (standings.clone(), xp.clone(), plan));
        assert_eq!(standings, *expected, "{plan:?}, and before {way:?}");
        assert_eq!(xp, *expected_xp, "{plan:?}, and before {way:?}");
    }
}
