//! The counts of followers, followed and friends: kept true whoever writes, and at once.

use std::sync::Arc;

use tokio_postgres::Client;
use tokio_postgres::error::SqlState;
use uuid::Uuid;

use super::{crowd, deactivate, edge, follow, list, unfollow};
use crate::migrations::{lived_in, migrate};
use crate::support::ledger::{Dice, assert_follows};
use crate::support::{Lifter, TestApp, at_once, eventually};

/// What the lists say of a lifter: followers, following, friends; the counts are the edges'.
async fn totals(app: &TestApp, caller: &Lifter, of: Uuid) -> [i64; 3] {
    assert_follows(&app.pg).await;
    let mut totals = [0; 3];
    for (total, which) in totals.iter_mut().zip(["followers", "following", "friends"]) {
        *total = list(app, caller, of, which).await["total"].as_i64().unwrap();
    }
    totals
}

#[tokio::test]
async fn counts_change_with_each_follow_and_unfollow() {
    let app = TestApp::start().await;
    let (ada, grace) = (app.lifter("ada").await, app.lifter("grace").await);
    assert_eq!(totals(&app, &ada, ada.id).await, [0, 0, 0]);
    for _ in 0..2 {
        follow(&app, &ada, grace.id).await.expect(204);
        assert_eq!(totals(&app, &ada, ada.id).await, [0, 1, 0]);
        assert_eq!(totals(&app, &ada, grace.id).await, [1, 0, 0]);
    }
    follow(&app, &grace, ada.id).await.expect(204);
    for who in [ada.id, grace.id] {
        assert_eq!(totals(&app, &ada, who).await, [1, 1, 1]);
    }
    unfollow(&app, &ada, grace.id).await.expect(204);
    assert_eq!(totals(&app, &ada, ada.id).await, [1, 0, 0]);
    follow(&app, &ada, grace.id).await.expect(204);
    assert_eq!(totals(&app, &ada, grace.id).await, [1, 1, 1]);
    app.request("DELETE", "/api/v1/users/me").bearer(&grace.token).send().await.expect(204);
    assert_eq!(totals(&app, &ada, ada.id).await, [0, 0, 0]);
    assert_eq!(app.count("select count(*) from social_counts").await, 1, "who is gone has no counts");
}

#[tokio::test]
async fn a_refused_follow_counts_nowhere() {
    let app = TestApp::with_variables(&[("RATE_LIMIT_FOLLOW_LIMIT", "1")]).await;
    let (ada, crowd) = (app.lifter("ada").await, crowd(&app, "lifter", 2).await);
    follow(&app, &ada, crowd[0]).await.expect(204);
    follow(&app, &ada, crowd[1]).await.problem(429, "rate_limit_exceeded");
    assert_eq!(totals(&app, &ada, ada.id).await, [0, 1, 0]);
    assert_eq!(totals(&app, &ada, crowd[1]).await, [0, 0, 0]);
}

#[tokio::test]
async fn what_the_earlier_server_writes_is_counted() {
    let app = TestApp::start().await;
    let (ada, grace) = (app.lifter("ada").await, app.lifter("grace").await);
    edge(&app, ada.id, grace.id, "active", "2027-01-01Z").await;
    edge(&app, grace.id, ada.id, "blocked", "2027-01-01Z").await;
    edge(&app, grace.id, grace.id, "active", "2027-01-01Z").await; // no route lets anybody
    assert_eq!(totals(&app, &ada, grace.id).await, [2, 1, 1]);
    let write = async |statement: &str, of_ada: [i64; 3], of_grace: [i64; 3]| {
        app.pg.batch_execute(statement).await.unwrap();
        let kept = (totals(&app, &ada, ada.id).await, totals(&app, &ada, grace.id).await);
        assert_eq!(kept, (of_ada, of_grace), "{statement}");
    };
    write("update social_edges set status = 'active'", [1, 1, 1], [2, 2, 2]).await;
    write("update social_edges set created_at = now()", [1, 1, 1], [2, 2, 2]).await;
    write("update users set is_active = null where username = 'grace'", [1, 1, 1], [2, 2, 2]).await;
    write("update users set is_active = false where username = 'grace'", [0, 0, 0], [1, 1, 1]).await;
    write("update social_edges set status = 'x' where follower_id = followee_id", [0, 0, 0], [1, 1, 1]).await;
    write("update users set is_active = null where username = 'grace'", [1, 1, 1], [1, 1, 1]).await;
    write("delete from social_edges", [0, 0, 0], [0, 0, 0]).await;
    let both = "insert into social_edges (follower_id, followee_id)
        select a.id, b.id from users as a join users as b on a.id <> b.id";
    write(both, [1, 1, 1], [1, 1, 1]).await;
    let end = "update social_edges set followee_id = follower_id where follower_id = (select id from users where username = 'ada')";
    write(end, [2, 1, 1], [0, 1, 0]).await;
    write("begin; delete from social_edges; rollback", [2, 1, 1], [0, 1, 0]).await;
    write("truncate social_edges", [0, 0, 0], [0, 0, 0]).await;
}

