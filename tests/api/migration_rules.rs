//! What a migration must not do to a table that grows with the number of lifters: hold it for as long as reading, rewriting or
//! indexing all of its rows takes. Indexes on such tables stand in `indexes.sql`, what is filled in is filled in beside the
//! traffic, and a constraint is added `not valid` first.

use crate::house::LARGE;

/// What takes long under a lock, as it begins behind `alter table …`, and what would have to stand in it to be quick.
const SLOW_CHANGES: [(&str, Option<&str>, &str); 9] = [
    ("alter column", None, "changes a column, which reads or writes every row"),
    ("alter [a-z]+ type", None, "changes a type, which writes every row"),
    ("add primary key", Some("using index"), "builds an index under the lock"),
    ("add unique", Some("using index"), "builds an index under the lock"),
    ("add exclude", None, "builds an index under the lock"),
    ("add check", Some("not valid"), "reads every row under the lock"),
    ("add foreign key", Some("not valid"), "reads every row under the lock"),
    ("set logged", None, "writes every row"),
    ("cluster", None, "writes every row"),
];
/// Defaults that are another value for each row, so that every row is written.
const VOLATILE: [&str; 7] =
    ["random", "clock_timestamp", "timeofday", "nextval", "uuid_generate", "generated always as (", "generated"];

/// The statements of a migration: comments gone, white space single, in lower case. Bodies of functions, procedures and blocks
/// are no part of it: they run elsewhere, or, as the baseline's block, on an empty database.
fn statements(migration: &str) -> Vec<String> {
    let code: Vec<&str> = migration.lines().map(|line| line.split("--").next().unwrap_or_default()).collect();
    let code = code.join(" ").to_lowercase();
    let mut outside = String::new();
    let mut rest = code.as_str();
    while let Some((before, tagged)) = rest.split_once('$') {
        let (tag, body) = tagged.split_once('$').expect("a dollar quote has two dollars");
        outside.push_str(before);
        rest = body.split_once(&format!("${tag}$")).expect("a dollar quote ends").1;
    }
    outside.push_str(rest);
    let one_space = outside.split_whitespace().collect::<Vec<_>>().join(" ");
    one_space
        .split(';')
        .map(|statement| statement.trim().to_owned())
        .filter(|statement| !statement.is_empty())
        .collect()
}

/// The word behind these, without a schema or quotes.
fn word_after<'a>(statement: &'a str, words: &str) -> Option<&'a str> {
    let (_, rest) = statement.split_once(words)?;
    let rest = rest.trim_start().trim_start_matches("if exists ").trim_start_matches("if not exists ");
    let rest = rest.trim_start_matches("only ").trim_start_matches("concurrently ").trim_start_matches("public.");
    rest.split([' ', '(', ',']).next().filter(|word| !word.is_empty())
}

