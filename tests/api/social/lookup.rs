//! Looking lifters up by name.

use repduel_backend::domain::social;
use serde_json::{Value, json};
use tokio_postgres::Client;

use super::{crowd, deactivate, edge, names};
use crate::support::{Lifter, TestApp};

/// Searches for this text.
pub async fn lookup(app: &TestApp, caller: &Lifter, q: &str, page: &str) -> Value {
    let query: String = form_urlencoded::Serializer::new(String::new()).append_pair("q", q).finish();
    app.get_as(caller, &format!("/api/v1/users/lookup?{query}{page}")).await.expect(200).json()
}

async fn show_as(app: &TestApp, lifter: &Lifter, display_name: &str) {
    app.pg.execute("update users set display_name = $2 where id = $1", &[&lifter.id, &display_name]).await.unwrap();
}

#[tokio::test]
async fn a_part_of_either_name_finds_a_lifter_whatever_its_case() {
    let app = TestApp::start().await;
    let (me, hopper, grace) = (app.lifter("me").await, app.lifter("Hopper").await, app.lifter("grace").await);
    show_as(&app, &hopper, "Żółta Grace").await;
    for (q, found) in [
        ("GRACE", ["Hopper", "grace"].as_slice()),
        ("opp", &["Hopper"]),
        ("żÓŁ", &["Hopper"]),
        ("Ż", &["Hopper"]),
        ("ta gr", &["Hopper"]),
        ("r", &["Hopper", "grace"]),
        ("graces", &[]),
        ("zol", &[]),
    ] {
        let page = lookup(&app, &me, q, "").await;
        let mut sorted = names(&page);
        sorted.sort_unstable();
        assert_eq!(sorted, found, "{q}");
        assert_eq!((&page["count"], &page["total"]), (&json!(found.len()), &json!(found.len())), "{q}");
    }
    edge(&app, me.id, grace.id, "active", "2027-01-01Z").await;
    let person = &lookup(&app, &me, "grace", "&limit=100").await["items"];
    let person = person.as_array().unwrap().iter().find(|person| person["username"] == "grace").unwrap();
    assert_eq!((&person["is_following"], &person["is_friend"]), (&json!(true), &json!(false)));
}

#[tokio::test]
async fn signs_of_patterns_stand_for_themselves() {
    let app = TestApp::start().await;
    let me = app.lifter("me").await;
    let shown = ["100% iron", "100x iron", "big_lifts", "bigxlifts", r"back\slash", "backslash", r"a\%b___"];
    for (index, name) in shown.iter().enumerate() {
        let lifter = app.lifter(&format!("l{index}")).await;
        show_as(&app, &lifter, name).await;
    }
    for (q, found) in [
        ("100%", ["100% iron"].as_slice()),
        ("%", &["100% iron", r"a\%b___"]),
        ("_", &["big_lifts", r"a\%b___"]),
        ("___", &[r"a\%b___"]),
        ("big_lifts", &["big_lifts"]),
        ("g_l", &["big_lifts"]),
        ("\\", &[r"back\slash", r"a\%b___"]),
        (r"back\slash", &[r"back\slash"]),
        (r"\%", &[r"a\%b___"]),
        ("%%%", &[]),
    ] {
        let page = lookup(&app, &me, q, "").await;
        let items = page["items"].as_array().unwrap();
        let seen: Vec<&str> = items.iter().map(|item| item["display_name"].as_str().unwrap()).collect();
        assert_eq!(seen, found, "{q}");
    }
}

#[tokio::test]
async fn oneself_and_who_is_not_active_are_not_found() {
    let app = TestApp::start().await;
    let (me, gone) = (app.lifter("lifter").await, app.lifter("lifter gone").await);
    crowd(&app, "lifter", 3).await;
    app.pg.execute("update users set is_active = null where username = 'lifter0001'", &[]).await.unwrap();
    deactivate(&app, gone.id).await;
    for q in ["lifter", "li"] {
        let page = lookup(&app, &me, q, "").await;
        assert_eq!(names(&page), ["lifter0000", "lifter0001", "lifter0002"], "{q}");
        assert_eq!(page["total"], 3);
    }
}

