//! Routines: making, listing, changing, deleting and hiding them.

mod limit;
mod sharing;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Answer, Lifter, TestApp};

const ROUTINES: &str = "/api/v1/routines";

fn exercise(id: &str, sets: i32, reps: i32) -> Value {
    json!({ "scenario_id": id, "name": "whatever the client calls it", "sets": sets, "reps": reps })
}

/// A routine to make, of a squat and a deadlift.
fn leg_day(name: &str) -> Value {
    json!({ "name": name, "scenarios": [exercise("deadlift", 3, 5), exercise("back_squat", 5, 8)] })
}

async fn make(app: &TestApp, lifter: &Lifter, name: &str) -> Value {
    app.post_as(lifter, ROUTINES, leg_day(name)).await.expect(201).json()
}

/// A routine that is everybody's.
async fn global(app: &TestApp, name: &str) -> Uuid {
    let insert =
        "insert into routines (name, image_url) values ($1, 'https://pictures.example/global.png') returning id";
    let id: Uuid = app.pg.query_one(insert, &[&name]).await.unwrap().get(0);
    let insert = "insert into routine_scenario_association (routine_id, scenario_id, sets, reps)
        values ($1, 'deadlift', 1, 2), ($1, 'back_squat', 3, 4)";
    app.pg.execute(insert, &[&id]).await.unwrap();
    id
}

fn path_of(routine: &Value) -> String {
    format!("{ROUTINES}/{}", routine["id"].as_str().unwrap())
}

async fn send(app: &TestApp, lifter: &Lifter, method: &str, path: &str, body: Option<Value>) -> Answer {
    let request = app.request(method, path).bearer(&lifter.token);
    match body {
        Some(body) => request.json(&body).send().await,
        None => request.send().await,
    }
}

fn names(routines: &Value) -> Vec<&str> {
    routines.as_array().unwrap().iter().map(|routine| routine["name"].as_str().unwrap()).collect()
}

fn order(routine: &Value) -> Vec<&str> {
    let scenarios = routine["scenarios"].as_array().unwrap().iter();
    scenarios.map(|scenario| scenario["scenario_id"].as_str().unwrap()).collect()
}

async fn listed(app: &TestApp, lifter: &Lifter) -> Value {
    app.get_as(lifter, ROUTINES).await.expect(200).json()
}

#[tokio::test]
async fn a_routine_comes_back_as_it_was_sent_with_the_catalogues_names() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let made = make(&app, &ada, "Leg day").await;
    let expected = json!({
        "id": made["id"], "name": "Leg day", "image_url": null, "user_id": ada.id, "created_at": made["created_at"],
        "scenarios": [
            { "scenario_id": "deadlift", "name": "Deadlift", "sets": 3, "reps": 5 },
            { "scenario_id": "back_squat", "name": "Back Squat", "sets": 5, "reps": 8 },
        ],
    });
    assert_eq!(made, expected);
    assert_eq!(app.get_as(&ada, &path_of(&made)).await.expect(200).json(), made);
    assert_eq!(listed(&app, &ada).await, json!([made]));
    let empty = app.post_as(&ada, ROUTINES, json!({ "name": "x", "scenarios": [] })).await.expect(201).json();
    assert_eq!((&empty["scenarios"], listed(&app, &ada).await), (&json!([]), json!([empty, made])));
}

