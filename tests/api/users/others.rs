//! What others see of an account, and deleting it.

use serde_json::{Value, json};

use super::{USER_KEYS, old_account};
use crate::support::app::PASSWORD_HASH;
use crate::support::{ADMIN_TOKEN, TestApp, at_once, keys};

#[tokio::test]
async fn others_see_neither_address_nor_purchases() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let update = "update users set original_transaction_id = '1000', weight = 60, display_name = 'Ada' where id = $1";
    app.pg.execute(update, &[&ada.id]).await.unwrap();
    let mut own = app.get_as(&ada, "/api/v1/users/me").await.expect(200).json();
    assert_eq!((&own["email"], &own["original_transaction_id"]), (&json!("ada@example.com"), &json!("1000")));
    own["email"] = json!("");
    own["original_transaction_id"] = Value::Null;
    for path in [format!("/api/v1/users/{}", ada.id), "/api/v1/users/username/ada".to_owned()] {
        let seen = app.get(&path).await.expect(200).json();
        assert_eq!(keys(&seen), USER_KEYS);
        assert_eq!(seen, own, "{path}");
        // Nor does the lifter's own token open these two.
        assert_eq!(app.get_as(&ada, &path).await.expect(200).json(), own, "{path}");
    }
}

#[tokio::test]
async fn nobody_is_not_found_and_a_malformed_id_is_invalid() {
    let app = TestApp::start().await;
    let answer = app.get(&format!("/api/v1/users/{}", uuid::Uuid::new_v4())).await.problem(404, "not_found");
    assert_eq!(answer.detail(), "User not found");
    for id in ["7", "not-an-id", "00000000-0000-0000-0000-00000000000", "%00"] {
        app.get(&format!("/api/v1/users/{id}")).await.invalid(&["/path/user_id"]);
    }
    for name in ["nobody", "%F0%9F%8F%8B", "ad%25", "%2Fada"] {
        app.get(&format!("/api/v1/users/username/{name}")).await.problem(404, "not_found");
    }
    for name in ["nul%00", "%FF%FE", &"n".repeat(300)] {
        app.get(&format!("/api/v1/users/username/{name}")).await.invalid(&["/path/username"]);
    }
}

#[tokio::test]
async fn names_are_found_percent_encoded() {
    let app = TestApp::start().await;
    let name = "Jürgen 🏋 & co+1";
    let id = old_account(&app, name, "j@example.com", PASSWORD_HASH).await;
    for path in ["J%C3%BCrgen%20%F0%9F%8F%8B%20%26%20co%2B1", "J%c3%bcrgen%20%f0%9f%8f%8b%20&%20co+1"] {
        let user = app.get(&format!("/api/v1/users/username/{path}")).await.expect(200).json();
        assert_eq!((&user["id"], &user["username"]), (&json!(id), &json!(name)));
    }
}

#[tokio::test]
async fn an_old_name_with_a_slash_is_found_too() {
    let app = TestApp::start().await;
    let id = old_account(&app, "a/b%", "ab@example.com", PASSWORD_HASH).await;
    let user = app.get("/api/v1/users/username/a%2Fb%25").await.expect(200).json();
    assert_eq!(user["id"], json!(id));
}

#[tokio::test]
async fn odd_old_rows_have_every_key() {
    let app = TestApp::start().await;
    let id = old_account(&app, "odd", "odd@example.com", PASSWORD_HASH).await;
    let update = "update users set is_active = null, rank = null, weight = 'NaN', energy = 'Infinity', avatar_url = ''";
    app.pg.batch_execute(update).await.unwrap();
    let user = app.get(&format!("/api/v1/users/{id}")).await.expect(200).json();
    let expected = json!({
        "id": id,
        "username": "odd",
        "email": "",
        "is_active": true,
        "created_at": "1970-01-01T00:00:00Z",
        "updated_at": "1970-01-01T00:00:00Z",
        "avatar_url": null,
        "display_name": null,
        "weight": null,
        "gender": null,
        "weight_multiplier": 1.0,
        "subscription_level": "free",
        "energy": null,
        "rank": "Unranked",
        "original_transaction_id": null,
        "preferred_unit": "kg",
    });
    assert_eq!(user, expected);
}