#[tokio::test]
async fn pages_go_by_name_and_end() {
    let app = TestApp::start().await;
    let me = app.lifter("me").await;
    crowd(&app, "lifter", 45).await;
    let expected: Vec<String> = (0..45).map(|n| format!("lifter{n:04}")).collect();
    for q in ["lifter", "r"] {
        let first = lookup(&app, &me, q, "").await;
        assert_eq!(names(&first), expected[..20]);
        let facts = ["count", "total", "offset", "next_offset"].map(|key| first[key].as_i64());
        assert_eq!(facts, [Some(20), Some(45), Some(0), Some(20)]);
        let last = lookup(&app, &me, q, "&limit=7&offset=40").await;
        assert_eq!(names(&last), expected[40..]);
        let facts = ["count", "total", "offset", "next_offset"].map(|key| last[key].as_i64());
        assert_eq!(facts, [Some(5), Some(45), Some(40), None]);
        let beyond = lookup(&app, &me, q, "&offset=1000000000").await;
        assert_eq!((names(&beyond).len(), &beyond["total"], &beyond["next_offset"]), (0, &json!(45), &json!(null)));
    }
}

#[tokio::test]
async fn pages_reach_the_first_thousand_matches() {
    let app = TestApp::start().await;
    let me = app.lifter("me").await;
    crowd(&app, "lifter", 1003).await;
    for q in ["lifter", "r"] {
        let page = lookup(&app, &me, q, "&offset=995").await;
        assert_eq!(names(&page), ["lifter0995", "lifter0996", "lifter0997", "lifter0998", "lifter0999"]);
        assert_eq!((&page["total"], &page["next_offset"]), (&json!(1000), &json!(null)));
    }
}

#[tokio::test]
async fn a_search_is_one_to_sixty_four_characters() {
    let app = TestApp::start().await;
    let me = app.lifter("me").await;
    let path = "/api/v1/users/lookup";
    for query in ["", "?q=", "?q=%00", "?limit=5", &format!("?q={}", "x".repeat(65))] {
        app.get_as(&me, &format!("{path}{query}")).await.invalid(&["/query/q"]);
    }
    app.get_as(&me, &format!("{path}?q=a&limit=0&offset=-1")).await.invalid(&["/query/limit", "/query/offset"]);
    lookup(&app, &me, &"ż".repeat(64), "").await;
    deactivate(&app, me.id).await;
    app.get_as(&me, &format!("{path}?q=a")).await.unauthorized();
    app.get(&format!("{path}?q=a")).await.unauthorized();
}

/// How a statement of the domain is run with these arguments.
async fn plan(client: &Client, file: &str, mode: &str, arguments: &str) -> String {
    let statement = social::STATEMENTS.iter().find(|statement| statement.file == file).unwrap();
    let prepare = format!("deallocate all; set plan_cache_mode = {mode}; prepare searched as {}", statement.text);
    client.batch_execute(&prepare).await.unwrap();
    let lines = client.query(&format!("explain execute searched{arguments}"), &[]).await.unwrap();
    lines.iter().map(|line| line.get::<_, String>(0)).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn three_letters_are_looked_up_in_the_trigrams_and_fewer_along_the_names() {
    let app = TestApp::start().await;
    let seed = "insert into users (id, username, email, hashed_password, is_active, display_name)
        select gen_random_uuid(), md5(n::text), n || '@example.com', 'x', true, md5('shown' || n)
        from generate_series(1, 20000) as n;
        vacuum analyze lifter_names";
    for statement in seed.split(';') {
        app.pg.batch_execute(statement).await.unwrap();
    }
    for mode in ["force_custom_plan", "force_generic_plan"] {
        let arguments = "('00000000-0000-0000-0000-000000000000', '%abc12%', 1000)";
        let plan = plan(&app.pg, "social/list_matches", mode, arguments).await;
        assert_eq!(plan.matches("Bitmap Index Scan on lifter_names_trigrams").count(), 2, "{mode}: {plan}");
        assert!(!plan.contains("Seq Scan"), "{mode}: {plan}");
        let arguments = "('00000000-0000-0000-0000-000000000000', 'a', 1000)";
        let plan = self::plan(&app.pg, "social/list_short_matches", mode, arguments).await;
        assert!(plan.contains("Index Only Scan using lifter_names_in_order"), "{mode}: {plan}");
        assert!(!plan.contains("Sort"), "{mode}: {plan}");
    }
}
