//! Quests: what is asked, how workouts count, how rewards are paid.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Lifter, TestApp, at_once, eventually, keys};
use crate::workouts::{NOW, PATH as WORKOUTS, workout};

pub const PATH: &str = "/api/v1/quests/me";
const DAILY: &str = "daily_30_min_workout";
const WEEKLY: &str = "weekly_30_min_workout_three_days";

async fn quests(app: &TestApp, lifter: &Lifter) -> Vec<Value> {
    let answer = app.get_as(&app.renewed(lifter).await, PATH).await.expect(200).json();
    answer["quests"].as_array().unwrap().clone()
}

/// The newest quest of this code.
async fn quest(app: &TestApp, lifter: &Lifter, code: &str) -> Value {
    let all = quests(app, lifter).await;
    all.into_iter().find(|quest| quest["template"]["code"] == code).unwrap_or_else(|| panic!("no {code}"))
}

/// The quest of this code whose cycle begins on this day.
async fn quest_of(app: &TestApp, lifter: &Lifter, code: &str, day: &str) -> Option<Value> {
    let start = format!("{day}T00:00:00Z");
    let mut all = quests(app, lifter).await.into_iter();
    all.find(|quest| quest["template"]["code"] == code && quest["cycle_start"] == json!(start))
}

async fn train(app: &TestApp, lifter: &Lifter, completed_at: &str, minutes: f64) {
    app.post_as(&app.renewed(lifter).await, WORKOUTS, workout(completed_at, minutes)).await.expect(201);
    app.settled().await;
}

async fn xp(app: &TestApp, lifter: &Lifter) -> Value {
    app.get_as(&app.renewed(lifter).await, "/api/v1/levels/me").await.expect(200).json()["xp"].clone()
}

async fn claim(app: &TestApp, lifter: &Lifter, quest: &Value) -> crate::support::Answer {
    let path = format!("{PATH}/{}/claim", quest["id"].as_str().unwrap());
    app.request("POST", &path)
        .bearer(&app.token(lifter.id).await)
        .header("content-type", "application/json")
        .send()
        .await
}

#[tokio::test]
async fn a_lifter_has_the_quests_of_today_at_the_first_look() {
    let app = TestApp::with_clock(NOW).await;
    let ada = app.lifter("ada").await;
    let answer = app.get_as(&ada, PATH).await.expect(200).json();
    assert_eq!(keys(&answer), ["generated_at", "quests"]);
    assert_eq!(answer["generated_at"], "2026-11-21T09:30:00Z");
    let expected = [
        "available_from",
        "completed_at",
        "cycle_end",
        "cycle_start",
        "expires_at",
        "id",
        "last_progress_at",
        "progress",
        "progress_pct",
        "required",
        "reward_claimed_at",
        "reward_xp",
        "status",
        "template",
    ];
    let all = answer["quests"].as_array().unwrap();
    assert_eq!(all.len(), 2);
    assert_eq!(keys(&all[0]), expected);
    let facts = |quest: &Value| {
        let day = |key: &str| quest[key].as_str().unwrap()[..10].to_owned();
        (quest["template"]["code"].clone(), day("cycle_start"), day("cycle_end"), quest["required"].clone())
    };
    assert_eq!(facts(&all[0]), (json!(DAILY), "2026-11-21".to_owned(), "2026-11-22".to_owned(), json!(30)));
    assert_eq!(facts(&all[1]), (json!(WEEKLY), "2026-11-16".to_owned(), "2026-11-23".to_owned(), json!(3)));
    assert_eq!(
        (&all[0]["status"], &all[0]["progress"], &all[0]["reward_xp"]),
        (&json!("active"), &json!(0), &json!(100))
    );
    assert_eq!(quests(&app, &ada).await, *all, "a second look makes nothing new");
    app.get(PATH).await.unauthorized();
}

