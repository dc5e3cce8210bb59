//! The switch: the earlier server and this one on one database, traffic moved here, and moved back. What either writes is what
//! the other reads, in the other's own columns and words.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tokio_postgres::Client;
use uuid::Uuid;

use crate::migrations::{assert_boards_are_true, legacy, legacy_rows, lived_in, migrate};
use crate::support::app::PASSWORD_HASH;
use crate::support::people::log_in;
use crate::support::{Lifter, TestApp, TestDatabase};

const EVE: &str = "00000000-0000-4000-8000-0000000000c1";

/// Both servers' database: the service, and a connection that the earlier server might have.
async fn side_by_side() -> (TestApp, Client) {
    let (database, client) = lived_in().await;
    migrate(&database).await;
    (serve(database).await, client)
}

async fn serve(database: TestDatabase) -> TestApp {
    let url = database.url();
    TestApp::through(database, &url).await
}

/// What the earlier server's object mapper sends for a lifter's first day: every column by name, none of those that came since.
fn first_day() -> String {
    format!(
        "insert into users (id, username, display_name, email, hashed_password, is_active, weight, gender, avatar_url,
           weight_multiplier, subscription_level, preferred_unit, energy, rank, created_at, updated_at)
         values ('{EVE}', 'eve', 'Eve', 'Eve@example.com', '{PASSWORD_HASH}', true, 70, 'female', 'avatars/eve.png',
           1, 'gold', 'kg', 150, 'Iron', now(), now());
         insert into scores (user_id, scenario_id, weight_lifted, reps, sets, score_value, is_bodyweight, created_at)
         values ('{EVE}', 'deadlift', 120, 5, 1, 140, false, now());
         insert into personal_best_events (user_id, scenario_id, score_value, weight_lifted, reps, is_bodyweight, created_at)
         values ('{EVE}', 'deadlift', 140, 120, 5, false, now());
         insert into energy_history (id, user_id, energy, created_at) values (gen_random_uuid(), '{EVE}', 150, now());
         insert into user_xp (user_id, total_xp, level, updated_at, last_event_at) values ('{EVE}', 110, 2, now(), now());
         insert into xp_events (id, user_id, amount, reason, idempotency_key, source_type, source_id, created_at)
         values (gen_random_uuid(), '{EVE}', 110, 'score', null, 'score_pr', '1', now());
         insert into routines (id, name, image_url, user_id, is_share_template, created_at)
         values ('{EVE}', 'Pull day', null, '{EVE}', false, now());
         insert into routine_scenario_association (routine_id, scenario_id, sets, reps) values ('{EVE}', 'deadlift', 3, 5);
         insert into routine_submission (id, routine_id, user_id, duration, completion_timestamp, status, title)
         values ('{EVE}', '{EVE}', '{EVE}', 45, now(), 'completed', 'Pull day');
         insert into routine_scenario_submission (id, routine_id, scenario_id, sets, reps, weight, total_volume)
         values (gen_random_uuid(), '{EVE}', 'deadlift', 3, 15, 120, 1800);
         insert into social_edges (follower_id, followee_id, status) select '{EVE}', id, 'active' from users where username = 'ada';
         insert into guilds (id, name, icon_url, owner_id) values ('{EVE}', 'Old Iron', null, '{EVE}');
         insert into rate_limit_events (user_id, action, occurred_at) values ('{EVE}', 'follow', now())"
    )
}

#[tokio::test]
async fn what_the_earlier_server_writes_is_read_here() {
    let (app, client) = side_by_side().await;
    client.batch_execute(&first_day()).await.unwrap();
    assert_boards_are_true(&client).await;
    let eve = log_in(app.address, "eve@example.com", "correct horse").await.expect("the earlier server's password");
    let me = app.get_as(&eve, "/api/v1/users/me").await.expect(200).json();
    assert_eq!((&me["username"], &me["subscription_level"]), (&json!("eve"), &json!("gold")));
    assert!(me["avatar_url"].as_str().unwrap().ends_with("/static/avatars/eve.png"), "{me}");
    assert_eq!(app.get_as(&eve, "/api/v1/levels/me").await.expect(200).json()["xp"], 110);
    let routines = app.get_as(&eve, "/api/v1/routines").await.expect(200).json();
    let names: Vec<&Value> = routines.as_array().unwrap().iter().map(|routine| &routine["name"]).collect();
    assert!(names.contains(&&json!("Pull day")), "{names:?}");
    let workouts = app.get_as(&eve, &format!("/api/v1/routine_submission/user/{EVE}")).await.expect(200).json();
    assert_eq!(workouts[0]["scenario_submissions"][0]["total_volume"], 1800.0);
    assert_eq!(app.get_as(&eve, "/api/v1/guilds").await.expect(200).json()[0]["name"], "Old Iron");
    let board = app.get("/api/v1/scores/scenario/deadlift/leaderboard").await.expect(200).json();
    assert!(board.as_array().unwrap().iter().any(|place| place["user"]["username"] == "eve"), "{board}");
    // And it goes on from there.
    let lift = app.lift(&eve, "deadlift", 130.0).await;
    assert!(lift["score"]["id"].as_i64().unwrap() > 0);
    assert_boards_are_true(&client).await;
}

