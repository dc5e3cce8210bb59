//! The schema: made anew, adopted from the earlier server with everything it left there, kept true while that server writes.

use std::collections::BTreeMap;

use repduel_backend::db::dsn::Dsn;
use repduel_backend::start;
use serde_json::{Value, json};
use tokio_postgres::Client;
use uuid::Uuid;

use crate::support::people::log_in;
use crate::support::{Lifter, PASSWORD, TestApp, TestDatabase};

/// The live schema, line by line.
const SCHEMA: &str = include_str!("../data/legacy-schema.txt");
/// The question that is answered by such lines.
const DESCRIBE: &str = include_str!("../data/schema.sql");
/// Rows as the earlier server left them.
const ROWS: &str = include_str!("../data/legacy.sql");
const BASELINE: &str = include_str!("../../migrations/V001__baseline.sql");

/// A database as the earlier server made it, without rows.
pub async fn legacy() -> (TestDatabase, Client) {
    let database = TestDatabase::empty().await;
    let client = database.client().await;
    // The statements inside of the migration's block, without what it asks first.
    let (_, body) = BASELINE.split_once("end if;").unwrap();
    let (statements, _) = body.rsplit_once("end\n$baseline$").unwrap();
    client.batch_execute(statements).await.unwrap();
    (database, client)
}

/// A database as the earlier server made it, with its rows.
pub async fn lived_in() -> (TestDatabase, Client) {
    let (database, client) = legacy().await;
    client.batch_execute(ROWS).await.unwrap();
    (database, client)
}

pub async fn migrate(database: &TestDatabase) {
    start::migrate(&Dsn::parse(&database.url()).unwrap()).await.expect("the migrations apply");
}

/// The service on this database, which has been migrated.
pub async fn serve(database: TestDatabase) -> TestApp {
    let url = database.url();
    TestApp::through(database, &url).await
}

