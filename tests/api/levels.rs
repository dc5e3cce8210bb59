//! Experience points and levels.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{ADMIN_TOKEN, Lifter, Request, TestApp, at_once, keys};

const KEYS: [&str; 5] = ["level", "progress_pct", "xp", "xp_gained_this_week", "xp_to_next"];

/// An award to this lifter, by the admin.
fn award(app: &TestApp, user: Uuid, body: &Value) -> Request {
    let path = format!("/api/v1/levels/me/award?user_id={user}");
    app.request("POST", &path).bearer(ADMIN_TOKEN).json(body)
}

/// What became of an award: whether and why, and the points after it.
async fn awarded(request: &Request) -> (bool, String, i64) {
    let body = request.send().await.expect(200).json();
    assert_eq!(keys(&body), ["awarded", "progress", "reason"]);
    assert_eq!(keys(&body["progress"]), KEYS);
    let reason = body["reason"].as_str().unwrap().to_owned();
    (body["awarded"].as_bool().unwrap(), reason, body["progress"]["xp"].as_i64().unwrap())
}

fn created(xp: i64) -> (bool, String, i64) {
    (true, "created".to_owned(), xp)
}

fn replayed(xp: i64) -> (bool, String, i64) {
    (false, "idempotent_replay".to_owned(), xp)
}

/// The totals of all lifters are the sums of their events.
async fn totals_are_sums(app: &TestApp) {
    let differ = "select count(*)
        from (select user_id, sum(amount) as points from xp_events group by user_id) as sums
        full join user_xp using (user_id)
        where points is distinct from total_xp";
    assert_eq!(app.count(differ).await, 0);
}

async fn level_of(app: &TestApp, user: Uuid) -> Value {
    app.get(&format!("/api/v1/levels/user/{user}")).await.expect(200).json()
}

#[tokio::test]
async fn a_new_lifter_stands_at_the_beginning() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let expected = json!({ "level": 1, "xp": 0, "xp_to_next": 100, "progress_pct": 0.0, "xp_gained_this_week": 0 });
    let answer = app.get_as(&ada, "/api/v1/levels/me").await.expect(200);
    assert_eq!(answer.json(), expected);
    // Strict clients tell floats from integers by the decimal point.
    assert!(String::from_utf8_lossy(&answer.body).contains(r#""progress_pct":0.0"#));
    assert_eq!(level_of(&app, ada.id).await, expected);
}

#[tokio::test]
async fn levels_follow_the_curve() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    for (amount, level, xp, to_next, share) in [
        (99, 1, 99, 1, 0.99),
        (1, 2, 100, 300, 0.0),
        (150, 2, 250, 150, 0.5),
        (150, 3, 400, 500, 0.0),
        (979_699, 99, 980_099, 1, 0.999_949_238_578_680_2),
        (1, 100, 980_100, 0, 1.0),
        (1, 100, 980_101, 0, 1.0),
    ] {
        award(&app, ada.id, &json!({ "amount": amount })).send().await.expect(200);
        let progress = level_of(&app, ada.id).await;
        assert_eq!((&progress["level"], &progress["xp"]), (&json!(level), &json!(xp)));
        assert_eq!(progress["xp_to_next"], to_next);
        assert!((progress["progress_pct"].as_f64().unwrap() - share).abs() < 1e-12, "{progress}");
        assert_eq!(progress["xp_gained_this_week"], xp);
        assert_eq!(app.count(&format!("select level::bigint from user_xp where total_xp = {xp}")).await, level);
    }
}

#[tokio::test]
async fn the_curve_is_as_configured() {
    let app = TestApp::with_variables(&[("XP_CURVE_BASE", "10"), ("XP_MAX_LEVEL", "3")]).await;
    let ada = app.lifter("ada").await;
    for (amount, level, to_next) in [(9, 1, 1), (1, 2, 30), (30, 3, 0), (1000, 3, 0)] {
        award(&app, ada.id, &json!({ "amount": amount })).send().await.expect(200);
        let progress = level_of(&app, ada.id).await;
        assert_eq!((&progress["level"], &progress["xp_to_next"]), (&json!(level), &json!(to_next)));
    }
}