/// Writes by this server, on everything that the earlier one has a table for.
async fn a_day_here(app: &TestApp) -> Lifter {
    let account = json!({ "username": "frida", "email": "Frida@example.com", "password": "lift heavy things" });
    app.request("POST", "/api/v1/users").json(&account).send().await.expect(201);
    let frida = log_in(app.address, "frida@example.com", "lift heavy things").await.unwrap();
    app.patch_as(&frida, "/api/v1/users/me", json!({ "weight": 70, "gender": "female" })).await.expect(200);
    app.lift(&frida, "deadlift", 120.0).await;
    app.lift(&frida, "deadlift", 110.0).await;
    let deadlift = json!([{ "scenario_id": "deadlift", "sets": 3, "reps": 5 }]);
    let routine = json!({ "name": "Pull day", "scenarios": deadlift });
    let routine = app.post_as(&frida, "/api/v1/routines", routine).await.expect(201).json();
    let done = json!([{ "scenario_id": "deadlift", "sets": 3, "reps": 15, "weight": 120, "total_volume": 1800 }]);
    let now = app.app.clock.now().to_string();
    let workout = json!({
        "routine_id": routine["id"], "duration": 45, "completion_timestamp": now, "status": "completed",
        "scenario_submissions": done,
    });
    app.post_as(&frida, "/api/v1/routine_submission", workout).await.expect(201);
    app.get_as(&frida, "/api/v1/quests/me").await.expect(200);
    let follow = "/api/v1/users/00000000-0000-4000-8000-000000000001/follow";
    app.request("POST", follow).bearer(&frida.token).send().await.expect(204);
    app.post_as(&frida, "/api/v1/guilds", json!({ "name": "New Iron" })).await.expect(201);
    frida
}

#[tokio::test]
async fn what_is_written_here_is_read_by_the_earlier_server() {
    let (app, client) = side_by_side().await;
    let frida = a_day_here(&app).await;
    let one = async |query: &str| -> bool {
        let rows = client.query(&format!("select true from ({query}) as found"), &[&frida.id]).await.unwrap();
        rows.len() == 1
    };
    // The columns that the earlier server fills in itself and never expects to be empty, with the words that it knows.
    for query in [
        "select from users where id = $1 and username = 'frida' and lower(email) = 'frida@example.com' and is_active
           and hashed_password like '$2b$12$%' and length(hashed_password) = 60 and subscription_level = 'free'
           and preferred_unit in ('kg', 'lbs') and weight_multiplier is not null and energy > 0 and rank is not null
           and created_at is not null and updated_at >= created_at and weight = 70 and gender = 'female'",
        "select user_id from scores where user_id = $1 and scenario_id = 'deadlift' and is_bodyweight is not null
           and created_at is not null group by user_id having count(*) = 2",
        "select from personal_best_events where user_id = $1 and weight_lifted = 120 and not is_bodyweight",
        "select user_id from energy_history where user_id = $1 group by user_id",
        "select from user_xp where user_id = $1 and level >= 1 and last_event_at is not null
           and total_xp = (select sum(amount) from xp_events where user_id = $1)",
        "select from routines where user_id = $1 and name = 'Pull day' and not is_share_template",
        "select from routine_scenario_association as item join routines on routines.id = routine_id
           where user_id = $1 and scenario_id = 'deadlift' and sets = 3 and item.reps = 5",
        "select from routine_submission where user_id = $1 and duration = 45 and status = 'completed' and title <> ''",
        "select from routine_scenario_submission as item join routine_submission as done on done.id = item.routine_id
           where user_id = $1 and item.weight = 120 and total_volume = 1800",
        "select from social_edges where follower_id = $1 and status = 'active'",
        "select from guilds where owner_id = $1 and name = 'New Iron'",
    ] {
        assert!(one(query).await, "{query}");
    }
    // Every row of every table can be read in the columns that the earlier server knows.
    let rows = legacy_rows(&client).await;
    assert!(rows["users"].iter().any(|row| row.contains("frida")) && rows.len() >= 25, "{} tables", rows.len());
}

