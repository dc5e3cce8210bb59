//! Share codes: what they keep, who can read them, what becomes of them.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::{ROUTINES, exercise, global, make, order, path_of, send};
use crate::support::{Lifter, TestApp};

const IMPORT: &str = "/api/v1/routines/import";

async fn share(app: &TestApp, lifter: &Lifter, routine: &Value) -> Value {
    send(app, lifter, "POST", &format!("{}/share", path_of(routine)), None).await.expect(200).json()
}

fn shared_path(share: &Value) -> String {
    format!("{ROUTINES}/shared/{}", share["code"].as_str().unwrap())
}

/// A shared routine as the earlier server may have left it.
async fn snapshot(app: &TestApp, code: &str, scenarios: &str) {
    let insert = "insert into routine_share_snapshots (code, name, scenarios) values ($1, 'old', $2::text::json)";
    app.pg.execute(insert, &[&code, &scenarios]).await.unwrap();
}

#[tokio::test]
async fn a_code_keeps_the_routine_as_it_was() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.lifter("ada").await, app.lifter("bob").await);
    let made = make(&app, &ada, "Leg day").await;
    let shared = share(&app, &ada, &made).await;
    let code = shared["code"].as_str().unwrap().to_owned();
    assert!(code.len() == 8 && code.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit()), "{code}");
    let expected = json!({
        "code": code, "name": "Leg day", "image_url": null, "scenarios": made["scenarios"], "created_at": shared["created_at"],
    });
    assert_eq!(shared, expected);

    let change = json!({ "name": "Changed", "scenarios": [exercise("front_squat", 1, 1)] });
    send(&app, &ada, "PUT", &path_of(&made), Some(change)).await.expect(200);
    for code in [code.clone(), code.to_lowercase()] {
        assert_eq!(app.get(&format!("{ROUTINES}/shared/{code}")).await.expect(200).json(), shared);
    }
    let again = share(&app, &ada, &made).await;
    assert_eq!((&again["name"], order(&again)), (&json!("Changed"), vec!["front_squat"]));

    let import = json!({ "share_code": code.to_lowercase() });
    let imported = app.post_as(&bob, IMPORT, import).await.expect(201).json();
    assert_eq!((&imported["name"], &imported["user_id"]), (&json!("Leg day"), &json!(bob.id)));
    assert_eq!(imported["scenarios"], made["scenarios"]);
    app.request("DELETE", "/api/v1/users/me").bearer(&ada.token).send().await.expect(204);
    assert_eq!(app.get(&shared_path(&shared)).await.expect(200).json(), shared);
    assert_eq!(app.get_as(&bob, &path_of(&imported)).await.expect(200).json(), imported);
}

#[tokio::test]
async fn unknown_codes_are_not_found_and_odd_ones_unusable() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    for code in ["ABCD2345", "x", "%25", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"] {
        let answer = app.get(&format!("{ROUTINES}/shared/{code}")).await.expect(404);
        assert_eq!(answer.detail(), "Shared routine not found");
    }
    for (code, status) in
        [("ABCD2345", 404), ("ABCD", 404), ("ABC", 422), (&*"A".repeat(32), 404), (&"A".repeat(33), 422)]
    {
        app.post_as(&ada, IMPORT, json!({ "share_code": code })).await.expect(status);
    }
    app.request("POST", IMPORT).json(&json!({ "share_code": "ABCD2345" })).send().await.expect(401);
}

#[tokio::test]
async fn everybodys_routines_can_be_shared_by_anybody() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let id = global(&app, "for all").await;
    let shared = share(&app, &ada, &json!({ "id": id })).await;
    assert_eq!((&shared["name"], order(&shared)), (&json!("for all"), vec!["back_squat", "deadlift"]));
    let imported = app.post_as(&ada, IMPORT, json!({ "share_code": shared["code"] })).await.expect(201).json();
    assert_eq!(imported["image_url"], "https://pictures.example/global.png");
}