pub async fn lines(client: &Client, query: &str) -> Vec<String> {
    client.query(query, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

/// The columns of the live schema, table by table.
fn legacy_columns() -> BTreeMap<&'static str, Vec<&'static str>> {
    let mut tables: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for line in SCHEMA.lines() {
        if let Some((table, column)) = line.split_once(" column ") {
            tables.entry(table).or_default().push(column.split(' ').next().unwrap());
        }
    }
    tables
}

/// Every row of every table of the live schema, in the columns it had.
pub async fn legacy_rows(client: &Client) -> BTreeMap<&'static str, Vec<String>> {
    let mut rows = BTreeMap::new();
    for (table, columns) in legacy_columns() {
        let query = format!("select t::text from (select {} from {table}) as t order by 1", columns.join(", "));
        rows.insert(table, lines(client, &query).await);
    }
    rows
}

/// Everything in the database that a second start might change.
pub async fn fingerprint(client: &Client) -> Vec<String> {
    let mut all = lines(client, DESCRIBE).await;
    all.extend(
        lines(client, "select tgrelid::regclass || ' ' || pg_get_triggerdef(oid) from pg_trigger order by 1").await,
    );
    let functions =
        "select pg_get_functiondef(oid) from pg_proc where pronamespace = 'public'::regnamespace order by 1";
    all.extend(lines(client, functions).await);
    all.extend(lines(client, "select indexrelid::regclass || ' ' || indisvalid from pg_index order by 1").await);
    for table in lines(
        client,
        "select relname::text from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'",
    )
    .await
    {
        // ctid and xmin tell a row that was written anew with the values it had.
        all.extend(
            lines(client, &format!("select concat('{table}', ctid, xmin, t::text) from {table} as t order by 1")).await,
        );
    }
    all
}

/// The bests as they follow from the scores, said differently from how the service finds them.
const TRUE_BESTS: &str = "
    select concat_ws(' ', s.user_id, s.scenario_id, s.id, s.score_value, s.weight_lifted, s.created_at, coalesce(users.is_active, true))
    from scores as s join users on users.id = s.user_id
    where s.score_value not in ('NaN', 'Infinity', '-Infinity') and not exists (
      select 1 from scores as o
      where o.user_id = s.user_id and o.scenario_id = s.scenario_id and o.score_value not in ('NaN', 'Infinity', '-Infinity')
        and (o.score_value > s.score_value
             or o.score_value = s.score_value and (o.created_at, o.id) < (s.created_at, s.id)))
    order by 1";
const KEPT_BESTS: &str = "
    select concat_ws(' ', user_id, scenario_id, score_id, score_value, weight_lifted, reached_at, lifter_active)
    from personal_bests order by 1";
const TRUE_STANDINGS: &str = "
    select concat_ws(' ', id, case when energy not in ('NaN', 'Infinity', '-Infinity') then energy else 0 end, coalesce(is_active, true))
    from users order by 1";
const KEPT_STANDINGS: &str = "select concat_ws(' ', user_id, energy, lifter_active) from energy_standings order by 1";

pub async fn assert_boards_are_true(client: &Client) {
    assert_eq!(lines(client, KEPT_BESTS).await, lines(client, TRUE_BESTS).await);
    assert_eq!(lines(client, KEPT_STANDINGS).await, lines(client, TRUE_STANDINGS).await);
    let drift = lines(client, "select concat_ws(' ', board, stretch, kept, standing) from find_board_drift()").await;
    assert!(drift.is_empty(), "{drift:#?}");
}

/// What the search by name looks at, as it follows from the accounts.
const TRUE_NAMES: &str = "
    select concat_ws('|', id, username, lower(username), coalesce(lower(display_name), 'none'), coalesce(is_active, true))
    from users order by 1";
const KEPT_NAMES: &str = "
    select concat_ws('|', user_id, username, username_folded, coalesce(display_name_folded, 'none'), lifter_active)
    from lifter_names order by 1";

pub async fn assert_names_are_true(client: &Client) {
    assert_eq!(lines(client, KEPT_NAMES).await, lines(client, TRUE_NAMES).await);
}

#[tokio::test]
async fn the_first_migration_makes_the_live_schema_and_nothing_else() {
    let database = TestDatabase::empty().await;
    let client = database.client().await;
    client.batch_execute(BASELINE).await.unwrap();
    let made = lines(&client, DESCRIBE).await;
    let mut wanted: Vec<&str> = SCHEMA.lines().collect();
    wanted.sort_unstable();
    let mut sorted: Vec<&str> = made.iter().map(String::as_str).collect();
    sorted.sort_unstable();
    assert_eq!(sorted, wanted);
}

#[tokio::test]
async fn later_migrations_only_add() {
    let database = TestDatabase::migrated().await;
    let client = database.client().await;
    let there = lines(&client, DESCRIBE).await;
    for wanted in SCHEMA.lines() {
        assert!(there.iter().any(|line| line == wanted), "{wanted} is gone");
    }
    let columns = legacy_columns();
    for line in there.iter().filter(|line| line.contains(" column ") && line.contains(" not null")) {
        let (table, rest) = line.split_once(" column ").unwrap();
        let known = columns.get(table).is_none_or(|columns| columns.contains(&rest.split(' ').next().unwrap()));
        assert!(known || rest.contains(" default "), "the earlier server cannot insert without {line}");
    }
}

#[tokio::test]
async fn a_fresh_database_holds_the_catalogue_and_the_quests() {
    let app = TestApp::start().await;
    assert_eq!(app.get("/api/v1/scenarios").await.expect(200).json().as_array().unwrap().len(), 254);
    let bare = "select count(*) from scenarios where description is null
        or not exists (select 1 from scenario_primary_muscle_association where scenario_id = scenarios.id)";
    assert_eq!(app.count(bare).await, 0);
    assert!(app.count("select count(*) from bodyweight_calibrations").await > 5);
    let quests = lines(&app.pg, "select code::text from quest_templates where is_active order by 1").await;
    assert_eq!(quests, ["daily_30_min_workout", "weekly_30_min_workout_three_days"]);
}

#[tokio::test]
async fn the_live_database_keeps_every_row_and_a_second_start_changes_nothing() {
    let (database, client) = lived_in().await;
    let before = legacy_rows(&client).await;
    assert!(before.values().all(|rows| !rows.is_empty()), "a table without rows proves nothing");
    migrate(&database).await;
    let after = legacy_rows(&client).await;
    // What is seeded is added; everywhere else nothing changes at all.
    let seeded = ["scenario", "muscle", "equipment", "quest_templates", "bodyweight_calibrations"];
    for (table, mut rows) in before {
        let mut left = after[table].clone();
        if seeded.iter().any(|name| table.starts_with(name)) {
            left.retain(|row| rows.contains(row));
        }
        rows.sort_unstable();
        left.sort_unstable();
        assert_eq!(left, rows, "{table}");
    }
    assert_boards_are_true(&client).await;
    let links = "select count(*) from scenario_equipment_association where scenario_id in ('back_squat', 'stone_of_the_village')";
    assert_eq!(
        client.query_one(links, &[]).await.unwrap().get::<_, i64>(0),
        2,
        "an exercise that was there stays as it was"
    );
    let names = lines(&client, "select id::text from scenarios where name = 'Ab Wheel Rollout'").await;
    assert_eq!(names, ["roller_on_knees"]);

    let first = fingerprint(&client).await;
    migrate(&database).await;
    assert_eq!(fingerprint(&client).await, first);
}

fn user(n: u8) -> Uuid {
    format!("00000000-0000-4000-8000-00000000000{n}").parse().unwrap()
}

#[tokio::test]
async fn odd_accounts_are_served() {
    let (database, client) = lived_in().await;
    migrate(&database).await;
    let app = serve(database).await;
    let own = "http://127.0.0.1:9999/static/avatars";
    let pictures = [
        json!(format!("{own}/ada.png")),
        json!("https://elsewhere.example/bob.png"),
        json!(format!("{own}/b.png")),
        Value::Null,
        Value::Null,
        json!(format!("{own}/n.png")),
        Value::Null,
        Value::Null,
        Value::Null,
    ];
    for (n, picture) in (1..).zip(pictures) {
        let shown = app.get(&format!("/api/v1/users/{}", user(n))).await.expect(200).json();
        assert_eq!(shown["avatar_url"], picture, "{n}");
        assert_eq!(shown["is_active"], json!(n != 5));
        assert!(shown["rank"].is_string() && shown["created_at"].is_string() && shown["updated_at"].is_string());
        for path in
            ["levels/user", "energy/daily", "energy/history", "energy/latest", "ranks/rank_color", "ranks/rank_icon"]
        {
            app.get(&format!("/api/v1/{path}/{}", user(n))).await.expect(200);
        }
    }

    let emails: Vec<String> = lines(&client, "select email::text from users order by id").await;
    for (n, email) in (1..).zip(&emails) {
        let lifter = log_in(app.address, email, PASSWORD).await;
        assert_eq!(lifter.as_ref().map(|lifter| lifter.id), (n != 5).then(|| user(n)), "{email}");
        let Some(lifter) = lifter else { continue };
        let events = format!("/api/v1/personal_best_events/user/{}", user(n));
        app.get_as(&lifter, &events).await.expect(200);
        app.get_as(&lifter, "/api/v1/levels/me").await.expect(200);
        app.lift(&lifter, "stone_of_the_village", 80.0).await;
        app.patch_as(&lifter, "/api/v1/users/me", json!({ "weight": 82.5 })).await.expect(200);
    }
    assert!(
        log_in(app.address, "BOB@EXAMPLE.COM", PASSWORD).await.is_none(),
        "two accounts have this address but for its case"
    );
    assert_eq!(log_in(app.address, "ADA@example.com", PASSWORD).await.map(|lifter| lifter.id), Some(user(1)));
    assert_boards_are_true(&client).await;
    let wrong = "select count(*) from user_xp where total_xp <> (select sum(amount) from xp_events where user_id = user_xp.user_id)";
    assert_eq!(app.count(wrong).await, 0);

    for n in [1, 3, 4, 9] {
        let lifter = Lifter { id: user(n), token: app.token(user(n)).await };
        app.request("DELETE", "/api/v1/users/me").bearer(&lifter.token).send().await.expect(204);
        app.get(&format!("/api/v1/users/{}", user(n))).await.expect(404);
    }
    assert_boards_are_true(&client).await;
}

/// Who stands on a board, with which value, from the top.
async fn board(app: &TestApp, path: &str, name: &str, value: &str) -> Vec<(String, f64)> {
    let places = app.get(path).await.expect(200).json();
    let place = |place: &Value| {
        let who = place.pointer(name).unwrap().as_str().unwrap().to_owned();
        (who, place[value].as_f64().unwrap())
    };
    places.as_array().unwrap().iter().map(place).collect()
}

async fn squats(app: &TestApp) -> Vec<(String, f64)> {
    board(app, "/api/v1/scores/scenario/back_squat/leaderboard", "/user/username", "score_value").await
}

async fn energies(app: &TestApp) -> Vec<(String, f64)> {
    board(app, "/api/v1/energy/leaderboard", "/username", "total_energy").await
}

fn places(places: &[(&str, f64)]) -> Vec<(String, f64)> {
    places.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
}

#[tokio::test]
async fn boards_show_the_scores_and_energies_that_were_there() {
    let (database, _client) = lived_in().await;
    migrate(&database).await;
    let app = serve(database).await;
    let wanted = [("drifted", 150.0), ("nothing", 150.0), ("bob", 140.0), ("ada", 140.0), ("BOB", 139.99)];
    assert_eq!(squats(&app).await, places(&wanted));
    let energies = energies(&app).await;
    let top = [("drifted", 99_999.0), ("ada", 1_321.0), ("bob", 700.0), ("BOB", 700.0)];
    assert_eq!(energies[..4], places(&top));
    assert_eq!(energies.last().unwrap().0, "name with spaces");
    assert_eq!(energies.len(), 8, "all but the one who is not active");
}

#[tokio::test]
async fn what_the_earlier_server_writes_reaches_the_boards() {
    let (database, client) = lived_in().await;
    migrate(&database).await;
    let app = serve(database).await;
    let write = async |statement: &str| client.batch_execute(statement).await.unwrap();
    write(
        "insert into users (id, email, hashed_password, username, is_active, energy)
         values ('00000000-0000-4000-8000-0000000000c1', 'eve@example.com', '-', 'eve', true, 10.4)",
    )
    .await;
    write(
        "insert into scores (user_id, scenario_id, score_value, weight_lifted, created_at)
         values ('00000000-0000-4000-8000-0000000000c1', 'back_squat', 145, 145, now()),
                ('00000000-0000-4000-8000-0000000000c1', 'back_squat', 144, 144, now()),
                ('00000000-0000-4000-8000-0000000000c1', 'back_squat', 'NaN', 1, now())",
    )
    .await;
    let first = squats(&app).await;
    assert_eq!(first[2], ("eve".to_owned(), 145.0));
    write("update users set energy = 2000 where username = 'eve'").await;
    assert_eq!(energies(&app).await[1], ("eve".to_owned(), 2000.0));

    write("update scores set score_value = 146 where score_value = 144").await;
    assert_eq!(squats(&app).await[2], ("eve".to_owned(), 146.0));
    write("delete from scores where score_value = 146").await;
    assert_eq!(squats(&app).await, first);
    write("update users set is_active = false where username = 'drifted'").await;
    assert_eq!(squats(&app).await[0].0, "nothing");
    assert_eq!(energies(&app).await[0].0, "eve");
    write("update users set is_active = null where username in ('drifted', 'gone')").await;
    assert_eq!(squats(&app).await[0].0, "gone");
    write("delete from users where username = 'eve'").await;
    assert_boards_are_true(&client).await;
}
