//! The house itself: tables, statements, documents, directions. Each test says what to do when it fails.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use repduel_backend::budget::Budget;
use repduel_backend::config::VARS;
use repduel_backend::db::statement::{Lane, Statement};
use repduel_backend::db::unnamed::sent_as;
use repduel_backend::domain;
use repduel_backend::http::cx::parameter_names;
use repduel_backend::http::{body, guard, headers, route, server, service};
use repduel_backend::threads::Threads;
use repduel_backend::{openapi, routes};
use tokio_postgres::types::Type;

use crate::support::{TestApp, TestDatabase};

mod map;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The files below a folder that end so, relative to the project.
fn files(folder: &str, ending: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(relative(&path));
            }
        }
    }
    found.sort();
    found
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().to_string_lossy().into_owned()
}

fn statements() -> impl Iterator<Item = &'static Statement> {
    domain::STATEMENTS.iter().flat_map(|statements| statements.iter().copied())
}

/// Files below `sql/` that are not run through `statements!`, and why.
const OTHER_SQL: [&str; 1] = ["sql/scenarios/insert_catalogue.sql"]; // runs behind the migrations, before there is a pool

#[test]
fn every_sql_file_is_used_once() {
    let mut used: Vec<String> = statements().map(|statement| format!("sql/{}.sql", statement.file)).collect();
    used.extend(OTHER_SQL.map(str::to_owned));
    used.sort();
    assert_eq!(files("sql", ".sql"), used, "name each file once in its domain's `statements!`, or delete it");
}

#[test]
fn sql_files_keep_the_style() {
    const VERBS: [&str; 10] =
        ["get", "list", "count", "insert", "upsert", "update", "delete", "claim", "lock", "notify"];
    for file in files("sql", ".sql") {
        let text = read(&file);
        let name = file.rsplit('/').next().unwrap();
        let verb = name.split('_').next().unwrap();
        assert!(VERBS.contains(&verb), "{file} should begin with one of {VERBS:?}");
        assert!(text.starts_with("-- "), "{file} should begin with a comment: what it returns, which index it uses");
        let code: String =
            text.lines().filter(|line| !line.trim_start().starts_with("--")).collect::<Vec<_>>().join("\n");
        assert!(!code.contains(';'), "{file} holds one statement, without a semicolon");
        assert!(!code.contains("select *"), "{file} should name its columns");
        assert!(!code.contains("SELECT") && !code.contains("FROM"), "{file} should be in lower case");
        assert!(text.lines().all(|line| line.len() <= 130), "{file} has a line that is too long");
    }
}

/// The functions that may change something, PostgreSQL's own among them.
const CHANGING: &str = "select distinct proname::text from pg_proc where provolatile = 'v'";

/// Those that change nothing which stays, but for a number that nobody gets.
const HARMLESS: [&str; 3] = ["nextval", "pg_advisory_xact_lock", "pg_try_advisory_xact_lock"];

#[tokio::test]
async fn what_is_sent_with_begin_only_reads() {
    let database = TestDatabase::migrated().await;
    let changing = database.client().await.query(CHANGING, &[]).await.unwrap();
    let changing: Vec<String> = changing.iter().map(|row| row.get(0)).collect();
    assert!(changing.iter().any(|name| name == "set_config"));
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    for Statement { file, text, .. } in statements().filter(|statement| statement.only_reads()) {
        let code = text.lines().filter(|line| !line.trim_start().starts_with("--")).collect::<Vec<_>>().join(" ");
        let locks = code.replace("for update", "").replace("for no key update", "");
        let mut words = locks.split(|c| !is_part(c));
        let found = words.find(|word| {
            let is_called = changing.iter().any(|name| name == word) && !HARMLESS.contains(word);
            ["insert", "update", "delete", "merge", "call"].contains(word) || is_called
        });
        assert_eq!(found, None, "{file} must not change anything, or be named after what it does");
    }
}