#[tokio::test]
async fn what_cannot_be_used_writes_nothing() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let with = |scenarios: Value| json!({ "name": "x", "scenarios": scenarios });
    let squat = |sets: Value, reps: Value| with(json!([{ "scenario_id": "back_squat", "sets": sets, "reps": reps }]));
    let made = make(&app, &ada, "Leg day").await;
    for (body, pointer, code) in [
        (json!({ "name": "", "scenarios": [] }), "/name", "length"),
        (json!({ "name": "x".repeat(256), "scenarios": [] }), "/name", "length"),
        (json!({ "name": null, "scenarios": [] }), "/name", "null"),
        (with(Value::Null), "/scenarios", "null"),
        (with(json!({})), "/scenarios", "type"),
        (with(json!([exercise("back_squat", 1, 1), 7])), "/scenarios/1", "type"),
        (with(vec![exercise("back_squat", 1, 1); 201].into()), "/scenarios", "length"),
        (with(json!([{}])), "/scenarios/0/scenario_id", "missing"),
        (squat(json!(-1), json!(1)), "/scenarios/0/sets", "range"),
        (squat(json!(1), json!(-1)), "/scenarios/0/reps", "range"),
        (squat(json!(2_147_483_648_i64), json!(1)), "/scenarios/0/sets", "range"),
        (squat(json!(1), json!(4_294_967_296_i64)), "/scenarios/0/reps", "range"),
        (squat(json!(1.5), json!(1)), "/scenarios/0/sets", "type"),
        (squat(json!(null), json!(1)), "/scenarios/0/sets", "null"),
        (with(json!([exercise("back_squat", 1, 1), exercise("no_such", 1, 1)])), "/scenarios/1/scenario_id", "unknown"),
        (
            with(json!([exercise("deadlift", 1, 1), exercise("back_squat", 1, 1), exercise("deadlift", 2, 2)])),
            "/scenarios/2/scenario_id",
            "repeated",
        ),
        (
            json!({ "name": "x", "scenarios": [], "image_url": "https://elsewhere.example/a.png" }),
            "/image_url",
            "unknown",
        ),
    ] {
        for (method, path) in [("POST", ROUTINES.to_owned()), ("PUT", path_of(&made))] {
            let answer = send(&app, &ada, method, &path, Some(body.clone())).await.expect(422);
            let errors = &answer.json()["errors"];
            assert_eq!(
                (&errors[0]["pointer"], &errors[0]["code"]),
                (&json!(pointer), &json!(code)),
                "{method} {errors}"
            );
        }
    }
    assert_eq!(listed(&app, &ada).await, json!([made]));
    let most = squat(json!(2_147_483_647.0), json!(0));
    let made = app.post_as(&ada, ROUTINES, most).await.expect(201).json();
    assert_eq!((&made["scenarios"][0]["sets"], &made["scenarios"][0]["reps"]), (&json!(i32::MAX), &json!(0)));
}

#[tokio::test]
async fn pictures_are_stored_as_keys_and_answered_as_addresses() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let address = "http://127.0.0.1:9999/static/routine-images/a.png";
    let mut body = leg_day("Leg day");
    body["image_url"] = json!(address);
    let made = app.post_as(&ada, ROUTINES, body).await.expect(201).json();
    assert_eq!(made["image_url"], address);
    let stored =
        async || app.pg.query_one("select image_url from routines", &[]).await.unwrap().get::<_, Option<String>>(0);
    assert_eq!(stored().await.as_deref(), Some("routine-images/a.png"));
    let put = async |image: Value| {
        let body = Some(json!({ "image_url": image }));
        send(&app, &ada, "PUT", &path_of(&made), body).await.expect(200).json()["image_url"].clone()
    };
    assert_eq!(put(json!("routine-images/b.png")).await, address.replace("a.png", "b.png"));
    assert_eq!(put(Value::Null).await, Value::Null);
    assert_eq!(stored().await, None);
    let id = global(&app, "for all").await;
    let shown = app.get_as(&ada, &format!("{ROUTINES}/{id}")).await.expect(200).json();
    assert_eq!(shown["image_url"], "https://pictures.example/global.png");
}

#[tokio::test]
async fn lists_hold_own_and_global_routines_newest_first() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.lifter("ada").await, app.lifter("bob").await);
    for name in ["first", "second"] {
        make(&app, &ada, name).await;
    }
    make(&app, &bob, "of bob").await;
    global(&app, "for all").await;
    let template = "insert into routines (name, user_id, is_share_template) values ('template', $1, true)";
    app.pg.execute(template, &[&ada.id]).await.unwrap();
    let list = listed(&app, &ada).await;
    assert_eq!(names(&list), ["for all", "second", "first"]);
    assert_eq!((&list[0]["user_id"], order(&list[0])), (&Value::Null, vec!["back_squat", "deadlift"]));

    app.pg.execute("update routines set created_at = '2026-01-01'", &[]).await.unwrap();
    let list = listed(&app, &ada).await;
    let ids: Vec<&str> = list.as_array().unwrap().iter().map(|routine| routine["id"].as_str().unwrap()).collect();
    assert!(ids.is_sorted_by(|one, next| one > next), "{ids:?}");
}