#[tokio::test]
async fn pictures_in_the_table_become_addresses() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    for (stored, shown) in [
        ("avatars/a.png", "http://127.0.0.1:9999/static/avatars/a.png"),
        ("http://localhost:8000/static/avatars/a.png", "http://127.0.0.1:9999/static/avatars/a.png"),
        ("https://lh3.googleusercontent.com/a/b=s96-c", "https://lh3.googleusercontent.com/a/b=s96-c"),
    ] {
        app.pg.execute("update users set avatar_url = $1", &[&stored]).await.unwrap();
        let user = app.get(&format!("/api/v1/users/{}", ada.id)).await.expect(200).json();
        assert_eq!(user["avatar_url"], shown);
        // Changing something else leaves the picture alone, even one that could not be sent in.
        let user = app.patch_as(&ada, "/api/v1/users/me", json!({ "gender": stored })).await.expect(200).json();
        assert_eq!(user["avatar_url"], shown);
        assert_eq!(app.count("select count(*) from users where avatar_url = gender").await, 1);
    }
}

#[tokio::test]
async fn a_content_network_is_preferred_where_configured() {
    let variables = [("STATIC_PUBLIC_BASE", "https://cdn.repduel.com/static"), ("STATIC_PREFER_CDN", "true")];
    let app = TestApp::with_variables(&variables).await;
    let ada = app.lifter("ada").await;
    let body = json!({ "avatar_url": "http://127.0.0.1:9999/static/avatars/a.png" });
    let user = app.patch_as(&ada, "/api/v1/users/me", body).await.expect(200).json();
    assert_eq!(user["avatar_url"], "https://cdn.repduel.com/static/avatars/a.png");
    let body = json!({ "avatar_url": "https://cdn.repduel.com/static/avatars/b.png" });
    let user = app.patch_as(&ada, "/api/v1/users/me", body).await.expect(200).json();
    assert_eq!(user["avatar_url"], "https://cdn.repduel.com/static/avatars/b.png");
}

/// Rows of one lifter ($1) in every table that has any, and those of another one ($2) who used the first one's routine.
const BELONGINGS: &str = "
    create temporary table one (id uuid, other uuid);
    insert into one values ('$1', '$2');
    insert into leaderboard_entries (user_id, scenario_id, weight_lifted)
        select unnest(array[id, other]), 'deadlift', 100 from one;
    insert into routines (id, name, user_id) select md5('routine')::uuid, 'Push', id from one;
    insert into routine_scenario_association select md5('routine')::uuid, 'deadlift', 3, 5;
    insert into routine_submission
        select md5('workout' || who)::uuid, md5('routine')::uuid, who, 30, now(), 'completed', 'Push'
        from one, unnest(array[id, other]) as who;
    insert into routine_scenario_submission
        select md5('set' || who)::uuid, md5('workout' || who)::uuid, 'deadlift', 3, 5, 100, 1500
        from one, unnest(array[id, other]) as who;
    insert into routine_share_snapshots (code, name, scenarios, source_routine_id, created_by_user_id)
        select 'ABCD1234', 'Push', '[]', md5('routine')::uuid, id from one;
    insert into hidden_routines select other, md5('routine')::uuid from one;
    insert into social_edges (follower_id, followee_id) select id, other from one union select other, id from one;
    insert into guilds (id, name, owner_id) select md5('guild')::uuid, 'Iron', id from one;
    insert into daily_workout_aggregates select id, now(), 30, true, now(), now() from one;
    insert into user_quests (id, user_id, template_id, status, progress_value, required_value, cycle_start,
                             available_from, created_at, updated_at)
        select md5('quest')::uuid, one.id, (select id from quest_templates limit 1), 'active', 0, 1, now(), now(), now(), now()
        from one;
    insert into rate_limit_events (user_id, action, occurred_at)
        select unnest(array[id, other]), 'follow', now() from one;";