#[tokio::test]
async fn traffic_moves_back_and_here_again_and_nothing_is_lost_on_the_way() {
    let (app, client) = side_by_side().await;
    let frida = a_day_here(&app).await;
    // Back there: another password, a lift, experience by reading and writing, as the earlier server does it.
    let id = frida.id;
    let there = format!(
        "update users set hashed_password = '{PASSWORD_HASH}', updated_at = now() where id = '{id}';
         insert into scores (user_id, scenario_id, weight_lifted, reps, sets, score_value, is_bodyweight, created_at)
         values ('{id}', 'deadlift', 150, 1, 1, 150, false, now());
         insert into personal_best_events (user_id, scenario_id, score_value, weight_lifted, reps, is_bodyweight, created_at)
         values ('{id}', 'deadlift', 150, 150, 1, false, now());
         insert into xp_events (id, user_id, amount, reason, source_type, source_id, created_at)
         values (gen_random_uuid(), '{id}', 10, 'score', 'score_pr', 'there', now());
         update user_xp set total_xp = total_xp + 10, updated_at = now(), last_event_at = now() where user_id = '{id}';
         update routines set name = 'Heavy pull day' where user_id = '{id}';
         delete from routine_scenario_association where routine_id = (select id from routines where user_id = '{id}');
         insert into routine_scenario_association (routine_id, scenario_id, sets, reps)
         select id, 'back_squat', 5, 5 from routines where user_id = '{id}';
         delete from social_edges where follower_id = '{id}'"
    );
    client.batch_execute(&there).await.unwrap();
    // Here again, after a start of its own.
    let again = app.another().await;
    let board = crate::support::Request::new(again, "GET", "/api/v1/scores/scenario/deadlift/leaderboard");
    let board = board.send().await.expect(200).json();
    let place = board.as_array().unwrap().iter().find(|place| place["user"]["username"] == "frida").unwrap().clone();
    assert_eq!(place["score_value"], 150.0);
    assert!(log_in(app.address, "frida@example.com", "lift heavy things").await.is_none(), "the password from before");
    let frida = log_in(app.address, "frida@example.com", "correct horse").await.expect("the password from there");
    let routines = app.get_as(&frida, "/api/v1/routines").await.expect(200).json();
    let heavy =
        routines.as_array().unwrap().iter().find(|routine| routine["name"] == "Heavy pull day").unwrap().clone();
    assert_eq!(heavy["scenarios"][0]["scenario_id"], "back_squat");
    app.lift(&frida, "deadlift", 160.0).await;
    assert_boards_are_true(&client).await;
    let sums =
        "select total_xp = (select sum(amount) from xp_events where user_id = $1) from user_xp where user_id = $1";
    assert!(client.query_one(sums, &[&id]).await.unwrap().get::<_, bool>(0));
    // An account is deleted there, with everything that hangs on it, also what only this server knows of.
    client.execute("delete from users where id = $1", &[&id]).await.unwrap();
    app.get_as(&frida, "/api/v1/users/me").await.expect(401);
    assert_boards_are_true(&client).await;
}

#[tokio::test]
async fn nothing_that_was_added_is_asked_of_the_earlier_server() {
    let (database, client) = legacy().await;
    migrate(&database).await;
    let known: BTreeSet<(String, String)> = include_str!("../data/legacy-schema.txt")
        .lines()
        .filter_map(|line| line.split_once(" column "))
        .map(|(table, column)| (table.to_owned(), column.split(' ').next().unwrap().to_owned()))
        .collect();
    let tables: BTreeSet<&String> = known.iter().map(|(table, _)| table).collect();
    let query = "select table_name::text, column_name::text, is_nullable = 'NO' and column_default is null
          and is_identity = 'NO' and is_generated = 'NEVER'
        from information_schema.columns where table_schema = 'public'";
    for row in client.query(query, &[]).await.unwrap() {
        let (table, column, demanded): (String, String, bool) = (row.get(0), row.get(1), row.get(2));
        let new = tables.contains(&table) && !known.contains(&(table.clone(), column.clone()));
        assert!(!(new && demanded), "the earlier server does not fill in {table}.{column}");
    }
    let id: Uuid = EVE.parse().unwrap();
    let least = "insert into users (id, email, hashed_password, username) values ($1, 'e@example.com', '-', 'e')";
    client.execute(least, &[&id]).await.unwrap();
}
