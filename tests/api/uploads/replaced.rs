//! A picture that nothing shows any more is removed; one that anything shows stays, whoever comes at the same time.

use repduel_backend::images::Format;
use serde_json::{Value, json};
use tokio_postgres::Client;

use crate::faults::database_url;
use crate::support::database::connect;
use crate::support::form::{content_type, form};
use crate::support::samples::plain;
use crate::support::{Lifter, Request, Served, TestApp, at_once, eventually};

fn picture() -> Vec<u8> {
    plain(Format::Jpeg)
}

/// Waits until these are all files there are.
async fn files_become(app: &TestApp, keys: &[&String]) {
    let mut keys: Vec<String> = keys.iter().map(|key| (*key).clone()).collect();
    keys.sort();
    eventually("what nothing shows is removed", async || app.storage.files() == keys).await;
}

/// Waits until every picture that was let go of has been looked at, and fails the test if other files than these are left.
async fn files_stay(app: &TestApp, keys: &[&String]) {
    let open = "select count(*) from outbox_events
        where status <> 'completed' and available_at < created_at + interval '1 hour'";
    eventually("all is looked at", async || app.count(open).await == 0).await;
    let mut keys: Vec<String> = keys.iter().map(|key| (*key).clone()).collect();
    keys.sort();
    assert_eq!(app.storage.files(), keys);
}

async fn change(app: &TestApp, lifter: &Lifter, avatar_url: Value) {
    app.patch_as(lifter, "/api/v1/users/me", json!({ "avatar_url": avatar_url })).await.expect(200);
}

fn routine(image: &str) -> Value {
    let scenarios = json!([{ "scenario_id": "back_squat", "name": "x", "sets": 3, "reps": 5 }]);
    json!({ "name": "Legs", "image_url": image, "scenarios": scenarios })
}

#[tokio::test]
async fn a_replaced_picture_is_removed() {
    let app = TestApp::start().await;
    let _working = app.work();
    let ada = app.lifter("ada").await;
    app.set_avatar(&ada, &picture()).await;
    let second = app.set_avatar(&ada, &picture()).await;
    files_become(&app, &[&second]).await;
    app.stored(&second).await.expect(200);
    // The same again is no change.
    change(&app, &ada, json!(second)).await;
    files_stay(&app, &[&second]).await;
    change(&app, &ada, Value::Null).await;
    files_become(&app, &[]).await;
}

#[tokio::test]
async fn a_picture_that_anything_else_shows_stays_until_nothing_does() {
    let app = TestApp::start().await;
    let _working = app.work();
    let (ada, bob) = (app.lifter("ada").await, app.lifter("bob").await);
    let shared = app.set_avatar(&ada, &picture()).await;
    change(&app, &bob, json!(shared)).await;
    let made = app.post_as(&bob, "/api/v1/routines", routine(&shared)).await.expect(201).json();
    let path = format!("/api/v1/routines/{}", made["id"].as_str().unwrap());
    app.post_as(&bob, &format!("{path}/share"), Value::Null).await.expect(200);
    app.post_as(&bob, "/api/v1/guilds", json!({ "name": "G", "icon_url": shared })).await.expect(201);
    let other = app.set_avatar(&ada, &picture()).await;
    files_stay(&app, &[&shared, &other]).await;
    change(&app, &bob, Value::Null).await;
    files_stay(&app, &[&shared, &other]).await;
    app.request("PUT", &path).bearer(&bob.token).json(&json!({ "image_url": other })).send().await.expect(200);
    files_stay(&app, &[&shared, &other]).await; // the shared routine and the guild
    app.pg.execute("delete from routine_share_snapshots", &[]).await.unwrap();
    change(&app, &bob, json!(shared)).await;
    change(&app, &bob, Value::Null).await;
    files_stay(&app, &[&shared, &other]).await; // the guild
    app.pg
        .execute("update guilds set icon_url = 'https://old.example/static/' || icon_url || '?v=1'", &[])
        .await
        .unwrap();
    change(&app, &bob, json!(shared)).await;
    change(&app, &bob, Value::Null).await;
    files_stay(&app, &[&shared, &other]).await; // in an address of before
    app.pg.execute("delete from guilds", &[]).await.unwrap();
    change(&app, &bob, json!(shared)).await;
    change(&app, &bob, Value::Null).await;
    files_become(&app, &[&other]).await;
    app.request("DELETE", &path).bearer(&bob.token).send().await.expect(204);
    change(&app, &ada, Value::Null).await;
    files_become(&app, &[]).await;
}

