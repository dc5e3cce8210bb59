//! Who follows whom: the lists, how two lifters stand to each other, and following at most so often.

mod counts;
mod following;
mod lists;
mod lookup;
mod names;

use serde_json::Value;
use uuid::Uuid;

use crate::support::{Answer, Lifter, TestApp};

/// 2027-01-15T08:00:00Z.
const MORNING: i64 = 1_800_000_000;
const HOUR_S: i64 = 3600;

async fn follow(app: &TestApp, follower: &Lifter, followee: Uuid) -> Answer {
    let path = format!("/api/v1/users/{followee}/follow");
    app.request("POST", &path).bearer(&follower.token).send().await
}

async fn unfollow(app: &TestApp, follower: &Lifter, followee: Uuid) -> Answer {
    let path = format!("/api/v1/users/{followee}/follow");
    app.request("DELETE", &path).bearer(&follower.token).send().await
}

/// One of the three lists, as this caller sees it.
async fn list(app: &TestApp, caller: &Lifter, of: Uuid, which: &str) -> Value {
    app.get_as(caller, &format!("/api/v1/users/{of}/{which}")).await.expect(200).json()
}

/// The names on a page, in order.
fn names(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|item| item["username"].as_str().unwrap()).collect()
}

/// How the caller stands to somebody: follows, is followed, friend, self.
async fn relation(app: &TestApp, caller: &Lifter, to: Uuid) -> [bool; 4] {
    let person = app.get_as(caller, &format!("/api/v1/users/{to}/relationship")).await.expect(200).json();
    ["is_following", "is_followed_by", "is_friend", "is_self"].map(|key| person[key].as_bool().unwrap())
}

/// Marks an account as not active.
async fn deactivate(app: &TestApp, user: Uuid) {
    app.pg.execute("update users set is_active = false where id = $1", &[&user]).await.unwrap();
}

/// Writes an edge as another server might have.
async fn edge(app: &TestApp, follower: Uuid, followee: Uuid, status: &str, at: &str) {
    let insert = "insert into social_edges (follower_id, followee_id, status, created_at) values ($1, $2, $3, $4::text::timestamptz)";
    app.pg.execute(insert, &[&follower, &followee, &status, &at]).await.unwrap();
}

/// Makes this many lifters named `<stem>0000` and on; answers their ids.
async fn crowd(app: &TestApp, stem: &str, size: i32) -> Vec<Uuid> {
    let insert = "insert into users (id, username, email, hashed_password, is_active)
        select gen_random_uuid(), name, name || '@example.com', 'x', true
        from (select $1::text || to_char(n, 'FM0000') as name from generate_series(0, $2::integer - 1) as n) as names
        returning id";
    app.pg.query(insert, &[&stem, &size]).await.unwrap().iter().map(|row| row.get(0)).collect()
}