#[tokio::test]
async fn strangers_have_no_level() {
    let app = TestApp::start().await;
    app.get(&format!("/api/v1/levels/user/{}", Uuid::new_v4())).await.problem(404, "not_found");
    app.get("/api/v1/levels/user/7").await.invalid(&["/path/user_id"]);
    app.get("/api/v1/levels/me").await.unauthorized();
}

#[tokio::test]
async fn the_week_is_the_last_seven_times_24_hours() {
    let app = TestApp::with_clock(1_800_000_000).await;
    let ada = app.lifter("ada").await;
    let gained = async || level_of(&app, ada.id).await["xp_gained_this_week"].as_i64().unwrap();
    award(&app, ada.id, &json!({ "amount": 70 })).send().await.expect(200);
    app.advance_s(3 * 24 * 3600);
    award(&app, ada.id, &json!({ "amount": 5 })).send().await.expect(200);
    app.advance_s(4 * 24 * 3600 - 1);
    assert_eq!(gained().await, 75);
    app.advance_s(2);
    assert_eq!(gained().await, 5);
    app.advance_s(3 * 24 * 3600);
    assert_eq!(gained().await, 0);
    assert_eq!(level_of(&app, ada.id).await["xp"], 75);
}

#[tokio::test]
async fn only_the_admin_awards() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let path = format!("/api/v1/levels/me/award?user_id={}", ada.id);
    let body = json!({ "amount": 50 });
    app.post_as(&ada, &path, body.clone()).await.problem(403, "insufficient_permissions");
    app.post_as(&ada, "/api/v1/levels/me/award", body.clone()).await.problem(403, "insufficient_permissions");
    app.request("POST", &path).json(&body).send().await.unauthorized();
    app.request("POST", &path).bearer("admin-token-of-the-test").json(&body).send().await.unauthorized();
    assert_eq!(app.count("select count(*) from xp_events").await, 0);
}

#[tokio::test]
async fn without_an_admin_token_nobody_awards() {
    let app = TestApp::with_variables(&[("ADMIN_API_TOKEN", "")]).await;
    let ada = app.lifter("ada").await;
    let body = json!({ "amount": 50 });
    award(&app, ada.id, &body).send().await.problem(403, "insufficient_permissions");
    let path = format!("/api/v1/levels/me/award?user_id={}", ada.id);
    app.post_as(&ada, &path, body).await.problem(403, "insufficient_permissions");
    assert_eq!(app.count("select count(*) from xp_events").await, 0);
}

#[tokio::test]
async fn an_award_names_a_lifter_and_a_number_of_points() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let amounts = [json!(0), json!(-1), json!(1.5), json!(2_147_483_648_i64), json!(1e300), json!("50"), json!(null)];
    for amount in amounts {
        award(&app, ada.id, &json!({ "amount": amount })).send().await.invalid(&["/amount"]);
    }
    award(&app, ada.id, &json!({})).send().await.invalid(&["/amount"]);
    let long = "x".repeat(256);
    for (key, value) in [
        ("reason", json!(long)),
        ("reason", json!("nul\0")),
        ("idempotency_key", json!(long)),
        ("source_type", json!("x".repeat(65))),
        ("source_id", json!(long)),
        ("source_id", json!(7)),
    ] {
        let body = json!({ "amount": 1, key: value });
        award(&app, ada.id, &body).send().await.invalid(&[&format!("/{key}")]);
    }
    let by_admin = |path: &str| app.request("POST", path).bearer(ADMIN_TOKEN).json(&json!({ "amount": 1 }));
    by_admin("/api/v1/levels/me/award").send().await.invalid(&["/query/user_id"]);
    by_admin("/api/v1/levels/me/award?user_id=7").send().await.invalid(&["/query/user_id"]);
    award(&app, Uuid::new_v4(), &json!({ "amount": 1 })).send().await.problem(404, "not_found");
    assert_eq!(app.count("select count(*) from xp_events").await, 0);
    // A whole number may be written as a float.
    assert_eq!(awarded(&award(&app, ada.id, &json!({ "amount": 5.0 }))).await, created(5));
}