#[tokio::test]
async fn shared_routines_of_the_earlier_server_are_readable_however_odd() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    app.pg.execute("update users set subscription_level = 'gold'", &[]).await.unwrap();
    let squat = |name: &str, sets: i32, reps: i32| json!({ "scenario_id": "back_squat", "name": name, "sets": sets, "reps": reps });
    let in_catalogue = |sets: i32, reps: i32| json!([squat("Back Squat", sets, reps)]);
    for (code, stored, shown, imported) in [
        ("PLAIN", squat("My squat", 3, 8).to_string(), json!([squat("My squat", 3, 8)]), in_catalogue(3, 8)),
        ("BARE", r#"{"scenario_id":"back_squat"}"#.to_owned(), json!([squat("back_squat", 0, 0)]), in_catalogue(0, 0)),
        ("WILD", squat("x", -5, 100_000).to_string(), json!([squat("x", -5, 100_000)]), in_catalogue(0, 100_000)),
        (
            "TEXT",
            r#"{"scenario_id":"back_squat","name":7,"sets":"3","reps":8.0}"#.to_owned(),
            json!([squat("back_squat", 0, 8)]),
            in_catalogue(0, 8),
        ),
        ("TWICE", format!("{0},{0}", squat("x", 1, 1)), json!([squat("x", 1, 1)]), in_catalogue(1, 1)),
        (
            "GONE",
            r#"{"scenario_id":"gone","name":"Gone","sets":1,"reps":2}"#.to_owned(),
            json!([{ "scenario_id": "gone", "name": "Gone", "sets": 1, "reps": 2 }]),
            json!([]),
        ),
        ("MIXED", r#"7,null,{},{"scenario_id":"a\u0000"},{"scenario_id":5}"#.to_owned(), json!([]), json!([])),
        ("BROKEN", r#""\ud800",1e999"#.to_owned(), json!([]), json!([])),
    ] {
        snapshot(&app, code, &format!("[{stored}]")).await;
        let found = app.get(&format!("{ROUTINES}/shared/{code}")).await.expect(200).json();
        assert_eq!(found["scenarios"], shown, "{code}");
        let made = app.post_as(&ada, IMPORT, json!({ "share_code": code })).await.expect(201).json();
        assert_eq!((&made["name"], &made["scenarios"]), (&json!("old"), &imported), "{code}");
    }
    for (code, stored) in [("OBJECT", "{}"), ("NULL", "null"), ("NUMBER", "7")] {
        snapshot(&app, code, stored).await;
        let found = app.get(&format!("{ROUTINES}/shared/{code}")).await.expect(200).json();
        assert_eq!(found["scenarios"], json!([]));
    }
}

#[tokio::test]
async fn a_code_that_is_taken_is_drawn_again() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let made = make(&app, &ada, "Leg day").await;
    snapshot(&app, "TAKEN000", "[]").await;
    // The first codes that the service draws become the taken one.
    let trigger = "create sequence draws;
        create function collide() returns trigger language plpgsql as $$
        begin
          if nextval('draws') <= (select last_value from collisions) then new.code := 'TAKEN000'; end if;
          return new;
        end $$;
        create sequence collisions start 2;
        create trigger collide before insert on routine_share_snapshots for each row execute function collide();";
    app.pg.batch_execute(trigger).await.unwrap();
    let shared = share(&app, &ada, &made).await;
    assert_ne!(shared["code"], "TAKEN000");
    assert_eq!(app.get(&shared_path(&shared)).await.expect(200).json(), shared);
    assert_eq!(app.count("select last_value from draws").await, 3);

    app.pg.batch_execute("select setval('collisions', 1000)").await.unwrap();
    send(&app, &ada, "POST", &format!("{}/share", path_of(&made)), None).await.expect(503);
    assert_eq!(app.count("select last_value from draws").await, 11, "the drawing comes to an end");
    assert_eq!(app.count("select count(*) from routine_share_snapshots").await, 2);
}

#[tokio::test]
async fn no_two_codes_are_alike() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let made = make(&app, &ada, "Leg day").await;
    let mut codes = HashSet::new();
    for _ in 0..64 {
        assert!(codes.insert(share(&app, &ada, &made).await["code"].as_str().unwrap().to_owned()));
    }
    let letters: HashSet<char> = codes.iter().flat_map(|code| code.chars()).collect();
    assert!(letters.len() > 30, "512 letters hold nearly all of the 36: {letters:?}");
}
