//! Lifts of a crowd, which are recorded together: everybody gets what is theirs, and nobody waits for anybody else's trouble.

use std::time::Duration;

use serde_json::json;
use tokio::task::JoinHandle;

use super::SQUAT;
use crate::faults::{SOON, behind_proxy, database_url, hold_lifter};
use crate::gathered::{CROWD, crowd, in_hand, runs};
use crate::sessions::legacy::legacy;
use crate::support::database::connect;
use crate::support::ledger::{assert_books, lift_request, of_weight, together, waiting};
use crate::support::{Answer, Lifter, Request, TestApp, eventually};

/// Scores are not written before the gate opens.
const GATE: &str = "
    create table gate as select 1;
    create function wait_at_the_gate() returns trigger language plpgsql as $$
    begin
      while exists (select from gate) loop
        perform pg_sleep(0.01);
      end loop;
      return null;
    end
    $$;
    create trigger scores_wait_at_the_gate after insert on scores for each statement execute function wait_at_the_gate();";

/// Sends lifts of which the first one waits at the gate, and the others for their turn.
async fn gathered(app: &TestApp, requests: Vec<Request>) -> Vec<JoinHandle<(Answer, Duration)>> {
    app.pg.batch_execute(GATE).await.unwrap();
    let mut sent = Vec::new();
    for (number, request) in (1..).zip(requests) {
        sent.push(in_hand(app, request, number).await);
        eventually("a turn under way", async || at_the_gate(app).await == 1).await;
    }
    sent
}

async fn at_the_gate(app: &TestApp) -> i64 {
    app.count("select count(*) from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'")
        .await
}

async fn open_the_gate(app: &TestApp) {
    app.pg.batch_execute("delete from gate").await.unwrap();
}

fn lift(app: &TestApp, lifter: &Lifter, kg: f64) -> Request {
    lift_request(app, lifter, SQUAT, &of_weight(kg))
}

/// The crowd's lifts, each of its own weight, from 100 kg on.
fn lifts(app: &TestApp, crowd: &[Lifter]) -> Vec<Request> {
    (100..).zip(crowd).map(|(kg, lifter)| lift(app, lifter, f64::from(kg))).collect()
}

#[tokio::test]
async fn who_lifts_meanwhile_is_recorded_in_one_transaction_each_with_their_own() {
    let app = TestApp::start().await;
    let crowd = crowd(&app).await;
    app.pg.execute("update users set weight = 80", &[]).await.unwrap();
    for lifter in &crowd[..CROWD / 2] {
        app.lift(lifter, SQUAT, 90.0).await;
    }
    // Some whose tokens count no more, one with a token of the earlier server, and one who does what nobody knows.
    let (ended, retired, gone) = (app.renewed(&crowd[0]).await, app.lifter("retired").await, app.lifter("gone").await);
    app.request("POST", "/api/v1/users/logout").bearer(&ended.token).send().await.expect(204);
    app.pg.execute("update users set is_active = false where id = $1", &[&retired.id]).await.unwrap();
    app.pg.execute("delete from users where id = $1", &[&gone.id]).await.unwrap();
    let earlier = app.lifter("earlier").await;
    let (token, _) = legacy(earlier.id, app.app.clock.now().unix_s());
    let mut requests = lifts(&app, &crowd);
    requests.extend([ended, retired, gone].map(|lifter| lift(&app, &lifter, 50.0)));
    requests.push(app.request("POST", "/api/v1/scores/scenario/deadlift").bearer(&token).json(&of_weight(70.0)));
    requests.push(lift_request(&app, &app.lifter("lost").await, "nothing", &of_weight(50.0)));

    let statements = ["scores/insert_scores", "levels/insert_events", "commit"];
    let mut before = Vec::new();
    for statement in statements {
        before.push(runs(&app, statement).await);
    }
    let sent = gathered(&app, requests).await;
    open_the_gate(&app).await;
    let mut answers = Vec::new();
    for answer in sent {
        answers.push(answer.await.unwrap().0);
    }
    let mut others = answers.split_off(CROWD).into_iter();
    for (number, (answer, lifter)) in answers.into_iter().zip(&crowd).enumerate() {
        let reply = answer.expect(200).json();
        assert_eq!(reply["score"]["user_id"], json!(lifter.id));
        assert_eq!(reply["score"]["score_value"], json!(100.0 + number as f64));
        let best_before = if number < CROWD / 2 { json!(90.0) } else { json!(null) };
        assert_eq!(reply["previous_best_score_value"], best_before, "{reply}");
    }
    for answer in others.by_ref().take(3) {
        assert_eq!(answer.expect(401).error_code(), "invalid_token");
    }
    assert_eq!(others.next().unwrap().expect(200).json()["score"]["user_id"], json!(earlier.id));
    assert_eq!(others.next().unwrap().expect(404).error_code(), "not_found");
    for (statement, before) in statements.into_iter().zip(before) {
        let runs = runs(&app, statement).await - before;
        assert_eq!(runs, 2.0, "{statement}: in the first one's turn, and in that of the others");
    }
    assert_eq!(app.count("select count(*) from scores").await, (CROWD + CROWD / 2 + 1) as i64);
    assert_books(&app.pg).await;
}