#[tokio::test]
async fn a_session_completes_the_quest_of_its_day_and_the_reward_is_paid_once() {
    let app = TestApp::with_clock(NOW).await;
    let ada = app.lifter("ada").await;
    let _working = app.work();
    train(&app, &ada, "2026-11-21T09:00:00Z", 20.0).await;
    let on_the_way = quest(&app, &ada, DAILY).await;
    assert_eq!((&on_the_way["progress"], &on_the_way["status"]), (&json!(20), &json!("active")));
    assert_eq!(on_the_way["progress_pct"].as_f64().map(|share| (share * 3.0).round()), Some(2.0));
    claim(&app, &ada, &on_the_way).await.problem(400, "quest_not_completed");

    train(&app, &ada, "2026-11-21T09:10:00Z", 29.5).await;
    let done = quest(&app, &ada, DAILY).await;
    assert_eq!(
        (&done["progress"], &done["status"], &done["progress_pct"]),
        (&json!(30), &json!("completed"), &json!(1.0))
    );
    assert_eq!(done["completed_at"], "2026-11-21T09:10:00Z");
    assert_eq!(quest(&app, &ada, WEEKLY).await["progress"], 1);
    assert_eq!(xp(&app, &ada).await, 0);

    let path = format!("{PATH}/{}/claim", done["id"].as_str().unwrap());
    let request = app.request("POST", &path).bearer(&ada.token);
    let answers = at_once((0..16).map(|_| {
        let request = request.clone();
        async move { request.send().await.expect(200).json() }
    }))
    .await;
    assert!(answers.iter().all(|quest| quest["status"] == "claimed" && *quest == answers[0]));
    assert_eq!(answers[0]["reward_claimed_at"], "2026-11-21T09:30:00Z");
    assert_eq!(xp(&app, &ada).await, 100);
    assert_eq!(claim(&app, &ada, &done).await.expect(200).json(), answers[0]);
    train(&app, &ada, "2026-11-21T09:20:00Z", 60.0).await;
    assert_eq!(quest(&app, &ada, DAILY).await, answers[0], "what is claimed stays as it is");
    assert_eq!(xp(&app, &ada).await, 100);
}

#[tokio::test]
async fn quests_of_others_are_not_there() {
    let app = TestApp::with_clock(NOW).await;
    let (ada, grace) = (app.lifter("ada").await, app.lifter("grace").await);
    let of_ada = quest(&app, &ada, DAILY).await;
    claim(&app, &grace, &of_ada).await.problem(404, "not_found");
    claim(&app, &grace, &json!({ "id": Uuid::nil() })).await.problem(404, "not_found");
    claim(&app, &grace, &json!({ "id": "7" })).await.invalid(&["/path/quest_id"]);
}

/// Where a session lands: the clock, the client's time, and the first days of the daily and the weekly cycle that it counts for.
struct Landing {
    now: i64,
    completed_at: &'static str,
    day: Option<(&'static str, &'static str)>,
}

#[tokio::test]
async fn sessions_count_for_the_cycles_they_were_completed_in() {
    let leap_day = 1_835_395_200; // 2028-02-29T00:00:00Z, a Tuesday
    let cases = [
        // The last and the first instant of a day.
        Landing { now: NOW, completed_at: "2026-11-20T23:59:59.999Z", day: Some(("2026-11-20", "2026-11-16")) },
        Landing { now: NOW, completed_at: "2026-11-21T00:00:00Z", day: Some(("2026-11-21", "2026-11-16")) },
        // Sunday and Monday, told on Tuesday.
        Landing {
            now: NOW + 3 * 86_400,
            completed_at: "2026-11-22T23:59:59.999Z",
            day: Some(("2026-11-22", "2026-11-16")),
        },
        Landing {
            now: NOW + 3 * 86_400,
            completed_at: "2026-11-23T00:00:00Z",
            day: Some(("2026-11-23", "2026-11-23")),
        },
        // Offsets change the day.
        Landing { now: NOW, completed_at: "2026-11-21T00:30:00+01:00", day: Some(("2026-11-20", "2026-11-16")) },
        // The leap day, and the day after it.
        Landing {
            now: leap_day + 86_399,
            completed_at: "2028-02-29T23:59:59.999Z",
            day: Some(("2028-02-29", "2028-02-28")),
        },
        Landing {
            now: leap_day + 86_400,
            completed_at: "2028-03-01T00:00:00Z",
            day: Some(("2028-03-01", "2028-02-28")),
        },
        // A phone's clock ahead by nine minutes into tomorrow, and by eleven.
        Landing {
            now: leap_day + 86_000,
            completed_at: "2028-03-01T00:02:20Z",
            day: Some(("2028-03-01", "2028-02-28")),
        },
        Landing { now: leap_day + 85_000, completed_at: "2028-03-01T00:02:20Z", day: None },
        // A week late, and later.
        Landing { now: NOW, completed_at: "2026-11-14T09:30:00Z", day: Some(("2026-11-14", "2026-11-09")) },
        Landing { now: NOW, completed_at: "2026-11-14T09:29:59Z", day: None },
    ];
    let app = TestApp::with_clock(NOW).await;
    let _working = app.work();
    for (index, case) in cases.iter().enumerate() {
        app.set_s(case.now);
        let lifter = app.lifter(&format!("lifter{index}")).await;
        train(&app, &lifter, case.completed_at, 31.0).await;
        let progressed: Vec<_> =
            quests(&app, &lifter).await.into_iter().filter(|quest| quest["progress"] != 0).collect();
        let name = format!("{} at {}", case.completed_at, case.now);
        let now_text = Some(app.app.clock.now().to_string());
        let Some((day, week)) = case.day else {
            assert_eq!(progressed, [] as [Value; 0], "{name}");
            continue;
        };
        assert_eq!(progressed.len(), 2, "{name}: {progressed:?}");
        let daily = quest_of(&app, &lifter, DAILY, day).await.unwrap_or_else(|| panic!("{name}"));
        assert_eq!((&daily["status"], &daily["progress"]), (&json!("completed"), &json!(30)), "{name}");
        let weekly = quest_of(&app, &lifter, WEEKLY, week).await.unwrap_or_else(|| panic!("{name}"));
        assert_eq!(weekly["progress"], 1, "{name}");
        assert!(
            weekly["status"] == "active" || weekly["cycle_end"].as_str() <= now_text.as_deref(),
            "{name}: {weekly}"
        );
    }
}

