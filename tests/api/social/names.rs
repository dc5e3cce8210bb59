//! The names that a search reads: true whoever writes accounts, and left alone by everything else that happens to them.

use repduel_backend::domain::social;
use serde_json::json;
use uuid::Uuid;

use super::lookup::lookup;
use super::{crowd, names};
use crate::migrations::{assert_names_are_true, lived_in, migrate, serve};
use crate::support::{Lifter, PASSWORD, TestApp};

/// Who is found by this text, in order.
async fn found(app: &TestApp, caller: &Lifter, q: &str) -> Vec<String> {
    names(&lookup(app, caller, q, "").await).into_iter().map(str::to_owned).collect()
}

/// Registers as the web app does.
async fn register(app: &TestApp, name: &str, display_name: &str) -> Lifter {
    let body = json!({ "username": name, "email": format!("{name}@example.com"), "password": PASSWORD, "display_name": display_name });
    let made = app.request("POST", "/api/v1/users").json(&body).send().await.expect(201).json();
    let id: Uuid = made["id"].as_str().unwrap().parse().unwrap();
    Lifter { id, token: app.token(id).await }
}

#[tokio::test]
async fn who_registers_is_renamed_and_goes_is_found_as_they_are() {
    let app = TestApp::start().await;
    let me = app.lifter("me").await;
    let ada = register(&app, "Lovelace", "Countess of Iron").await;
    for q in ["lovel", "LOV", "countess", "of", "s o"] {
        assert_eq!(found(&app, &me, q).await, ["Lovelace"], "{q}");
    }
    app.patch_as(&ada, "/api/v1/users/me", json!({ "username": "Byron" })).await.expect(200);
    assert_eq!(found(&app, &me, "byron").await, ["Byron"]);
    assert_eq!(found(&app, &me, "lovel").await, Vec::<String>::new());
    app.patch_as(&ada, "/api/v1/users/me", json!({ "display_name": "Noëlle" })).await.expect(200);
    assert_eq!(found(&app, &me, "NOËL").await, ["Byron"]);
    assert_eq!(found(&app, &me, "countess").await, Vec::<String>::new());
    app.patch_as(&ada, "/api/v1/users/me", json!({ "display_name": null })).await.expect(200);
    assert_eq!(found(&app, &me, "noël").await, Vec::<String>::new());
    assert_names_are_true(&app.pg).await;
    app.request("DELETE", "/api/v1/users/me").bearer(&ada.token).send().await.expect(204);
    for q in ["byron", "b"] {
        assert_eq!(found(&app, &me, q).await, Vec::<String>::new(), "{q}");
    }
    assert_names_are_true(&app.pg).await;
}

#[tokio::test]
async fn what_the_earlier_server_writes_is_found_at_once() {
    let app = TestApp::start().await;
    let me = app.lifter("me").await;
    let write = async |statement: &str| app.pg.batch_execute(statement).await.unwrap();
    write(
        "insert into users (id, username, email, hashed_password) values (gen_random_uuid(), 'Plain Ida', 'x', '-');
         insert into users (id, username, email, hashed_password, is_active, display_name)
         values (gen_random_uuid(), 'plain ida', 'y', '-', null, ''), (gen_random_uuid(), 'gone', 'z', '-', false, 'Plain Eva')",
    )
    .await;
    assert_eq!(found(&app, &me, "PLAIN").await, ["Plain Ida", "plain ida"]);
    write("update users set is_active = true where username = 'gone'").await;
    assert_eq!(found(&app, &me, "plain").await, ["Plain Ida", "gone", "plain ida"]);
    write("update users set username = 'Zoe', display_name = null, energy = 7 where username = 'Plain Ida'").await;
    assert_eq!(found(&app, &me, "plain").await, ["gone", "plain ida"]);
    write("update users set username = 'other' where username = 'Zoe'; update users set display_name = 'ZOE'").await;
    assert_eq!(found(&app, &me, "zoe").await, ["gone", "other", "plain ida"]);
    write("delete from users where username in ('gone', 'other')").await;
    assert_eq!(found(&app, &me, "zoe").await, ["plain ida"]);
    write("begin; update users set display_name = 'never'; rollback").await;
    assert_names_are_true(&app.pg).await;
}

#[tokio::test]
async fn who_was_there_before_is_found() {
    let (database, client) = lived_in().await;
    migrate(&database).await;
    assert_names_are_true(&client).await;
    let app = serve(database).await;
    let me = app.lifter("me").await;
    for (q, wanted) in [
        ("bob", ["BOB", "bob"].as_slice()),
        ("E WITH S", &["name with spaces"]),
        ("nothing", &["nothing"]),
        ("gone", &[]),
        ("go", &[]),
        ("b", &["BOB", "bob"]),
        ("ada", &["ada"]),
    ] {
        assert_eq!(found(&app, &me, q).await, wanted, "{q}");
    }
}

/// The row of this lifter: where it is, who wrote it.
async fn row(app: &TestApp, lifter: &Lifter) -> String {
    let query = "select concat(ctid, ' ', xmin) from lifter_names where user_id = $1";
    app.pg.query_one(query, &[&lifter.id]).await.unwrap().get(0)
}