#[tokio::test]
async fn every_statement_fits_the_schema() {
    let database = TestDatabase::migrated().await;
    let client = database.client().await;
    let nullable = client
        .query("select attrelid, attnum from pg_attribute where attnum > 0 and not attnotnull", &[])
        .await
        .unwrap()
        .iter()
        .map(|row| (row.get::<_, u32>(0), row.get::<_, i16>(1)))
        .collect::<BTreeSet<_>>();
    for statement in statements() {
        let file = statement.file;
        let prepared = client.prepare(statement.text).await.unwrap_or_else(|error| panic!("{file}: {error:?}"));
        assert_eq!(prepared.params().len(), statement.params.len(), "{file}: number of parameters");
        for (field, ty) in statement.params.iter().zip(prepared.params()) {
            assert!((field.accepts)(ty), "{file}: parameter {} does not fit {ty}", field.name);
        }
        let names: Vec<&str> = prepared.columns().iter().map(|column| column.name()).collect();
        let mut fields: Vec<&str> = statement.fields.iter().map(|field| field.name).collect();
        fields.extend(statement.lane.is_gathered().then_some("asked"));
        if !fields.is_empty() {
            assert_eq!(names, fields, "{file}: columns should be the row's fields, in order");
        }
        for (field, column) in statement.fields.iter().zip(prepared.columns()) {
            assert!((field.accepts)(column.type_()), "{file}: {} does not fit {}", field.name, column.type_());
            let may_be_null = column.table_oid().zip(column.column_id()).is_some_and(|place| nullable.contains(&place));
            assert!(field.nullable || !may_be_null, "{file}: {} can be null, its field cannot", field.name);
        }
    }
}

/// Statements that decide whether a caller's token counts.
const CALLERS: [&str; 5] =
    ["auth/get_active", "users/get_own", "users/lock_user", "users/lock_free_users", "levels/get_progress"];

/// Behind a PgBouncer nobody asks for types: parameters are sent as what the Rust side can be.
#[tokio::test]
async fn every_statement_fits_the_schema_with_the_types_that_we_give() {
    let database = TestDatabase::migrated().await;
    let client = database.client().await;
    for statement in statements() {
        let (file, types) = (statement.file, statement.params.iter().map(sent_as).collect::<Vec<_>>());
        let prepared = client.prepare_typed(statement.text, &types).await;
        let prepared = prepared.unwrap_or_else(|error| panic!("{file} with {types:?}: {error:?}"));
        assert_eq!(prepared.params(), types, "{file}");
        for (field, column) in statement.fields.iter().zip(prepared.columns()) {
            assert!((field.accepts)(column.type_()), "{file}: {} is {}", field.name, column.type_());
        }
    }
}

#[test]
fn statements_that_know_a_caller_ask_alike_whether_the_token_counts() {
    let condition = |text: &str| {
        let from = text.find("users.is_active is not false\n")?;
        let until = from + text[from..].find("\n  end")?;
        let alike = text[from..until].replace("$2::uuid", "$2");
        Some(alike.replace("caller.session_id", "$2").replace("caller.issued_at", "$3"))
    };
    let first = condition(&read("sql/auth/get_active.sql")).expect("it asks");
    assert!(first.contains("sessions.ended_at is null") && first.contains("sessions_ended_at < $3"), "{first}");
    for statement in statements() {
        let names: Vec<&str> = statement.params.iter().map(|field| field.name).collect();
        let callers =
            [["user", "session", "issued_at"], ["id", "session", "issued_at"], ["ids", "sessions", "issued_at"]];
        let knows_caller = callers.iter().any(|caller| names.starts_with(caller));
        assert_eq!(knows_caller, CALLERS.contains(&statement.file), "{}: note it in CALLERS", statement.file);
        if knows_caller {
            assert_eq!(condition(statement.text).as_ref(), Some(&first), "{} asks otherwise", statement.file);
        }
    }
}