#[tokio::test]
async fn an_award_is_applied_once_per_key() {
    let app = TestApp::start().await;
    let (ada, grace) = (app.lifter("ada").await, app.lifter("grace").await);
    let keyed = |user, amount, key: &str| award(&app, user, &json!({ "amount": amount, "idempotency_key": key }));
    assert_eq!(awarded(&keyed(ada.id, 50, "first")).await, created(50));
    assert_eq!(awarded(&keyed(ada.id, 50, "first")).await, replayed(50));
    assert_eq!(awarded(&keyed(ada.id, 70, "first")).await, replayed(50));
    assert_eq!(awarded(&keyed(ada.id, 70, "second")).await, created(120));
    assert_eq!(awarded(&keyed(grace.id, 50, "first")).await, created(50), "another lifter's key is another key");
    for _ in 0..2 {
        award(&app, ada.id, &json!({ "amount": 1 })).send().await.expect(200);
    }
    assert_eq!(level_of(&app, ada.id).await["xp"], 122, "without a key every award counts");
    totals_are_sums(&app).await;
}

#[tokio::test]
async fn the_key_of_the_header_goes_before_that_of_the_body() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let body = json!({ "amount": 50, "idempotency_key": "body" });
    let with = |key: &str| award(&app, ada.id, &body).header("idempotency-key", key);
    assert_eq!(awarded(&with("header")).await, created(50));
    assert_eq!(awarded(&with("header")).await, replayed(50));
    assert_eq!(awarded(&with("other")).await, created(100));
    assert_eq!(awarded(&award(&app, ada.id, &body)).await, created(150), "the body's key was never used");
    assert_eq!(awarded(&with("body")).await, replayed(150));
    let stored = "select count(*) from xp_events where idempotency_key in ('header', 'other', 'body')";
    assert_eq!(app.count(stored).await, 3);
    for bad in ["", "two words", &"k".repeat(256)] {
        with(bad).send().await.invalid(&["/header/Idempotency-Key"]);
    }
}

#[tokio::test]
async fn an_award_is_applied_once_per_source() {
    let app = TestApp::start().await;
    let (ada, grace) = (app.lifter("ada").await, app.lifter("grace").await);
    let from = |user, kind: &str, id: &str, key: Option<&str>| {
        let body =
            json!({ "amount": 10, "source_type": kind, "source_id": id, "idempotency_key": key, "reason": "gift" });
        award(&app, user, &body)
    };
    assert_eq!(awarded(&from(ada.id, "event", "1", None)).await, created(10));
    assert_eq!(awarded(&from(ada.id, "event", "1", None)).await, replayed(10));
    assert_eq!(awarded(&from(ada.id, "event", "1", Some("new key"))).await, replayed(10));
    assert_eq!(awarded(&from(ada.id, "event", "2", Some("key"))).await, created(20));
    assert_eq!(awarded(&from(ada.id, "event", "3", Some("key"))).await, replayed(20));
    assert_eq!(awarded(&from(ada.id, "gift", "1", None)).await, created(30));
    assert_eq!(awarded(&from(grace.id, "event", "1", None)).await, created(10));
    assert_eq!(app.count("select count(*) from xp_events where reason = 'gift'").await, 4);
    totals_are_sums(&app).await;
}

/// Sends this award 64 times at once: one counts.
async fn race(body: Value) {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let requests = vec![award(&app, ada.id, &body); 64];
    let outcomes = at_once(requests.into_iter().map(|request| async move { awarded(&request).await })).await;
    let counted = outcomes.iter().filter(|outcome| **outcome == created(7)).count();
    let repeated = outcomes.iter().filter(|outcome| **outcome == replayed(7)).count();
    assert_eq!((counted, repeated), (1, 63));
    assert_eq!(app.count("select count(*) from xp_events").await, 1);
    totals_are_sums(&app).await;
}

#[tokio::test]
async fn of_64_simultaneous_awards_with_one_key_one_counts() {
    race(json!({ "amount": 7, "idempotency_key": "key" })).await;
}