#[tokio::test]
async fn a_quest_that_expired_wakes_up_for_what_was_done_in_time() {
    let app = TestApp::with_clock(NOW).await;
    let ada = app.lifter("ada").await;
    let _working = app.work();
    train(&app, &ada, "2026-11-21T09:00:00Z", 10.0).await;
    app.advance_s(86_400);
    let yesterday = quest_of(&app, &ada, DAILY, "2026-11-21").await.unwrap();
    assert_eq!((&yesterday["status"], &yesterday["progress"]), (&json!("expired"), &json!(10)));
    assert_eq!(app.count("select count(*) from user_quests where status = 'expired'").await, 1);
    claim(&app, &ada, &yesterday).await.problem(400, "quest_not_completed");
    train(&app, &ada, "2026-11-21T23:00:00Z", 12.0).await;
    assert_eq!(quest_of(&app, &ada, DAILY, "2026-11-21").await.unwrap()["status"], "expired");
    train(&app, &ada, "2026-11-21T22:00:00Z", 45.0).await;
    let woken = quest_of(&app, &ada, DAILY, "2026-11-21").await.unwrap();
    assert_eq!((&woken["status"], &woken["completed_at"]), (&json!("completed"), &json!("2026-11-21T22:00:00Z")));
    assert_eq!(quest_of(&app, &ada, DAILY, "2026-11-22").await.unwrap()["progress"], 0);
    claim(&app, &ada, &woken).await.expect(200);
    assert_eq!(xp(&app, &ada).await, 100);
}

#[tokio::test]
async fn three_long_days_complete_the_week() {
    let app = TestApp::with_clock(NOW).await;
    let ada = app.lifter("ada").await;
    let _working = app.work();
    let days = [("16", 30.0, 1), ("16", 90.0, 1), ("17", 29.4, 1), ("18", 30.0, 2), ("15", 60.0, 2), ("21", 29.5, 3)];
    for (day, minutes, progress) in days {
        train(&app, &ada, &format!("2026-11-{day}T08:00:00Z"), minutes).await;
        assert_eq!(quest(&app, &ada, WEEKLY).await["progress"], progress, "after {day}");
    }
    let week = quest(&app, &ada, WEEKLY).await;
    assert_eq!(week["status"], "completed");
    claim(&app, &ada, &week).await.expect(200);
    assert_eq!(xp(&app, &ada).await, 300);
}

async fn template(app: &TestApp, code: &str, cadence: &str, metric: &str, target: i32, auto_claim: bool) {
    let insert =
        "insert into quest_templates (id, code, title, cadence, metric, target_value, reward_xp, auto_claim, is_active,
          available_from, expires_at, created_at, updated_at)
        values (gen_random_uuid(), $1, 'Test', $2, $3, $4, 7, $5, true, '2026-11-20T12:00:00Z', '2026-11-22T00:00:00Z',
          '2026-01-01', '2026-01-01')";
    app.pg.execute(insert, &[&code, &cadence, &metric, &target, &auto_claim]).await.unwrap();
}