/// Tables that grow with the number of lifters.
pub const LARGE: [&str; 32] = [
    "users",
    "lifter_names",
    "sessions",
    "scores",
    "personal_bests",
    "personal_best_events",
    "energy_history",
    "energy_standings",
    "board_groups",
    "board_blocks",
    "board_changes",
    "user_xp",
    "xp_events",
    "routines",
    "routine_scenario_association",
    "routine_share_snapshots",
    "routine_submission",
    "hidden_routines",
    "social_edges",
    "social_counts",
    "rate_limit_events",
    "rate_limit_windows",
    "idempotency_keys",
    "guilds",
    "routine_scenario_submission",
    "daily_workout_aggregates",
    "user_quests",
    "outbox_events",
    "webhook_events",
    "entitlements",
    "entitlement_events",
    "entitlement_transfers",
];

#[tokio::test]
async fn no_statement_reads_a_large_table_whole() {
    let database = TestDatabase::migrated().await;
    let client = database.client().await;
    // With sequential scans as dear as can be, one is planned only where no index serves.
    client.batch_execute("set enable_seqscan = off; set plan_cache_mode = force_generic_plan").await.unwrap();
    for (index, statement) in statements().enumerate() {
        let arguments = vec!["null"; statement.params.len()].join(", ");
        let arguments = if arguments.is_empty() { String::new() } else { format!("({arguments})") };
        client.batch_execute(&format!("prepare s{index} as {}", statement.text)).await.unwrap();
        let plan = client.query(&format!("explain execute s{index}{arguments}"), &[]).await.unwrap();
        for line in plan.iter().map(|row| row.get::<_, String>(0)) {
            let scanned = line.split("Seq Scan on ").nth(1).and_then(|rest| rest.split(' ').next());
            assert!(scanned.is_none_or(|table| !LARGE.contains(&table)), "{}: {line}", statement.file);
        }
    }
}

/// The shared lane runs its statements for nobody before callers need them.
#[tokio::test]
async fn statements_of_the_shared_lane_find_nothing_for_nobody() {
    let database = TestDatabase::migrated().await;
    let client = database.client().await;
    let frequent = domain::FREQUENT.iter().flat_map(|statements| statements.iter());
    let shared = frequent.filter(|statement| matches!(statement.lane, Lane::Shared | Lane::Gathered));
    for (index, statement) in shared.enumerate() {
        assert!(!statement.params.is_empty(), "{} asks for nobody", statement.file);
        let arguments = vec!["null"; statement.params.len()].join(", ");
        client.batch_execute(&format!("prepare s{index} as {}", statement.text)).await.unwrap();
        let found = client.query(&format!("execute s{index}({arguments})"), &[]).await.unwrap();
        assert!(found.is_empty(), "{} finds something", statement.file);
    }
}

#[tokio::test]
async fn what_is_opened_early_has_every_plan_and_writes_nothing() {
    let app = TestApp::start().await;
    app.app.db.warm_up(domain::FREQUENT, &Threads::default()).await.unwrap();
    let connection = app.app.db.connection().await.unwrap();
    let plans = "select count(*) filter (where generic_plans + custom_plans > 0), count(*) from pg_prepared_statements";
    let plans = connection.query_one(plans, &[]).await.unwrap();
    let statements: usize = domain::FREQUENT.iter().map(|statements| statements.len()).sum();
    assert!(plans.get::<_, i64>(0) >= i64::try_from(statements).unwrap(), "{plans:?}");
    assert_eq!(app.count("select count(*) from users").await, 0);
    let locks = "select count(*) from pg_locks where locktype = 'advisory'
        and database = (select oid from pg_database where datname = current_database())";
    assert_eq!(app.count(locks).await, 0);
}