#[tokio::test]
async fn of_64_simultaneous_awards_from_one_source_one_counts() {
    race(json!({ "amount": 7, "source_type": "event", "source_id": "1" })).await;
}

#[tokio::test]
async fn simultaneous_awards_with_keys_of_their_own_all_count() {
    let app = TestApp::start().await;
    let (ada, grace) = (app.lifter("ada").await, app.lifter("grace").await);
    let users = [ada.id, grace.id];
    let body = |n: usize| json!({ "amount": n + 1, "idempotency_key": format!("key {}", n / 2) });
    let requests: Vec<Request> = (0..64).map(|n| award(&app, users[n % 2], &body(n))).collect();
    let answers = at_once(requests.into_iter().map(|request| async move { request.send().await })).await;
    for answer in answers {
        assert_eq!(answer.expect(200).json()["reason"], "created");
    }
    assert_eq!(app.count("select sum(total_xp)::bigint from user_xp").await, 64 * 65 / 2);
    totals_are_sums(&app).await;
}

/// A lifter with one award fewer points than the column can hold.
async fn nearly_full(app: &TestApp, points_left: i32) -> Lifter {
    let ada = app.lifter("ada").await;
    let body = json!({ "amount": i32::MAX - points_left, "idempotency_key": "great" });
    award(app, ada.id, &body).send().await.expect(200);
    ada
}

#[tokio::test]
async fn an_award_that_the_total_cannot_hold_is_refused_and_changes_nothing() {
    let app = TestApp::start().await;
    let ada = nearly_full(&app, 5).await;
    let before = level_of(&app, ada.id).await;
    award(&app, ada.id, &json!({ "amount": 6 })).send().await.invalid(&["/amount"]);
    award(&app, ada.id, &json!({ "amount": i32::MAX })).send().await.invalid(&["/amount"]);
    assert_eq!(level_of(&app, ada.id).await, before);
    assert_eq!(app.count("select count(*) from xp_events").await, 1);
    assert_eq!(awarded(&award(&app, ada.id, &json!({ "amount": 5 }))).await, created(i64::from(i32::MAX)));
    totals_are_sums(&app).await;
}

#[tokio::test]
async fn a_repeat_is_a_repeat_even_where_the_total_could_not_hold_it_again() {
    let app = TestApp::start().await;
    let ada = nearly_full(&app, 5).await;
    let full = i64::from(i32::MAX - 5);
    let by_key = json!({ "amount": i32::MAX - 5, "idempotency_key": "great" });
    assert_eq!(awarded(&award(&app, ada.id, &by_key)).await, replayed(full));
    let by_source = json!({ "amount": 4, "source_type": "event", "source_id": "1" });
    assert_eq!(awarded(&award(&app, ada.id, &by_source)).await, created(full + 4));
    assert_eq!(awarded(&award(&app, ada.id, &by_source)).await, replayed(full + 4));
    totals_are_sums(&app).await;
}

#[tokio::test]
async fn an_old_lifter_without_a_total_has_the_sum_of_the_events() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let insert = "insert into xp_events (id, user_id, amount, created_at)
        select gen_random_uuid(), $1, amount, now() - age
        from (values (300, interval '8 days'), (50, interval '1 day')) as old (amount, age)";
    app.pg.execute(insert, &[&ada.id]).await.unwrap();
    let expected = json!({ "level": 2, "xp": 350, "xp_to_next": 50, "xp_gained_this_week": 50 });
    let mut progress = level_of(&app, ada.id).await;
    progress.as_object_mut().unwrap().remove("progress_pct");
    assert_eq!(progress, expected);
    assert_eq!(awarded(&award(&app, ada.id, &json!({ "amount": 50 }))).await, created(400));
    totals_are_sums(&app).await;
}

#[tokio::test]
async fn an_award_does_not_need_the_lifter_to_be_active() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    app.pg.batch_execute("update users set is_active = false").await.unwrap();
    assert_eq!(awarded(&award(&app, ada.id, &json!({ "amount": 5 }))).await, created(5));
}