/// The actions of an `alter table`, cut at the commas that stand in no brackets.
fn actions(statement: &str) -> Vec<&str> {
    let table = word_after(statement, "alter table").unwrap_or_default();
    let rest = statement.split_once(table).map_or("", |(_, rest)| rest);
    let (mut depth, mut from, mut parts) = (0, 0, Vec::new());
    for (at, sign) in rest.char_indices() {
        match sign {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(rest[from..at].trim());
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(rest[from..].trim());
    parts
}

/// Why this action would hold a large table for long, if it would.
fn slow_action(action: &str) -> Option<String> {
    let plain = match action.strip_prefix("add constraint ") {
        Some(named) => format!("add {}", named.split_once(' ').map_or("", |(_, rest)| rest)),
        None => action.to_owned(),
    };
    for (begins, unless, why) in SLOW_CHANGES {
        let slow = plain.starts_with(begins) && !unless.is_some_and(|quick| plain.contains(quick));
        // Defaults and statistics are the catalogue's business alone.
        let harmless = [" set default", " drop default", " drop not null", " set statistics"];
        if slow && !harmless.iter().any(|quick| plain.contains(quick)) {
            return Some(format!("{why}: {action}"));
        }
    }
    let constraint = ["add primary", "add unique", "add exclude", "add check", "add foreign"];
    if !plain.starts_with("add ") || constraint.iter().any(|begins| plain.starts_with(begins)) {
        return None;
    }
    let default = plain.split_once(" default ").map(|(_, value)| value);
    let volatile =
        VOLATILE.iter().find(|name| default.is_some_and(|value| value.contains(*name)) || plain.contains("generated "));
    if let Some(name) = volatile {
        return Some(format!("writes every row, for {name} is another value in each: {action}"));
    }
    let inline = [" unique", " primary key", " serial", " bigserial", " references ", " check "];
    let inline = inline.iter().find(|words| format!("{plain} ").contains(&format!("{} ", words.trim_end())));
    inline.map(|words| format!("reads or indexes every row for '{}': {action}", words.trim()))
}

/// What in this migration would hold a large table for long.
fn long_locks(migration: &str) -> Vec<String> {
    let statements = statements(migration);
    let tables = ["create table", "create unlogged table"];
    let made: Vec<&str> = statements
        .iter()
        .filter_map(|statement| tables.iter().find_map(|begins| word_after(statement, begins)))
        .collect();
    let large = |table: Option<&str>| table.is_some_and(|table| LARGE.contains(&table) && !made.contains(&table));
    let mut found = Vec::new();
    for statement in &statements {
        if statement.starts_with("alter table") && large(word_after(statement, "alter table")) {
            found.extend(actions(statement).into_iter().filter_map(slow_action));
        }
        let is_index = statement.starts_with("create index") || statement.starts_with("create unique index");
        if is_index && large(word_after(statement, " on ")) {
            found.push(format!("belongs to indexes.sql, to be built concurrently: {statement}"));
        }
        for (begins, behind) in [("update ", "update "), ("delete ", "delete from "), ("lock ", "lock table ")] {
            if statement.starts_with(begins) && large(word_after(statement, behind)) {
                found.push(format!("locks rows until the migration ends; use a backfill_ procedure: {statement}"));
            }
        }
        if ["vacuum full", "cluster", "reindex", "truncate", "drop table"]
            .iter()
            .any(|slow| statement.starts_with(slow))
        {
            found.push(format!("takes the table away: {statement}"));
        }
    }
    found
}

fn migrations() -> Vec<(String, String)> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut all: Vec<(String, String)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read_to_string(path).unwrap()))
        .collect();
    all.sort();
    all
}

#[test]
fn no_migration_holds_a_large_table_for_long() {
    for (name, text) in migrations().iter().filter(|(name, _)| name.starts_with('V')) {
        let found = long_locks(text);
        assert!(found.is_empty(), "{name} {found:#?}");
    }
}

#[test]
fn indexes_on_large_tables_are_built_beside_the_traffic() {
    let (_, text) = migrations().into_iter().find(|(name, _)| name == "indexes.sql").unwrap();
    for statement in statements(&text) {
        let words = ["create index concurrently ", "create unique index concurrently "];
        assert!(words.iter().any(|words| statement.starts_with(words)), "{statement}");
    }
}

#[test]
fn what_takes_long_is_found_and_what_does_not_is_let_pass() {
    let slow = [
        "alter table scores add column code uuid not null default gen_random_uuid();",
        "alter table scores add column seen timestamptz default clock_timestamp();",
        "alter table scores add column n bigint generated always as identity;",
        "alter table users add column a int, add column luck float8 default random();",
        "create index scores_by_value on scores (score_value);",
        "CREATE UNIQUE INDEX IF NOT EXISTS u ON public.users (email);",
        "alter table scores alter column id type bigint;",
        "alter table scores alter column reps set not null;",
        "alter table scores add constraint positive check (weight_lifted > 0);",
        "alter table scores add constraint s foreign key (user_id) references users (id);",
        "alter table users add constraint u unique (email);",
        "alter table users add column nick varchar unique;",
        "update users set energy = 0;",
        "delete from only scores where score_value = 0;",
        "truncate scores;",
    ];
    for statement in slow {
        assert_eq!(long_locks(statement).len(), 1, "{statement}");
    }
    let quick = [
        "alter table scores add column note varchar(200);",
        "alter table scores add column kind varchar(8) not null default 'lift';",
        "alter table scores add column made timestamptz not null default now();",
        "alter table scores alter column kind set default 'lift';",
        "alter table scores add constraint positive check (weight_lifted > 0) not valid;",
        "alter table scores add constraint s foreign key (user_id) references users (id) not valid;",
        "alter table users add constraint u unique using index users_email_key;",
        "create table sessions (id uuid primary key default gen_random_uuid()); create index s on sessions (id);",
        "create index e on equipment (name);",
        "create procedure backfill_x() language plpgsql as $$ begin update users set energy = 0; end $$;",
        "-- update users set energy = 0;\nselect 1;",
    ];
    for statement in quick {
        assert_eq!(long_locks(statement), Vec::<String>::new(), "{statement}");
    }
}