#[test]
fn migrations_are_contiguous_and_say_what_they_are() {
    let migrations: Vec<String> =
        files("migrations", ".sql").into_iter().filter(|file| !file.ends_with("indexes.sql")).collect();
    for (index, file) in migrations.iter().enumerate() {
        assert!(file.starts_with(&format!("migrations/V{:03}__", index + 1)), "{file} is out of order");
        let header = read(file);
        assert!(
            header.starts_with("-- expand: ") || header.starts_with("-- contract: "),
            "{file} should begin with its kind"
        );
    }
}

#[test]
fn the_openapi_document_is_the_golden_one() {
    let document = format!("{:#}\n", openapi::document(routes::TABLE));
    assert!(read("tests/api/openapi.json") == document, "the API changed: look at it, then run `make openapi`");
}

#[test]
fn routes_are_unique_and_take_what_their_paths_name() {
    let mut seen = BTreeSet::new();
    for route in routes::TABLE.iter().flat_map(|routes| routes.iter()) {
        assert!(seen.insert((route.method, route.path)), "{} {} stands twice", route.method, route.path);
        let named = parameter_names(route.path).count();
        assert_eq!(
            route.operation().path.len(),
            named,
            "{} {}: the handler takes other parameters",
            route.method,
            route.path
        );
        assert!(route.summary.ends_with('.'), "{} {}: the summary is a sentence", route.method, route.path);
        assert!(route.path == "/" || !route.path.ends_with('/'), "{}: no slash at the end", route.path);
    }
}