#[tokio::test]
async fn other_quests_count_workouts_or_minutes_of_their_cycle() {
    let app = TestApp::with_clock(NOW).await;
    let ada = app.lifter("ada").await;
    template(&app, "minutes_of_the_week", "weekly", "active_minutes", 60, false).await;
    template(&app, "workouts_of_the_feast", "limited", "workouts_completed", 3, true).await;
    // One of the earlier server's, before our first look: it counts. One before the feast does not, for the feast.
    let old = "insert into routine_submission (id, user_id, duration, completion_timestamp, status, title)
        select gen_random_uuid(), id, 20.25, at::timestamptz, 'completed', 'Old'
        from users, unnest(array['2026-11-20T12:00:00Z', '2026-11-20T11:59:59Z']) as at";
    app.pg.batch_execute(old).await.unwrap();
    let before = quest(&app, &ada, "workouts_of_the_feast").await;
    assert_eq!((&before["progress"], &before["cycle_start"]), (&json!(1), &json!("2026-11-20T12:00:00Z")));
    assert_eq!(quest(&app, &ada, "minutes_of_the_week").await["progress"], 40);

    let _working = app.work();
    train(&app, &ada, "2026-11-21T08:00:00Z", 10.25).await;
    assert_eq!(quest(&app, &ada, "minutes_of_the_week").await["progress"], 51);
    train(&app, &ada, "2026-11-21T09:00:00Z", 0.25).await;
    let feast = quest(&app, &ada, "workouts_of_the_feast").await;
    assert_eq!((&feast["status"], &feast["progress"]), (&json!("claimed"), &json!(3)), "it is paid by itself");
    assert_eq!(xp(&app, &ada).await, 7);
    train(&app, &ada, "2026-11-21T09:10:00Z", 20.0).await;
    assert_eq!(xp(&app, &ada).await, 7);
    app.advance_s(86_400);
    let codes: Vec<_> = quests(&app, &ada)
        .await
        .into_iter()
        .filter(|quest| quest["template"]["code"] == "workouts_of_the_feast")
        .collect();
    assert_eq!(codes.len(), 1, "the feast is over");
}

#[tokio::test]
async fn durations_that_no_workout_has_count_for_no_quest() {
    let app = TestApp::with_clock(NOW).await;
    template(&app, "minutes_of_the_week", "weekly", "active_minutes", 60, false).await;
    let _working = app.work();
    for (index, odd) in ["'NaN'", "'Infinity'", "'-Infinity'", "1.7e308", "-40"].iter().enumerate() {
        let lifter = app.lifter(&format!("lifter{index}")).await;
        let old = format!(
            "insert into routine_submission (id, user_id, duration, completion_timestamp, status, title)
            select gen_random_uuid(), id, {odd}, '2026-11-21T08:00:00Z', 'completed', 'Old'
            from users, generate_series(1, 2) where username = 'lifter{index}'"
        );
        app.pg.batch_execute(&old).await.unwrap();
        assert_eq!(quest(&app, &lifter, "minutes_of_the_week").await["progress"], 0, "{odd}");
        train(&app, &lifter, "2026-11-21T09:00:00Z", 25.0).await;
        let quest = quest(&app, &lifter, "minutes_of_the_week").await;
        assert_eq!((&quest["progress"], &quest["status"]), (&json!(25), &json!("active")), "{odd}");
    }
}

#[tokio::test]
async fn a_reward_fits_into_what_the_total_can_hold() {
    let app = TestApp::with_clock(NOW).await;
    let ada = app.lifter("ada").await;
    let nearly = "insert into xp_events (id, user_id, amount, created_at) select gen_random_uuid(), id, 2147483600, now() from users";
    app.pg.batch_execute(nearly).await.unwrap();
    let _working = app.work();
    train(&app, &ada, "2026-11-21T09:00:00Z", 45.0).await;
    let done = quest(&app, &ada, DAILY).await;
    claim(&app, &ada, &done).await.expect(200);
    assert_eq!(xp(&app, &ada).await, i32::MAX);
}

#[tokio::test]
async fn the_app_sees_its_quest_completed_right_after_the_workout() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let _working = app.work();
    let now = app.app.clock.now().to_string();
    app.post_as(&ada, WORKOUTS, workout(&now, 45.0)).await.expect(201);
    eventually("the quest", async || quest(&app, &ada, DAILY).await["status"] == "completed").await;
}
