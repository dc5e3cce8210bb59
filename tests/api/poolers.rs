//! A PgBouncer between the server and its database: it serves well with the settings that the README names, and says what is
//! wrong without them.

use serde_json::json;

use crate::support::ledger::{assert_books, of_weight};
use crate::support::people::register;
use crate::support::program::run;
use crate::support::{ADMIN_TOKEN, Cluster, Request, Served, TestFolder, at_once, eventually};

/// What a session is asked for where nothing stands between, and the role must have where sessions are shared.
const ROLE: &str = "
    alter role repduel set jit = off;
    alter role repduel set statement_timeout = '5s';
    alter role repduel set lock_timeout = '4s';
    alter role repduel set idle_in_transaction_session_timeout = '10s'";
/// Sessions that the pooler has, less than the server has connections.
const SESSIONS: i64 = 6;

/// A lifter of this server who has told their weight; answers an access token.
async fn weighed(server: &Served, name: &str) -> String {
    let token = register(server.address, name).await.token;
    let body = json!({ "weight": 90.7, "gender": "male" });
    server.request("PATCH", "/api/v1/users/me").bearer(&token).json(&body).send().await.expect(200);
    token
}

/// What a lifter does of an evening.
fn evening(server: &Served, token: &str, kg: f64, key: &str) -> Vec<Request> {
    let lift_once = |exercise: &str| {
        server.request("POST", &format!("/api/v1/scores/scenario/{exercise}")).bearer(token).json(&of_weight(kg))
    };
    let lift = |exercise: &str| lift_once(exercise).header("idempotency-key", &format!("{exercise}-{key}"));
    let read = |path: &str| server.request("GET", path).bearer(token);
    vec![
        lift("deadlift"),
        lift("back_squat"),
        read("/api/v1/users/me"),
        lift("deadlift"), // again, with the same key
        read("/api/v1/energy/leaderboard"),
        read("/api/v1/scores/scenario/deadlift/leaderboard"),
        read("/api/v1/quests/me"),
        read("/api/v1/levels/me"),
        lift_once("barbell_bench_press"), // without a key it may be recorded together with others'
        read("/api/v1/users/lookup?q=lifter"),
    ]
}