#[test]
fn the_readme_tells_every_variable() {
    let readme = read("README.md");
    for var in VARS {
        let names = std::iter::once(&var.name)
            .chain(var.aliases)
            .map(|name| format!("`{name}`"))
            .collect::<Vec<_>>()
            .join(", ");
        let default = if var.default.is_empty() { String::new() } else { format!("`{}`", var.default) };
        let secret = if var.secret { "yes" } else { "" };
        let row = format!("| {names} | {default} | {secret} | {} |", var.doc);
        assert!(
            readme.contains(&row),
            "put the table that `repduel-backend variables` prints into the README; missing: {row}"
        );
    }
    let rows = readme.lines().filter(|line| line.starts_with("| `") && line.matches(" | ").count() == 3);
    let rows = rows.filter(|line| {
        line.split('`').nth(1).is_some_and(|name| name.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
    });
    assert_eq!(rows.count(), VARS.len(), "the README's table names a variable that nothing reads");
}

#[test]
fn the_readme_tells_every_budget_and_header() {
    let readme = read("README.md");
    let default = |name: &str| VARS.iter().find(|var| var.name == name).unwrap_or_else(|| panic!("{name}")).default;
    for budget in Budget::ALL {
        let (name, whose, counted) = (budget.name(), budget.whose(), budget.counted().words());
        let variable = name.to_uppercase();
        let limit = default(&format!("RATE_LIMIT_{variable}_LIMIT"));
        let window_s = default(&format!("RATE_LIMIT_{variable}_WINDOW_SECONDS"));
        let row = format!("| `{name}` | {limit} in {window_s} s | {whose} | {counted} |");
        assert!(readme.contains(&row), "the README lacks: {row}");
    }
    for header in ["RateLimit-Policy", "RateLimit", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"] {
        assert!(readme.contains(&format!("| `{header}` |")), "the README lacks {header}");
    }
}

#[test]
fn the_readme_tells_the_bounds_of_the_edge() {
    let readme = read("README.md");
    let kib = 1024;
    for row in [
        format!("| head | {} KiB, {} headers | 431 |", headers::HEAD_MAX_BYTES / kib, headers::HEADERS_MAX),
        format!("| a head, from its first byte | {} s | 408 |", guard::HEAD_WAIT.as_secs()),
        format!(
            "| JSON body / form / uploaded file | {} KiB / {} KiB / {} MiB | 413 |",
            route::JSON_MAX_BYTES / kib,
            route::FORM_MAX_BYTES / kib,
            route::FILE_MAX_BYTES / kib / kib
        ),
        format!(
            "| between two pieces of a body / a whole body / an upload | {} s / {} s / {} s | 408 |",
            body::PIECE_WAIT.as_secs(),
            route::BODY_WAIT.as_secs(),
            route::UPLOAD_WAIT.as_secs()
        ),
        format!("| a handler, without the time its body takes | {} s | 503 |", service::HANDLER_DEADLINE.as_secs()),
        format!("| connections | {} | wait in the backlog |", server::CONNECTIONS_MAX),
        format!(
            "| an idle connection | {} s | closed; Caddy must close its own sooner (2 s) |",
            guard::IDLE_WAIT.as_secs()
        ),
        format!("| a client that takes nothing of its answer | {} s | closed |", guard::STALL_WAIT.as_secs()),
    ] {
        assert!(readme.contains(&row), "the README lacks: {row}");
    }
}

#[test]
fn nothing_but_the_configuration_reads_the_environment() {
    for file in files("src", ".rs").into_iter().filter(|file| file != "src/main.rs") {
        let text = read(&file);
        assert!(!text.contains("env::var"), "{file} should take what it needs from Config");
    }
}

/// Where names of variables stand that are told to operators.
const TELLS_VARIABLES: [&str; 1] = ["src/telemetry/sending.rs"];

#[test]
fn only_the_configuration_knows_the_names_of_variables() {
    let names: Vec<String> = VARS
        .iter()
        .flat_map(|var| std::iter::once(&var.name).chain(var.aliases))
        .map(|name| format!("\"{name}\""))
        .collect();
    let strangers = files("src", ".rs").into_iter().filter(|file| !file.starts_with("src/config/"));
    for file in strangers.filter(|file| !TELLS_VARIABLES.contains(&file.as_str())) {
        let text = read(&file);
        let named = names.iter().find(|name| text.contains(*name));
        assert!(named.is_none(), "{file} names {named:?}: it should take what it needs from Config");
    }
}

#[test]
fn every_file_says_what_it_is() {
    for file in files("src", ".rs").into_iter().chain(files("tests", ".rs")) {
        assert!(read(&file).starts_with("//! "), "{file} should open with what it is");
    }
}

/// The floors, from the ground up. A module uses its own floor and those below.
const FLOORS: [&[&str]; 6] = [
    &["error", "schema", "time", "network", "budget", "config", "property", "threads", "crowd"],
    &["ids", "images", "outbound", "telemetry", "db", "limits", "password", "pictures", "storage", "token"],
    &["app", "http", "openapi", "docs", "examples", "flags", "mirror"],
    &["domain"],
    &["routes", "start", "worker"],
    &[
        "main",
        "lib",
        "backup_check_command",
        "check_command",
        "findings",
        "outbox_command",
        "serve",
        "service_manager",
        "with_database",
    ],
];

/// Whom each domain may call, through the other's `mod.rs` only.
const DOMAIN_CALLS: [(&str, &[&str]); 22] = [
    ("auth", &[]),
    ("boards", &[]),
    ("idempotency", &["auth"]),
    ("standards", &[]),
    ("scenarios", &["auth"]),
    ("levels", &["auth"]),
    ("energy", &["auth", "boards", "standards"]),
    ("sessions", &["auth"]),
    ("users", &["auth", "energy", "outbox", "sessions", "standards", "uploads"]),
    ("ranks", &["energy", "scenarios", "standards", "users"]),
    ("scores", &["auth", "boards", "energy", "idempotency", "levels", "scenarios", "users"]),
    ("routines", &["auth", "idempotency", "scenarios", "uploads", "users"]),
    ("social", &["auth", "users"]),
    ("guilds", &["auth", "users"]),
    ("flags", &["auth"]),
    ("outbox", &[]),
    ("uploads", &["outbox"]),
    ("quests", &["auth", "levels"]),
    ("workouts", &["auth", "idempotency", "outbox", "quests", "users"]),
    ("payments", &["auth", "idempotency", "outbox"]),
    ("ops", &["outbox"]),
    ("site", &[]),
];

/// The `crate::…` paths that a file names outside of its tests, `use` groups spread out.
fn crate_paths(text: &str) -> BTreeSet<Vec<String>> {
    let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default().replace('\n', " ");
    let mut paths = BTreeSet::new();
    for part in code.split("crate::").skip(1) {
        spread(part.split(';').next().unwrap_or_default(), &mut Vec::new(), &mut paths);
    }
    paths
}

/// Spreads `a::{b, c::d}` into its paths.
fn spread(text: &str, before: &mut Vec<String>, paths: &mut BTreeSet<Vec<String>>) {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    before.push(name.to_owned());
    match rest.strip_prefix("::") {
        Some(group) if group.starts_with('{') => {
            let mut depth = 0;
            let mut start = 1;
            for (index, c) in group.char_indices() {
                match c {
                    '{' => depth += 1,
                    ',' if depth == 1 => {
                        spread(group[start..index].trim(), before, paths);
                        start = index + 1;
                    }
                    '}' if depth == 1 => {
                        spread(group[start..index].trim(), before, paths);
                        break;
                    }
                    '}' => depth -= 1,
                    _ => {}
                }
            }
        }
        Some(more) => spread(more, before, paths),
        None => {
            paths.insert(before.clone());
        }
    }
    before.pop();
}

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|modules| modules.contains(&module))
}