#[tokio::test]
async fn what_is_no_name_leaves_the_names_alone() {
    let app = TestApp::start().await;
    let ada = register(&app, "ada", "Ada").await;
    let before = row(&app, &ada).await;
    app.lift(&ada, "deadlift", 100.0).await;
    app.lift(&ada, "deadlift", 200.0).await;
    assert!(app.count("select count(*) from users where username = 'ada' and energy > 0").await > 0);
    app.request("POST", "/api/v1/users/login")
        .body(
            "application/x-www-form-urlencoded",
            format!("username=ada%40example.com&password={}", PASSWORD.replace(' ', "+")),
        )
        .send()
        .await
        .expect(200);
    let own = json!({ "weight": 61.5, "username": "ada", "display_name": "Ada" });
    app.patch_as(&ada, "/api/v1/users/me", own).await.expect(200);
    for change in [
        "energy = 12345.6, updated_at = now()",
        "rank = 'Gold', avatar_url = 'avatars/a.png', subscription_level = 'gold'",
        // An object mapper that sends all columns.
        "username = username, display_name = display_name, is_active = is_active, energy = 5",
        "is_active = null",
    ] {
        app.pg.batch_execute(&format!("update users set {change}")).await.unwrap();
        assert_eq!(row(&app, &ada).await, before, "{change}");
    }
    for change in ["display_name = 'ADA L.'", "username = 'Ada'", "is_active = false", "display_name = null"] {
        let before = row(&app, &ada).await;
        app.pg.batch_execute(&format!("update users set {change}")).await.unwrap();
        assert_ne!(row(&app, &ada).await, before, "{change}");
    }
    assert_names_are_true(&app.pg).await;
}

#[tokio::test]
async fn a_search_while_lifters_are_renamed_finds_each_of_them_once() {
    let app = TestApp::start().await;
    let (me, ada) = (app.lifter("me").await, app.lifter("alpha common").await);
    crowd(&app, "common", 3).await;
    let renamed = std::cell::Cell::new(false);
    let rename = async {
        for turn in 0..30 {
            let name = ["omega common", "alpha common"][turn % 2];
            app.patch_as(&ada, "/api/v1/users/me", json!({ "username": name, "display_name": name })).await.expect(200);
            let plain = "update users set display_name = md5(random()::text) || 'common' where username like 'common%'";
            app.pg.batch_execute(plain).await.unwrap();
        }
        renamed.set(true);
    };
    let search = async {
        let mut searches = 0;
        while !renamed.get() {
            for q in ["common", "co"] {
                let page = lookup(&app, &me, q, "").await;
                assert_eq!(page["total"], 4, "{q}: {page}");
                searches += 1;
            }
        }
        searches
    };
    let ((), searches) = tokio::join!(rename, search);
    assert!(searches > 2, "the searches ran beside the renames");
    assert_eq!(found(&app, &me, "alpha").await, ["alpha common"]);
    assert_names_are_true(&app.pg).await;
}

/// The search as accounts themselves answer it.
const BY_ACCOUNTS: &str = "select username::text from users
    where (lower(username) like lower($2) or lower(display_name) like lower($2)) and is_active is not false and id <> $1
    order by username limit 1000";

#[tokio::test]
async fn a_search_finds_the_same_in_the_same_order_as_the_accounts_say() {
    let app = TestApp::start().await;
    let me = app.lifter("lifter me").await;
    app.pg
        .batch_execute(
            "insert into users (id, username, email, hashed_password, is_active, display_name)
             select gen_random_uuid(), (array['ada', 'Ada', 'ADA', 'Ädä', 'a da', 'a_da', 'İda', 'ǅada', 'ß', '100%'])[n % 10 + 1] || n, n, '-',
                    (array[true, true, null, false])[n % 4 + 1],
                    (array[null, '', 'Strong', 'STRASSE ß', 'İstanbul Σας', 'iron_100%', 'two  words'])[n % 7 + 1]
             from generate_series(1, 400) as n;
             update users set display_name = reverse(display_name), is_active = not is_active where email like '%7';
             update users set username = 'renamed ' || username where email like '%3';
             delete from users where email like '%9'",
        )
        .await
        .unwrap();
    assert_names_are_true(&app.pg).await;
    let statement = |file: &str| social::STATEMENTS.iter().find(|statement| statement.file == file).unwrap().text;
    let name_of = |text: &str| {
        let places = "select id, row_number() over () as place from found";
        format!(
            "with found as ({text}), placed as ({places}) select username::text from placed join users using (id) order by place"
        )
    };
    for q in
        ["ada", "ADA1", "Ädä", "i̇da", "İda", "ǆada", "strasse", "σας", "Σας", "100", "me", "renamed", "wor", "ssarts"]
    {
        let pattern = format!("%{q}%");
        let wanted: Vec<String> = texts(&app, BY_ACCOUNTS, &me, &pattern).await;
        let matches = texts(&app, &name_of(statement("social/list_matches")), &me, &pattern).await;
        assert_eq!(matches, wanted, "{q}");
        let short = texts(&app, &name_of(statement("social/list_short_matches")), &me, q).await;
        assert_eq!(short, wanted, "{q}");
    }
}

/// The names that this statement of a search answers.
async fn texts(app: &TestApp, statement: &str, caller: &Lifter, text: &str) -> Vec<String> {
    let max = 1_000_i64;
    let statement = app.pg.prepare(statement).await.unwrap();
    let arguments: [&(dyn tokio_postgres::types::ToSql + Sync); 3] = [&caller.id, &text, &max];
    let arguments = &arguments[..statement.params().len()];
    app.pg.query(&statement, arguments).await.unwrap().iter().map(|row| row.get(0)).collect()
}