/// What a request is answered once no other one with its key runs.
async fn status(request: Request) -> u16 {
    loop {
        let answer = request.clone().send().await;
        if answer.status != 409 || answer.json()["error_code"] != "idempotency_key_in_use" {
            return answer.status;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_share_a_pooler_of_transactions() {
    let cluster = Cluster::start("fast");
    let direct = cluster.client().await;
    direct.batch_execute(ROLE).await.unwrap();
    let pooler = cluster.pooled("transaction", &[&format!("default_pool_size = {SESSIONS}")]);
    let url = cluster.url();
    let variables = [
        ("DATABASE_URL", pooler.url.as_str()),
        ("DATABASE_URL_DIRECT", &url),
        ("DATABASE_POOL_MODE", "transaction"),
        ("DATABASE_POOL_SIZE", "8"),
        ("ADMIN_API_TOKEN", ADMIN_TOKEN),
    ];
    let servers = [Served::start(&variables).await, Served::start(&variables).await];
    let mut requests = Vec::new();
    for number in 0..8 {
        let server = &servers[number % 2];
        let token = weighed(server, &format!("lifter{number}")).await;
        let workout = crate::workouts::workout("2026-11-21T08:00:00Z", 45.0);
        server.request("POST", crate::workouts::PATH).bearer(&token).json(&workout).send().await.expect(201);
        for (round, kg) in [(0, 100.0), (1, 120.0), (2, 80.0)] {
            // What begins on one server goes on at the other.
            requests.extend(evening(&servers[round % 2], &token, kg, &round.to_string()));
        }
    }
    // As many as the sessions can serve before somebody has waited too long, on a machine that is busy with other tests.
    let mut requests = requests.into_iter().peekable();
    while requests.peek().is_some() {
        let statuses = at_once(requests.by_ref().take(48).map(status)).await;
        assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    }
    assert_books(&direct).await;
    let count = async |query: &str| direct.query_one(query, &[]).await.unwrap().get::<_, i64>(0);
    assert_eq!(count("select count(*) from scores").await, 8 * 3 * 3);

    // The work in the background, and what one process tells the others.
    let open = "select count(*) from outbox_events where status <> 'completed' and available_at <= now()";
    eventually("the work", async || count(open).await == 0).await;
    for (enabled, server) in [(true, &servers[0]), (false, &servers[1])] {
        let flag = server.request("PUT", "/flags/pooled").bearer(ADMIN_TOKEN);
        flag.json(&json!({ "enabled": enabled })).send().await.expect(200);
        for other in &servers {
            eventually("the flag", async || {
                let flags = other.request("GET", "/flags").send().await.expect(200).json();
                flags["flags"]["pooled"] == enabled
            })
            .await;
        }
    }
    let shared = "select count(*) from pg_stat_activity where application_name = 'repduel-backend' and query not like 'listen %'";
    let sessions = count(shared).await;
    assert!((1..=SESSIONS).contains(&sessions), "{sessions} sessions");

    // Sessions that are gone, all at once.
    let ended = "select count(pg_terminate_backend(pid)) from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database()";
    assert!(count(ended).await >= sessions);
    for server in &servers {
        eventually("an answer", async || server.request("GET", "/ready").send().await.status == 200).await;
    }
}

#[tokio::test]
async fn a_pooler_of_transactions_that_nobody_spoke_of_ends_the_start() {
    let cluster = Cluster::start("fast");
    let client = cluster.client().await;
    for (lines, said) in [
        (&[][..], "unsupported startup parameter"),
        (&["ignore_startup_parameters = options"], "connections share their sessions"),
    ] {
        let pooler = cluster.pooled("transaction", lines);
        let variables = [("DATABASE_URL", pooler.url.as_str())];
        for word in ["serve", "migrate", "check"] {
            let ended = run(word, &variables).await;
            assert_eq!(ended.code, Some(1), "{word}: {}", ended.stderr);
            assert!(
                format!("{}{}", ended.stdout, ended.stderr).contains(said),
                "{word}: {}{}",
                ended.stdout,
                ended.stderr
            );
        }
        let lenient = [variables[0], ("REPDUEL_STRICT_DB_BOOTSTRAP", "0")];
        if !lines.is_empty() {
            // It is there, and waiting would not make another one of it.
            assert_eq!(run("serve", &lenient).await.code, Some(1));
        }
        let tables = "select count(*) from pg_tables where schemaname = 'public'";
        assert_eq!(client.query_one(tables, &[]).await.unwrap().get::<_, i64>(0), 0, "nothing was begun");
    }
}

#[tokio::test]
async fn what_the_role_lacks_behind_a_pooler_is_told() {
    let (cluster, folder) = (Cluster::start("fast"), TestFolder::new());
    let url = cluster.url();
    let check = async || {
        let pooler = cluster.pooled("transaction", &[]);
        let variables = [
            ("DATABASE_URL", pooler.url.as_str()),
            ("DATABASE_URL_DIRECT", &url),
            ("DATABASE_POOL_MODE", "transaction"),
            ("STATIC_STORAGE_DIR", folder.name()),
        ];
        run("check", &variables).await
    };
    let lacking = check().await;
    let names = "idle_in_transaction_session_timeout, jit, lock_timeout, statement_timeout";
    assert!(
        lacking.stdout.contains(&format!("BAD   settings: {names} must be set for the role")),
        "{}",
        lacking.stdout
    );
    assert_eq!(lacking.code, Some(1));
    cluster.client().await.batch_execute(ROLE).await.unwrap();
    let fit = check().await; // by a pooler whose sessions are younger than that
    assert_eq!(fit.code, Some(0), "{}{}", fit.stdout, fit.stderr);
    assert!(fit.stdout.contains("good  settings: "), "{}", fit.stdout);
}

#[tokio::test]
async fn a_server_behind_a_pooler_of_sessions_needs_nothing_else() {
    let (cluster, folder) = (Cluster::start("fast"), TestFolder::new());
    let pooler = cluster.pooled("session", &["ignore_startup_parameters = options"]);
    let variables = [("DATABASE_URL", pooler.url.as_str()), ("STATIC_STORAGE_DIR", folder.name())];
    let lacking = run("check", &variables).await;
    assert!(lacking.stdout.contains("does a PgBouncer ignore `options`?"), "{}", lacking.stdout);
    cluster.client().await.batch_execute(ROLE).await.unwrap();
    drop(pooler);
    let pooler = cluster.pooled("session", &["ignore_startup_parameters = options", "default_pool_size = 50"]);
    let variables = [("DATABASE_URL", pooler.url.as_str()), ("STATIC_STORAGE_DIR", folder.name())];
    let fit = run("check", &variables).await;
    assert_eq!(fit.code, Some(0), "{}{}", fit.stdout, fit.stderr);
    let server = Served::start(&variables).await;
    let token = weighed(&server, "ada").await;
    let statuses = at_once(evening(&server, &token, 100.0, "0").into_iter().map(status)).await;
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    assert_books(&cluster.client().await).await;
}