#[tokio::test]
async fn an_old_address_is_let_go_of_like_a_key() {
    let app = TestApp::start().await;
    let _working = app.work();
    let ada = app.lifter("ada").await;
    app.set_avatar(&ada, &picture()).await;
    app.pg.execute("update users set avatar_url = 'http://localhost:9999/static/' || avatar_url", &[]).await.unwrap();
    let second = app.set_avatar(&ada, &picture()).await;
    files_become(&app, &[&second]).await;
}

#[tokio::test]
async fn a_picture_of_the_earlier_server_is_removed_whatever_its_ending() {
    let app = TestApp::start().await;
    let _working = app.work();
    let mut shown = Vec::new();
    for ending in ["jpeg", "JPG", "heic"] {
        let lifter = app.lifter(ending).await;
        let old = format!("avatars/{}.{ending}", uuid::Uuid::new_v4().simple());
        app.storage.write(&old, "a picture");
        app.pg.execute("update users set avatar_url = $1 where id = $2", &[&old, &lifter.id]).await.unwrap();
        shown.push(app.set_avatar(&lifter, &picture()).await);
    }
    files_become(&app, &shown.iter().collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn only_pictures_that_were_sent_up_are_removed() {
    let app = TestApp::start().await;
    let _working = app.work();
    let ada = app.lifter("ada").await;
    let default = "avatars/default.png".to_owned();
    app.storage.write(&default, "everybody's");
    change(&app, &ada, json!(default)).await;
    let key = app.set_avatar(&ada, &picture()).await;
    files_stay(&app, &[&default, &key]).await;
}

#[tokio::test]
async fn pictures_go_with_the_account() {
    let app = TestApp::start().await;
    let _working = app.work();
    let (ada, bob) = (app.lifter("ada").await, app.lifter("bob").await);
    app.set_avatar(&ada, &picture()).await;
    let image = app.add_image(&ada, &picture()).await;
    app.post_as(&ada, "/api/v1/routines", routine(&image)).await.expect(201);
    let icon = app.add_image(&ada, &picture()).await;
    app.post_as(&ada, "/api/v1/guilds", json!({ "name": "G", "icon_url": icon })).await.expect(201);
    let kept = app.add_image(&ada, &picture()).await;
    app.post_as(&ada, "/api/v1/routines", routine(&kept)).await.expect(201);
    change(&app, &bob, json!(kept)).await;
    app.request("DELETE", "/api/v1/users/me").bearer(&ada.token).send().await.expect(204);
    files_become(&app, &[&kept]).await;
    assert_eq!(app.storage.files().len(), 1);
}

#[tokio::test]
async fn of_many_at_once_one_is_left() {
    let app = TestApp::start().await;
    let _working = app.work();
    let ada = app.lifter("ada").await;
    let requests: Vec<_> = (0..16).map(|_| app.avatar(&ada, &picture())).collect();
    for answer in at_once(requests.into_iter().map(|request| async move { request.send().await })).await {
        answer.expect(200);
    }
    let user = app.get_as(&ada, "/api/v1/users/me").await.json();
    let key = app.key(user["avatar_url"].as_str().unwrap());
    files_become(&app, &[&key]).await;
    app.stored(&key).await.expect(200);
}

/// A transaction that is going to show this picture, and has not said so yet.
async fn undecided(app: &TestApp, owner: &Lifter, key: &str) -> Client {
    let client = connect(&database_url(app)).await;
    client.batch_execute("begin").await.unwrap();
    let insert = "insert into guilds (id, name, icon_url, owner_id) values (gen_random_uuid(), 'G', $1, $2)";
    client.execute(insert, &[&key, &owner.id]).await.unwrap();
    client
}

#[tokio::test]
async fn whoever_is_about_to_show_a_picture_is_waited_for() {
    let app = TestApp::start().await;
    let _working = app.work();
    let (ada, bob) = (app.lifter("ada").await, app.lifter("bob").await);
    let shown = app.set_avatar(&ada, &picture()).await;
    let writing = undecided(&app, &bob, &shown).await;
    let second = app.set_avatar(&ada, &picture()).await;
    writing.batch_execute("commit").await.unwrap();
    files_stay(&app, &[&shown, &second]).await;

    let writing = undecided(&app, &bob, &second).await;
    let third = app.set_avatar(&ada, &picture()).await;
    writing.batch_execute("rollback").await.unwrap();
    files_become(&app, &[&shown, &third]).await;
}

/// Makes it a day later for pictures that nothing may show yet.
async fn a_day_later(app: &TestApp) {
    let watched =
        app.pg.execute("update outbox_events set available_at = created_at where status = 'pending'", &[]).await;
    assert!(watched.unwrap() > 0, "pictures that were sent up are watched");
}

#[tokio::test]
async fn a_picture_that_nothing_ever_showed_is_removed_after_a_day() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let avatar = app.set_avatar(&ada, &picture()).await;
    let (used, unused) = (app.add_image(&ada, &picture()).await, app.add_image(&ada, &picture()).await);
    app.post_as(&ada, "/api/v1/routines", routine(&used)).await.expect(201);
    let soon = "select count(*) from outbox_events where available_at < created_at + interval '24 hours'";
    assert_eq!(app.count(soon).await, 0);
    let _working = app.work();
    files_stay(&app, &[&avatar, &used, &unused]).await;
    a_day_later(&app).await;
    files_stay(&app, &[&avatar, &used]).await;
}

#[tokio::test]
async fn a_process_that_is_killed_between_file_and_row_leaves_nothing_for_ever() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let first = app.set_avatar(&ada, &picture()).await;
    let url = database_url(&app);
    let served = Served::start(&[("DATABASE_URL", &*url), ("STATIC_STORAGE_DIR", app.storage.name())]).await;
    let holding = connect(&url).await;
    holding.batch_execute("begin; select from users for update").await.unwrap();
    let body = form("avatar", "image/jpeg", &picture());
    let request = Request::new(served.address, "PATCH", "/api/v1/users/me/avatar").bearer(&ada.token);
    let request = request.body(&content_type(), body);
    let upload = tokio::spawn(async move { request.try_send().await.is_err() });
    eventually("the file is stored", async || {
        app.storage.files().iter().filter(|file| file.starts_with("avatars/")).count() == 2
    })
    .await;
    served.kill().await;
    assert!(upload.await.unwrap(), "nobody said that it was done");
    holding.batch_execute("rollback").await.unwrap();
    let user = app.get_as(&ada, "/api/v1/users/me").await.json();
    assert_eq!(app.key(user["avatar_url"].as_str().unwrap()), first);
    a_day_later(&app).await;
    let _working = app.work();
    files_become(&app, &[&first]).await;
}

#[tokio::test]
async fn a_worker_without_the_folder_puts_the_removal_off() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let first = app.set_avatar(&ada, &picture()).await;
    let second = app.set_avatar(&ada, &picture()).await;
    let away = app.storage.path().with_extension("away");
    std::fs::rename(app.storage.path(), &away).unwrap();
    let _working = app.work();
    let put_off = "select count(*) from outbox_events where attempts = 1 and last_error is not null";
    eventually("the removal is put off", async || app.count(put_off).await == 1).await;
    std::fs::rename(&away, app.storage.path()).unwrap();
    assert_eq!(app.storage.files().len(), 2);
    app.pg.execute("update outbox_events set available_at = created_at where attempts > 0", &[]).await.unwrap();
    files_become(&app, &[&second]).await;
    app.stored(&first).await.expect(404);
}