#[test]
fn arrows_point_down() {
    let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in files("src", ".rs") {
        let module = file.trim_start_matches("src/").split(['/', '.']).next().unwrap().to_owned();
        let own = floor(&module).unwrap_or_else(|| panic!("{file}: give {module} a floor"));
        for path in crate_paths(&read(&file)) {
            let Some(used) = floor(&path[0]) else { continue }; // a macro
            assert!(used <= own, "{file} uses crate::{}, which stands above it", path.join("::"));
            if path[0] != module {
                edges.entry(module.clone()).or_default().insert(path[0].clone());
            }
        }
    }
    for (module, uses) in &edges {
        for used in uses {
            let back = edges.get(used).is_some_and(|uses| uses.contains(module));
            let pair = [module.as_str(), used.as_str()];
            let known = pair == ["app", "http"] || pair == ["http", "app"] || pair.contains(&"schema");
            assert!(!back || known, "{module} and {used} use each other");
        }
    }
}

#[test]
fn domains_call_each_other_along_the_known_ways() {
    for file in files("src/domain", ".rs") {
        let mut parts = file.trim_start_matches("src/domain/").split('/');
        let domain = parts.next().unwrap();
        if domain == "mod.rs" {
            continue;
        }
        let (_, allowed) =
            DOMAIN_CALLS.iter().find(|(name, _)| *name == domain).expect("each domain stands in the list");
        for path in crate_paths(&read(&file)).into_iter().filter(|path| path[0] == "domain" && path.len() > 1) {
            let called = path[1].as_str();
            assert!(called == domain || allowed.contains(&called), "{file} should not call {called}");
            let private = ["sql", "handlers", "wire"].contains(&path.get(2).map_or("", String::as_str));
            assert!(called == domain || !private, "{file} reaches into {called}: use what its mod.rs offers");
        }
    }
}

#[test]
fn fields_accept_some_types_only() {
    // The drift test compares types by asking the Rust side; this keeps it from asking a side that says yes to everything.
    for statement in statements() {
        for field in statement.params.iter().chain(statement.fields) {
            let all = [Type::BOOL, Type::INT4, Type::INT8, Type::FLOAT8, Type::TEXT, Type::UUID, Type::TIMESTAMPTZ];
            assert!(!all.iter().all(|ty| (field.accepts)(ty)), "{}: {} accepts anything", statement.file, field.name);
        }
    }
}