#[tokio::test]
async fn two_whose_edges_are_open_at_once_become_friends() {
    let app = TestApp::start().await;
    let (ada, grace) = (app.lifter("ada").await, app.lifter("grace").await);
    let (one, other) = (app.client().await, app.client().await);
    let insert = "insert into social_edges (follower_id, followee_id) values ($1, $2)";
    one.batch_execute("begin").await.unwrap();
    one.execute(insert, &[&ada.id, &grace.id]).await.unwrap();
    let second = tokio::spawn(async move { other.execute(insert, &[&grace.id, &ada.id]).await.unwrap() });
    eventually("a writer who waits", async || crate::support::ledger::waiting(&app.pg).await == 1).await;
    one.batch_execute("commit").await.unwrap();
    second.await.unwrap();
    assert_eq!(totals(&app, &ada, ada.id).await, [1, 1, 1]);
    assert_eq!(totals(&app, &ada, grace.id).await, [1, 1, 1]);
}

#[tokio::test]
async fn who_is_let_go_while_somebody_follows_them_is_not_counted() {
    let app = TestApp::start().await;
    let (ada, grace) = (app.lifter("ada").await, app.lifter("grace").await);
    let edge_first = "insert into social_edges (follower_id, followee_id) select a.id, g.id
        from users as a, users as g where a.username = 'ada' and g.username = 'grace'";
    let gone = "update users set is_active = false where username = 'ada'";
    for (first, second) in [(edge_first, gone), (gone, edge_first)] {
        app.pg.batch_execute("delete from social_edges; update users set is_active = true").await.unwrap();
        let (one, other) = (app.client().await, app.client().await);
        one.batch_execute(&format!("begin; {first}")).await.unwrap();
        let behind = tokio::spawn(async move { other.batch_execute(second).await.unwrap() });
        eventually("a writer who waits", async || crate::support::ledger::waiting(&app.pg).await == 1).await;
        one.batch_execute("commit").await.unwrap();
        behind.await.unwrap();
        assert_eq!(totals(&app, &grace, grace.id).await, [0, 0, 0]);
        assert_eq!(totals(&app, &grace, ada.id).await, [0, 1, 0]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_pairs_follow_each_other_at_once() {
    let app = TestApp::start().await;
    let mut pairs = Vec::new();
    for name in crowd(&app, "lifter", 60).await {
        pairs.push(Lifter { id: name, token: app.token(name).await });
    }
    let follows = (0..60).map(|n| {
        let path = format!("/api/v1/users/{}/follow", pairs[n ^ 1].id);
        let request = app.request("POST", &path).bearer(&pairs[n].token);
        async move {
            loop {
                let status = request.send().await.status;
                if status != 503 {
                    return status; // whoever found no connection in time tries again
                }
            }
        }
    });
    assert_eq!(at_once(follows).await, [204; 60]);
    assert_follows(&app.pg).await;
    assert_eq!(app.count("select count(*) from social_counts where friends = 1").await, 60);
    assert_eq!(app.count("select deadlocks from pg_stat_database where datname = current_database()").await, 0);
}

/// One connection that writes what the earlier server, this one and an administrator might, in statements of their own. Answers how
/// many rows that wrote.
async fn write(client: Client, users: Arc<Vec<Uuid>>, mut dice: Dice) -> u64 {
    let mut written = 0;
    for _ in 0..300 {
        let (one, other) = (*dice.pick(&users), *dice.pick(&users));
        let statement = match dice.below(12) {
            0..5 => format!(
                "insert into social_edges as edges (follower_id, followee_id) values ('{one}', '{other}')
                 on conflict (follower_id, followee_id) do update set status = 'active' where edges.status <> 'active'"
            ),
            5 | 6 => format!("delete from social_edges where follower_id = '{one}' and followee_id = '{other}'"),
            7 => format!(
                "update social_edges set status = case status when 'active' then 'muted' else 'active' end
                 where follower_id = '{one}' and followee_id = '{other}'"
            ),
            8 | 9 => format!("update users set is_active = (array[true, false, null])[{}] where id = '{one}'", 1 + dice.below(3)),
            10 => format!("delete from users where id = '{one}'"),
            _ => format!(
                "insert into users (id, email, hashed_password, username) values ('{one}', '{one}', '-', left('{one}', 32))
                 on conflict do nothing"
            ),
        };
        match client.execute(&statement, &[]).await {
            Ok(rows) => written += rows,
            Err(error) if error.code() == Some(&SqlState::FOREIGN_KEY_VIOLATION) => {} // of who is gone
            Err(error) => panic!("{statement}: {error:?}"),
        }
    }
    written
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_many_write_at_once_is_counted_as_it_ends() {
    let app = TestApp::start().await;
    let users = Arc::new(crowd(&app, "lifter", 7).await);
    let mut dice = Dice::thrown();
    for _ in 0..3 {
        let mut writers = Vec::new();
        for _ in 0..4 {
            let seed = Dice(dice.below(u64::MAX));
            writers.push(write(app.client().await, Arc::clone(&users), seed));
        }
        let written: u64 = at_once(writers).await.iter().sum();
        assert!(written > 100, "{written}");
        assert_follows(&app.pg).await;
    }
}

#[tokio::test]
async fn edges_that_were_there_are_counted_and_an_ended_start_is_made_good() {
    let (database, client) = lived_in().await;
    let odd = "insert into social_edges (follower_id, followee_id)
        select id, id from users union select b.id, a.id from users as a join users as b on b.id > a.id where a.username <> 'bob'";
    client.batch_execute(odd).await.unwrap();
    migrate(&database).await;
    assert_follows(&client).await;
    let kept = "select sum(friends) from social_counts";
    let friends: i64 = client.query_one(kept, &[]).await.unwrap().get(0);
    assert!(friends > 9, "edges that lead both ways must be among them");
    // What the end of the program leaves: the procedure, and counts that are missing or from before all triggers were there.
    client.batch_execute(include_str!("../../../migrations/V027__fill_social_counts.sql")).await.unwrap();
    let part = "delete from social_counts where followers % 2 = 0; update social_counts set friends = friends + 3";
    client.batch_execute(part).await.unwrap();
    migrate(&database).await;
    assert_follows(&client).await;
    assert_eq!(client.query_one(kept, &[]).await.unwrap().get::<_, i64>(0), friends);
}

#[tokio::test]
async fn a_row_that_is_missing_is_made_by_who_needs_it() {
    let app = TestApp::start().await;
    let (ada, crowd) = (app.lifter("ada").await, crowd(&app, "lifter", 4).await);
    for user in &crowd {
        edge(&app, *user, ada.id, "active", "2027-01-01Z").await;
        edge(&app, ada.id, *user, "active", "2027-01-01Z").await;
    }
    app.pg.batch_execute("delete from social_counts").await.unwrap();
    unfollow(&app, &ada, crowd[0]).await.expect(204);
    let kept = "select followers, following, friends from social_counts where user_id = $1";
    let row = app.pg.query_one(kept, &[&ada.id]).await.unwrap();
    assert_eq!([0, 1, 2].map(|column| row.get::<_, i32>(column)), [4, 3, 3]);
    app.pg.batch_execute("delete from social_counts").await.unwrap();
    deactivate(&app, crowd[1]).await;
    assert_eq!(app.count("select friends::bigint from social_counts").await, 2, "only ada has to do with them");
}