/// Every table's rows that name this user, in whatever column holds users, once the worker has folded what boards counted.
async fn traces(app: &TestApp, user: uuid::Uuid) -> Vec<String> {
    app.pg.batch_execute("select fold_boards(1000)").await.unwrap();
    let columns = "select columns.table_name::text, columns.column_name::text
        from information_schema.columns join information_schema.tables using (table_schema, table_name)
        where table_schema = 'public' and table_type = 'BASE TABLE' and data_type = 'uuid' order by 1, 2";
    let mut found = Vec::new();
    for row in app.pg.query(columns, &[]).await.unwrap() {
        let (table, column): (String, String) = (row.get(0), row.get(1));
        if app.count(&format!("select count(*) from {table} where {column} = '{user}'")).await > 0 {
            found.push(format!("{table}.{column}"));
        }
    }
    found
}

#[tokio::test]
async fn deleting_an_account_takes_everything_with_it_but_the_workouts_of_others() {
    let app = TestApp::start().await;
    let (ada, grace) = (app.lifter("ada").await, app.lifter("grace").await);
    app.patch_as(&ada, "/api/v1/users/me", json!({ "weight": 60 })).await.expect(200);
    app.lift(&ada, "deadlift", 100.0).await;
    app.lift(&grace, "deadlift", 90.0).await;
    let belongings = BELONGINGS.replace("$1", &ada.id.to_string()).replace("$2", &grace.id.to_string());
    app.pg.batch_execute(&belongings).await.unwrap();
    let traced = traces(&app, ada.id).await;
    assert!(traced.len() >= 15, "the test must leave traces everywhere: {traced:?}");
    let of_grace = traces(&app, grace.id).await;

    let deletion = app.request("DELETE", "/api/v1/users/me").bearer(&ada.token);
    assert!(deletion.send().await.expect(204).body.is_empty());

    assert_eq!(traces(&app, ada.id).await, Vec::<String>::new());
    app.get_as(&ada, "/api/v1/users/me").await.unauthorized();
    deletion.send().await.unauthorized();
    app.get(&format!("/api/v1/users/{}", ada.id)).await.expect(404);
    let detached = "select count(*) from routine_submission join routine_scenario_submission as part
        on part.routine_id = routine_submission.id where routine_submission.routine_id is null";
    assert_eq!(app.count(detached).await, 1, "the other lifter's workout stays, detached");
    assert_eq!(app.count("select count(*) from routine_submission").await, 1);
    assert_eq!(app.count("select count(*) from routine_share_snapshots where created_by_user_id is null").await, 1);
    let gone_with_her = ["hidden_routines.user_id", "social_edges.followee_id", "social_edges.follower_id"];
    let left: Vec<_> = of_grace.into_iter().filter(|trace| !gone_with_her.contains(&trace.as_str())).collect();
    assert_eq!(traces(&app, grace.id).await, left);
    let board = app.get("/api/v1/scores/scenario/deadlift/leaderboard").await.expect(200).json();
    assert_eq!(board.as_array().unwrap().len(), 1);
    assert_eq!((&board[0]["user"]["username"], &board[0]["rank"]), (&json!("grace"), &json!(1)));
}

#[tokio::test]
async fn an_account_that_is_deleted_while_it_is_used_leaves_nothing_behind() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let award = format!("/api/v1/levels/me/award?user_id={}", ada.id);
    let requests: Vec<_> = (0..32)
        .map(|n| match n % 4 {
            0 => app.request("POST", "/api/v1/scores/scenario/deadlift").json(&json!({ "weight_lifted": n + 1 })),
            1 => app.request("PATCH", "/api/v1/users/me").json(&json!({ "weight": n + 60 })),
            2 => app.request("POST", &award).json(&json!({ "amount": 1 })),
            _ => app.request("DELETE", "/api/v1/users/me"),
        })
        .enumerate()
        .map(|(n, request)| request.bearer(if n % 4 == 2 { ADMIN_TOKEN } else { &ada.token }))
        .collect();
    let answers = at_once(requests.into_iter().map(|request| async move { request.send().await })).await;
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 204).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 204, 401, 404].contains(status)), "{statuses:?}");
    assert_eq!(traces(&app, ada.id).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_deleted_lifters_name_and_address_are_free_again() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    app.request("DELETE", "/api/v1/users/me").bearer(&ada.token).send().await.expect(204);
    super::register(&app, &super::registration("ada")).await.expect(201);
}