#[tokio::test]
async fn a_change_replaces_what_is_sent_and_keeps_the_rest() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let made = make(&app, &ada, "Leg day").await;
    let put = async |body: Value| send(&app, &ada, "PUT", &path_of(&made), Some(body)).await.expect(200).json();
    let mut expected = made.clone();
    assert_eq!(put(json!({})).await, expected);
    expected["name"] = json!("Renamed");
    assert_eq!(put(json!({ "name": "Renamed", "user_id": Uuid::nil() })).await, expected);
    let scenarios = [exercise("front_squat", 1, 2), exercise("deadlift", 3, 4), exercise("back_squat", 5, 6)];
    let changed = put(json!({ "scenarios": scenarios })).await;
    assert_eq!((order(&changed), &changed["name"]), (vec!["front_squat", "deadlift", "back_squat"], &json!("Renamed")));
    assert_eq!(changed["scenarios"][1], json!({ "scenario_id": "deadlift", "name": "Deadlift", "sets": 3, "reps": 4 }));
    assert_eq!(app.get_as(&ada, &path_of(&made)).await.json(), changed);
    let unknown = json!({ "name": "Lost", "scenarios": [exercise("no_such", 1, 1)] });
    send(&app, &ada, "PUT", &path_of(&made), Some(unknown)).await.expect(422);
    assert_eq!(app.get_as(&ada, &path_of(&made)).await.json(), changed);
    assert_eq!(put(json!({ "scenarios": [] })).await["scenarios"], json!([]));
}

#[tokio::test]
async fn what_was_read_can_be_sent_back() {
    let app = TestApp::start().await;
    let (ada, id) = (app.lifter("ada").await, global(&app, "for all").await);
    let most = i32::MAX;
    let update = "update routine_scenario_association set reps = 2147483647, sets = 5000";
    app.pg.execute(update, &[]).await.unwrap();
    // Everybody's routine shows a picture from elsewhere, and so does what is made out of it.
    let share = send(&app, &ada, "POST", &format!("{ROUTINES}/{id}/share"), None).await.expect(200).json();
    let import = json!({ "share_code": share["code"] });
    let mut own = app.post_as(&ada, "/api/v1/routines/import", import).await.expect(201).json();
    assert_eq!((&own["scenarios"][0]["reps"], &own["scenarios"][0]["sets"]), (&json!(most), &json!(5000)));
    assert_eq!(own["image_url"], "https://pictures.example/global.png");
    own["name"] = json!("Mine");
    let put = async |body: &Value| send(&app, &ada, "PUT", &path_of(&own), Some(body.clone())).await;
    assert_eq!(put(&own).await.expect(200).json(), own);
    for other in ["https://pictures.example/other.png", "https://pictures.example/global.png#x"] {
        put(&json!({ "image_url": other })).await.invalid(&["/image_url"]);
    }
    put(&json!({ "image_url": null })).await.expect(200);
    put(&own).await.invalid(&["/image_url"]);
}

#[tokio::test]
async fn what_is_somebody_elses_is_not_found_and_not_changed() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.lifter("ada").await, app.lifter("bob").await);
    let made = make(&app, &ada, "Leg day").await;
    let (private, public) = (path_of(&made), format!("{ROUTINES}/{}", global(&app, "for all").await));
    let nothing = format!("{ROUTINES}/{}", Uuid::new_v4());
    for (method, suffix, path, status) in [
        ("GET", "", &private, 404),
        ("POST", "/share", &private, 404),
        ("PUT", "", &private, 403),
        ("DELETE", "", &private, 403),
        ("GET", "", &public, 200),
        ("POST", "/share", &public, 200),
        ("PUT", "", &public, 403),
        ("DELETE", "", &public, 403),
        ("GET", "", &nothing, 404),
        ("POST", "/share", &nothing, 404),
        ("PUT", "", &nothing, 404),
        ("DELETE", "", &nothing, 404),
    ] {
        let body = (method == "PUT").then(|| json!({ "name": "Stolen" }));
        let answer = send(&app, &bob, method, &format!("{path}{suffix}"), body).await;
        assert_eq!(answer.status, status, "{method} {path}{suffix}");
    }
    assert_eq!(app.get_as(&ada, &private).await.json(), made);
    assert_eq!(names(&listed(&app, &bob).await), ["for all"]);
}