#[tokio::test]
async fn whoever_is_held_holds_nobody_else() {
    let app = TestApp::with_variables(&[("DATABASE_POOL_SIZE", "4")]).await;
    let crowd = crowd(&app).await;
    let mut sent = gathered(&app, lifts(&app, &crowd)).await;
    let (held, before) = (7, runs(&app, "scores/insert_scores").await);
    let holder = hold_lifter(&app, &crowd[held]).await;
    let late = sent.remove(held);
    open_the_gate(&app).await;
    for answer in sent {
        answer.await.unwrap().0.expect(200);
    }
    assert!(!late.is_finished());
    assert_eq!(runs(&app, "scores/insert_scores").await - before, 2.0, "the first one's turn and that of the others");
    drop(holder);
    late.await.unwrap().0.expect(200);
    assert_books(&app.pg).await;
}

#[tokio::test]
async fn what_is_locked_is_waited_for_by_everybody_alone() {
    let app = TestApp::start().await;
    let crowd = crowd(&app).await;
    app.pg.execute("update users set weight = 80", &[]).await.unwrap();
    let holder = connect(&database_url(&app)).await;
    holder.batch_execute("begin; lock table user_xp in access exclusive mode").await.unwrap();
    let mut sent = Vec::new();
    for (number, request) in (1..).zip(lifts(&app, &crowd[..3])) {
        sent.push(in_hand(&app, request, number).await);
    }
    eventually("three who wait", async || waiting(&app.pg).await == 3).await;
    drop(holder);
    for answer in sent {
        answer.await.unwrap().0.expect(200);
    }
    assert_books(&app.pg).await;
}

#[tokio::test]
async fn a_lift_that_cannot_be_recorded_takes_no_other_along() {
    let app = TestApp::start().await;
    let crowd = crowd(&app).await;
    app.pg.batch_execute("alter table scores add check (weight_lifted <> 107)").await.unwrap();
    let sent = gathered(&app, lifts(&app, &crowd)).await;
    open_the_gate(&app).await;
    for (number, answer) in sent.into_iter().enumerate() {
        let (answer, _) = answer.await.unwrap();
        answer.expect(if number == 7 { 500 } else { 200 });
    }
    assert_eq!(app.count("select count(*) from scores").await, (CROWD - 1) as i64);
    assert_books(&app.pg).await;
}

#[tokio::test]
async fn a_commit_that_fails_is_not_tried_again() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let refusing = "
        create function refuse() returns trigger language plpgsql as $$ begin raise exception 'no room on the bar'; end $$;
        create constraint trigger scores_are_refused after insert on scores deferrable initially deferred
          for each row execute function refuse();";
    app.pg.batch_execute(refusing).await.unwrap();
    // Whatever is answered to a commit, a proxy may have answered it: nobody can know what became of it.
    assert_eq!(lift(&app, &ada, 100.0).send().await.expect(503).error_code(), "service_unavailable");
    assert_eq!(
        app.count("select last_value from scores_id_seq").await,
        1,
        "a second attempt would have an id of its own"
    );
    assert_eq!(app.count("select count(*) from scores").await, 0);
    app.pg.batch_execute("drop trigger scores_are_refused on scores").await.unwrap();
    lift(&app, &ada, 100.0).send().await.expect(200);
    assert_books(&app.pg).await;
}

#[tokio::test]
async fn lifts_of_one_lifter_among_others_follow_one_another() {
    let app = TestApp::with_variables(&[("DATABASE_POOL_SIZE", "2")]).await;
    let crowd = crowd(&app).await;
    app.pg.execute("update users set weight = 80", &[]).await.unwrap();
    let mut requests = Vec::new();
    for (number, lifter) in crowd.iter().enumerate() {
        requests.extend([lift(&app, &crowd[0], 50.0 + number as f64), lift(&app, lifter, 200.0 - number as f64)]);
    }
    let sent = gathered(&app, requests).await;
    open_the_gate(&app).await;
    for answer in sent {
        answer.await.unwrap().0.expect(200);
    }
    // As many turns as the one lifter has lifts; the others are in the second one.
    assert_eq!(runs(&app, "scores/insert_scores").await, CROWD as f64 + 1.0);
    assert_eq!(app.count("select count(*) from scores").await, 2 * CROWD as i64);
    assert_books(&app.pg).await;
}

#[tokio::test]
async fn a_lost_line_is_told_to_all_who_wait_to_lift() {
    let (app, proxy) = behind_proxy().await;
    let crowd = crowd(&app).await;
    let sent = gathered(&app, lifts(&app, &crowd)).await;
    proxy.cut();
    for answer in sent {
        let (answer, took) = answer.await.unwrap();
        assert_eq!(answer.expect(503).error_code(), "service_unavailable");
        assert!(took < SOON, "{took:?}");
    }
    open_the_gate(&app).await;
    proxy.mend();
    for answer in together(lifts(&app, &crowd)).await {
        answer.expect(200);
    }
    assert_eq!(app.count("select count(*) from scores").await, CROWD as i64);
    assert_books(&app.pg).await;
}

#[tokio::test]
async fn a_lift_whose_client_has_left_is_recorded_with_the_others() {
    let app = TestApp::start().await;
    let crowd = crowd(&app).await;
    let sent = gathered(&app, lifts(&app, &crowd)).await;
    for answer in sent.iter().skip(1).step_by(2) {
        answer.abort();
    }
    eventually("that they have left", async || app.app.telemetry.metrics.in_flight.get() == CROWD as i64 / 2).await;
    open_the_gate(&app).await;
    for answer in sent.into_iter().step_by(2) {
        answer.await.unwrap().0.expect(200);
    }
    eventually("all lifts", async || app.count("select count(*) from scores").await == CROWD as i64).await;
    assert_books(&app.pg).await;
}
