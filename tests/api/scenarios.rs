//! Exercises and the catalogue.

use std::io::Read;

use flate2::read::GzDecoder;
use repduel_backend::db::dsn::Dsn;
use repduel_backend::start;
use serde_json::{Value, json};

use crate::support::database::connect;
use crate::support::{ADMIN_TOKEN, Answer, Served, TestApp, TestDatabase, eventually, keys};

const SCENARIOS: &str = "/api/v1/scenarios";

async fn add(app: &TestApp, body: &Value) -> Answer {
    app.request("POST", SCENARIOS).bearer(ADMIN_TOKEN).json(body).send().await
}

async fn details(app: &TestApp, id: &str) -> Answer {
    app.get(&format!("{SCENARIOS}/{id}/details")).await
}

#[tokio::test]
async fn a_fresh_database_has_the_whole_catalogue() {
    let app = TestApp::start().await;
    let list = app.get(SCENARIOS).await.expect(200).json();
    let list = list.as_array().unwrap();
    assert_eq!(list.len(), 254);
    for exercise in list {
        assert_eq!(keys(exercise), ["description", "id", "name"]);
        let description = exercise["description"].as_str().unwrap();
        assert!(description.len() > 20 && description.ends_with('.'), "{exercise}");
    }
    let names: Vec<&str> = list.iter().map(|exercise| exercise["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"Back Squat"));
    let without_muscles = "select count(*) from scenarios
        where not exists (select 1 from scenario_primary_muscle_association where scenario_id = scenarios.id)";
    assert_eq!(app.count(without_muscles).await, 0);
}

#[tokio::test]
async fn details_of_a_weighted_exercise_have_no_calibration() {
    let app = TestApp::start().await;
    let answer = details(&app, "back_squat").await.expect(200);
    let mut squat = answer.json();
    let description = squat["description"].take();
    assert!(description.as_str().unwrap().contains("hip crease"));
    let expected = json!({
        "id": "back_squat",
        "name": "Back Squat",
        "description": null,
        "multiplier": 0.33,
        "volume_multiplier": 1.0,
        "is_bodyweight": false,
        "primary_muscles": ["Glutes", "Quadriceps"],
        "secondary_muscles": ["Abs", "Adductors", "Hamstrings", "Lower Back"],
        "equipment": ["Barbell", "Squat Rack"],
        "calibration": null,
    });
    assert_eq!(squat, expected);
    // Strict clients tell floats from integers by the decimal point.
    assert!(String::from_utf8_lossy(&answer.body).contains(r#""volume_multiplier":1.0"#));
}

#[tokio::test]
async fn details_of_a_bodyweight_exercise_have_its_calibration() {
    let app = TestApp::start().await;
    let pull_ups = details(&app, "pull_ups").await.expect(200).json();
    assert_eq!(
        keys(&pull_ups),
        [
            "calibration",
            "description",
            "equipment",
            "id",
            "is_bodyweight",
            "multiplier",
            "name",
            "primary_muscles",
            "secondary_muscles",
            "volume_multiplier"
        ]
    );
    assert_eq!(pull_ups["is_bodyweight"], true);
    let expected = json!({
        "beginner_50": 5, "elite_50": 36, "beginner_140": 1, "elite_140": 20, "intermediate_95": 13,
    });
    assert_eq!(pull_ups["calibration"], expected);
}

#[tokio::test]
async fn a_multiplier_is_a_bare_number() {
    let app = TestApp::start().await;
    for (id, text) in
        [("back_squat", "0.33"), ("barbell_bench_press", "0.25"), ("deadlift", "0.42"), ("pull_ups", "1.0")]
    {
        let answer = app.get(&format!("{SCENARIOS}/{id}/multiplier")).await.expect(200);
        assert_eq!(answer.body, text, "{id}");
    }
}

#[tokio::test]
async fn unknown_exercises_are_not_found() {
    let app = TestApp::start().await;
    for id in ["unicycle_press", "Back_Squat", "%F0%9F%8F%8B", "a%2Fb"] {
        assert_eq!(details(&app, id).await.problem(404, "not_found").detail(), "Scenario not found");
        app.get(&format!("{SCENARIOS}/{id}/multiplier")).await.problem(404, "not_found");
    }
    for id in ["nul%00", "%FF", &"x".repeat(129)] {
        details(&app, id).await.invalid(&["/path/scenario_id"]);
    }
}

#[tokio::test]
async fn the_admin_adds_exercises() {
    let app = TestApp::start().await;
    let body = json!({
        "id": "atlas_stone", "name": "Atlas Stone", "description": "A round stone goes over a bar.",
        "is_bodyweight": false, "multiplier": 0.4, "volume_multiplier": 1, "nonsense": true,
    });
    let added = add(&app, &body).await.expect(200).json();
    let expected =
        json!({ "id": "atlas_stone", "name": "Atlas Stone", "description": "A round stone goes over a bar." });
    assert_eq!(added, expected);
    let found = details(&app, "atlas_stone").await.expect(200).json();
    assert_eq!((&found["multiplier"], &found["volume_multiplier"]), (&json!(0.4), &json!(1.0)));
    for list in ["primary_muscles", "secondary_muscles", "equipment"] {
        assert_eq!(found[list], json!([]));
    }
    assert!(app.get(SCENARIOS).await.expect(200).json().as_array().unwrap().contains(&expected));
}

#[tokio::test]
async fn the_id_is_a_slug_of_the_name_unless_it_is_given() {
    let app = TestApp::start().await;
    for (name, id) in
        [("  T-Bar Row (Chest) 2 ", "t_bar_row_chest_2"), ("Atlas--Stone", "atlas_stone"), ("Übung", "übung")]
    {
        let added = add(&app, &json!({ "name": name, "id": null, "description": null })).await.expect(200).json();
        assert_eq!(added, json!({ "id": id, "name": name, "description": null }));
    }
    let found = details(&app, "atlas_stone").await.expect(200).json();
    assert_eq!((&found["multiplier"], &found["volume_multiplier"]), (&json!(1.0), &json!(1.0)));
    assert_eq!((&found["is_bodyweight"], &found["calibration"]), (&json!(false), &Value::Null));
    details(&app, "%C3%BCbung").await.expect(200);
    add(&app, &json!({ "name": "!!!" })).await.invalid(&["/id"]);
}

#[tokio::test]
async fn a_taken_id_or_name_is_a_conflict() {
    let app = TestApp::start().await;
    for body in [
        json!({ "id": "back_squat", "name": "Another Squat" }),
        json!({ "id": "another_squat", "name": "Back Squat" }),
        json!({ "name": "Back Squat" }),
        json!({ "name": "back squat" }),
    ] {
        add(&app, &body).await.problem(409, "conflict");
    }
    assert_eq!(app.count("select count(*) from scenarios").await, 254);
}

#[tokio::test]
async fn exercises_that_are_none_are_refused() {
    let app = TestApp::start().await;
    for (key, value) in [
        ("name", json!("")),
        ("name", json!(null)),
        ("name", json!("nul\0")),
        ("name", json!("n".repeat(129))),
        ("id", json!("")),
        ("id", json!("line\nfeed")),
        ("description", json!("nul\0")),
        ("multiplier", json!(-0.1)),
        ("multiplier", json!("1")),
        ("volume_multiplier", json!(1e300)),
        ("is_bodyweight", json!("yes")),
    ] {
        let mut body = json!({ "id": "new", "name": "New" });
        body[key] = value;
        add(&app, &body).await.invalid(&[&format!("/{key}")]);
    }
    add(&app, &json!({})).await.invalid(&["/name"]);
    assert_eq!(app.count("select count(*) from scenarios").await, 254);
}

#[tokio::test]
async fn only_the_admin_adds_exercises() {
    let body = json!({ "name": "Atlas Stone" });
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    app.post_as(&ada, SCENARIOS, body.clone()).await.problem(403, "insufficient_permissions");
    app.request("POST", SCENARIOS).json(&body).send().await.unauthorized();
    app.request("POST", SCENARIOS).bearer("someone-else").json(&body).send().await.unauthorized();

    let app = TestApp::with_variables(&[("ADMIN_API_TOKEN", "")]).await;
    let ada = app.lifter("ada").await;
    app.post_as(&ada, SCENARIOS, body.clone()).await.problem(403, "insufficient_permissions");
    add(&app, &body).await.problem(403, "insufficient_permissions");
    app.request("POST", SCENARIOS).json(&body).send().await.unauthorized();
}

/// Everything that seeding writes, as text.
async fn catalogue(app: &TestApp) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for table in [
        "scenarios",
        "muscles",
        "equipment",
        "scenario_primary_muscle_association",
        "scenario_secondary_muscle_association",
        "scenario_equipment_association",
        "bodyweight_calibrations",
        "quest_templates",
    ] {
        let rows = format!("select string_agg(t::text, e'\\n' order by t::text) from {table} as t");
        found.push((table.to_owned(), app.pg.query_one(&rows, &[]).await.unwrap().get(0)));
    }
    found
}

#[tokio::test]
async fn seeding_again_changes_nothing_that_is_there() {
    let database = TestDatabase::migrated().await;
    let url = database.url();
    let dsn = Dsn::parse(&url).unwrap();
    let app = TestApp::through(database, &url).await;
    let fresh = catalogue(&app).await;
    start::migrate(&dsn).await.unwrap();
    assert_eq!(catalogue(&app).await, fresh);

    // What the live catalogue may look like: rows edited, emptied, renamed, added.
    let edits = "
        update scenarios set description = 'Ours.', multiplier = 0.5, is_bodyweight = true where id = 'back_squat';
        delete from scenario_primary_muscle_association where scenario_id = 'back_squat';
        update bodyweight_calibrations set beginner_50 = 99 where scenario_id = 'pull_ups';
        delete from bodyweight_calibrations where scenario_id = 'push_ups';
        update muscles set name = 'Pecs' where id = 'chest';
        update scenarios set name = 'Deadlift (Conventional)' where id = 'deadlift';
        insert into scenarios (id, name) values ('atlas_stone', 'Atlas Stone');
        update quest_templates set reward_xp = 7;";
    app.pg.batch_execute(edits).await.unwrap();
    let edited = catalogue(&app).await;
    assert_ne!(edited, fresh);
    start::migrate(&dsn).await.unwrap();
    assert_eq!(catalogue(&app).await, edited);
}

#[tokio::test]
async fn seeding_leaves_an_exercise_out_whose_name_another_one_has() {
    let database = TestDatabase::migrated().await;
    let url = database.url();
    let app = TestApp::through(database, &url).await;
    let rename = "
        delete from scenario_primary_muscle_association where scenario_id in ('pull_ups', 'push_ups');
        delete from scenario_secondary_muscle_association where scenario_id in ('pull_ups', 'push_ups');
        delete from scenario_equipment_association where scenario_id in ('pull_ups', 'push_ups');
        delete from scenarios where id in ('pull_ups', 'push_ups');
        insert into scenarios (id, name) values ('old_pull_ups', 'Pull Ups');";
    app.pg.batch_execute(rename).await.unwrap();
    start::migrate(&Dsn::parse(&url).unwrap()).await.unwrap();
    details(&app, "pull_ups").await.expect(404);
    assert_eq!(details(&app, "old_pull_ups").await.expect(200).json()["calibration"], Value::Null);
    let push_ups = details(&app, "push_ups").await.expect(200).json();
    assert_eq!(push_ups["primary_muscles"], json!(["Chest", "Triceps"]));
    assert_eq!(push_ups["calibration"]["elite_50"], 105);
}

/// The names in the list, as this server tells it.
async fn names(server: &Served) -> Vec<String> {
    let list = server.request("GET", SCENARIOS).send().await.expect(200).json();
    list.as_array().unwrap().iter().map(|exercise| exercise["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_list_that_is_known_is_not_sent_again() {
    let app = TestApp::start().await;
    let first = app.get(SCENARIOS).await.expect(200);
    let tag = first.header("etag").unwrap().to_owned();
    assert_eq!(first.header("cache-control"), Some("no-cache"));
    let ask = || app.request("GET", SCENARIOS).header("if-none-match", &tag);
    let again = ask().send().await.expect(304);
    assert!(again.body.is_empty() && again.header("etag") == Some(&tag));
    // Whoever adds an exercise finds it in the list with the next request.
    add(&app, &json!({ "name": "Atlas Stone" })).await.expect(200);
    let changed = ask().send().await.expect(200);
    assert_ne!(changed.header("etag"), Some(tag.as_str()));
    assert!(changed.json().as_array().unwrap().iter().any(|exercise| exercise["id"] == "atlas_stone"));
    add(&app, &json!({ "name": "Atlas Stone" })).await.expect(409);
    assert_eq!(app.get(SCENARIOS).await.expect(200).header("etag"), changed.header("etag"));
}

#[tokio::test]
async fn whoever_reads_gzip_is_sent_gzip_under_a_tag_of_its_own() {
    let app = TestApp::start().await;
    let plain = app.get(SCENARIOS).await.expect(200);
    let ask = |method| app.request(method, SCENARIOS).header("accept-encoding", "gzip, deflate, br");
    let gzipped = ask("GET").try_send().await.unwrap().expect(200);
    assert_eq!((plain.header("content-encoding"), gzipped.header("content-encoding")), (None, Some("gzip")));
    let mut unpacked = Vec::new();
    GzDecoder::new(&gzipped.body[..]).read_to_end(&mut unpacked).unwrap();
    assert_eq!(unpacked, plain.body);
    assert!(gzipped.body.len() * 3 < plain.body.len());
    let of = |answer: &Answer| answer.header("etag").unwrap().to_owned();
    let tags = [of(&plain), of(&gzipped)];
    assert_ne!(tags[0], tags[1]);
    for (tag, status) in [(&tags[1], 304), (&tags[0], 200)] {
        let answer = ask("GET").header("if-none-match", tag).try_send().await.unwrap().expect(status);
        assert_eq!(of(&answer), tags[1]);
    }
    for answer in [plain, ask("GET").header("if-none-match", &tags[1]).send().await.expect(304)] {
        let varies = answer.header("vary");
        assert_eq!(varies, Some("Origin, Accept-Encoding"), "a cache must not give one form to who asks for the other");
    }
    let head = ask("HEAD").send().await.expect(200);
    assert_eq!(head.header("content-length"), Some(gzipped.body.len().to_string().as_str()));
}

#[tokio::test]
async fn every_server_hears_of_a_change_however_it_comes() {
    let database = TestDatabase::migrated().await;
    let url = database.url();
    let variables = [("DATABASE_URL", url.as_str()), ("ADMIN_API_TOKEN", ADMIN_TOKEN)];
    let (one, other) = (Served::start(&variables).await, Served::start(&variables).await);
    let before = names(&one).await;
    assert_eq!(before, names(&other).await);
    let new = json!({ "name": "Atlas Stone" });
    one.request("POST", SCENARIOS).bearer(ADMIN_TOKEN).json(&new).send().await.expect(200);
    let has = |names: &[String], name: &str| names.iter().any(|known| known == name);
    assert!(has(&names(&one).await, "Atlas Stone"));
    // Without a notice it would take a minute, and the test fails after a third of that.
    eventually("the exercise at the other server", async || has(&names(&other).await, "Atlas Stone")).await;
    let pg = connect(&url).await;
    pg.batch_execute("update scenarios set name = 'Atlas Stone to Shoulder' where id = 'atlas_stone'").await.unwrap();
    for server in [&one, &other] {
        eventually("the other name", async || has(&names(server).await, "Atlas Stone to Shoulder")).await;
    }
    pg.batch_execute("delete from scenarios where id = 'atlas_stone'").await.unwrap();
    for server in [&one, &other] {
        eventually("the list as it was", async || names(server).await == before).await;
    }
    one.kill().await;
    other.kill().await;
}