#[tokio::test]
async fn a_deleted_routine_leaves_its_workouts() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.lifter("ada").await, app.lifter("bob").await);
    let (made, kept) = (make(&app, &ada, "Leg day").await, make(&app, &ada, "Kept").await);
    for (lifter, routine) in [(&ada, &made), (&bob, &made), (&ada, &kept)] {
        let id: Uuid = routine["id"].as_str().unwrap().parse().unwrap();
        let insert =
            "insert into routine_submission (id, routine_id, user_id, duration, completion_timestamp, status, title)
            values (gen_random_uuid(), $1, $2, 30, now(), 'completed', 'Leg day')";
        app.pg.execute(insert, &[&id, &lifter.id]).await.unwrap();
    }
    let share = app.request("POST", &format!("{}/share", path_of(&made))).bearer(&ada.token).send().await.expect(200);
    let answer = send(&app, &ada, "DELETE", &path_of(&made), None).await.expect(204);
    assert!(answer.body.is_empty());
    send(&app, &ada, "DELETE", &path_of(&made), None).await.expect(404);
    assert_eq!(app.count("select count(*) from routine_submission where routine_id is null").await, 2);
    assert_eq!(app.count("select count(*) from routine_submission").await, 3);
    let shared = format!("{ROUTINES}/shared/{}", share.json()["code"].as_str().unwrap());
    assert_eq!(app.get(&shared).await.expect(200).json(), share.json());
}

#[tokio::test]
async fn hidden_routines_leave_the_list_until_they_are_shown_again() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.lifter("ada").await, app.lifter("bob").await);
    let hidden = "/api/v1/users/me/hidden-routines";
    let own = make(&app, &ada, "own").await["id"].as_str().unwrap().to_owned();
    let of_bob = make(&app, &bob, "of bob").await["id"].as_str().unwrap().to_owned();
    let public = global(&app, "for all").await.to_string();
    let list = async || app.get_as(&ada, hidden).await.expect(200).json();
    assert_eq!(list().await, json!([]));
    for id in [&own, &public, &own, &of_bob, &Uuid::new_v4().to_string()] {
        send(&app, &ada, "POST", &format!("{hidden}/{id}"), None).await.expect(204);
    }
    // Clients name JSON as the type of a body that they do not send.
    let bare = app.request("POST", &format!("{hidden}/{own}")).bearer(&ada.token).body("application/json", "");
    bare.send().await.expect(204);
    assert_eq!(list().await, json!([public, own]));
    assert_eq!(listed(&app, &ada).await, json!([]));
    assert_eq!(names(&listed(&app, &bob).await), ["for all", "of bob"]);
    app.get_as(&ada, &format!("{ROUTINES}/{own}")).await.expect(200);
    for id in [&own, &own, &Uuid::new_v4().to_string()] {
        send(&app, &ada, "DELETE", &format!("{hidden}/{id}"), None).await.expect(204);
    }
    assert_eq!((list().await, names(&listed(&app, &ada).await)), (json!([public]), vec!["own"]));
}

#[tokio::test]
async fn who_is_gone_or_inactive_has_no_routines() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.lifter("ada").await, app.lifter("bob").await);
    let made = make(&app, &ada, "Leg day").await;
    app.pg.execute("update users set is_active = false where id = $1", &[&ada.id]).await.unwrap();
    app.pg.execute("delete from users where id = $1", &[&bob.id]).await.unwrap();
    let (path, hidden) = (path_of(&made), format!("/api/v1/users/me/hidden-routines/{}", made["id"].as_str().unwrap()));
    for lifter in [&ada, &bob] {
        for (method, path, body) in [
            ("GET", ROUTINES.to_owned(), None),
            ("POST", ROUTINES.to_owned(), Some(leg_day("x"))),
            ("GET", path.clone(), None),
            ("PUT", path.clone(), Some(json!({}))),
            ("DELETE", path.clone(), None),
            ("POST", format!("{path}/share"), None),
            ("POST", hidden.clone(), None),
            ("DELETE", hidden.clone(), None),
        ] {
            assert_eq!(send(&app, lifter, method, &path, body).await.status, 401, "{method} {path}");
        }
    }
    assert_eq!(app.count("select count(*) from routines").await, 1);
}
