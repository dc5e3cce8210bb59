//! `repduel-backend check`: what it says of good and bad machines.

use tokio::net::TcpListener;

use crate::support::program::{Ended, run, run_bare};
use crate::support::{TestDatabase, TestFolder};

#[track_caller]
fn says(ended: &Ended, beginning: &str) {
    assert!(ended.stdout.lines().any(|line| line.starts_with(beginning)), "{beginning} in {}", ended.stdout);
}

#[tokio::test]
async fn a_machine_that_can_serve_is_told_so() {
    let (database, folder) = (TestDatabase::migrated().await, TestFolder::new());
    let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let collector = format!("http://127.0.0.1:{}", other.local_addr().unwrap().port());
    let variables = [
        ("DATABASE_URL", database.url()),
        ("STATIC_STORAGE_DIR", folder.name().to_owned()),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector),
    ];
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let ended = run("check", &variables).await;
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    for beginning in [
        "good  configuration: ",
        "note  environment: not production",
        "good  DATABASE_URL: 127.0.0.1:",
        "good  encryption: ",
        "good  schema: version ",
        "good  clock: ",
        "good  pictures: ",
        "good  disk: ",
        "good  OTEL_EXPORTER_OTLP_ENDPOINT: 127.0.0.1:",
    ] {
        says(&ended, beginning);
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
    let password = database.url().split(':').nth(2).unwrap().split('@').next().unwrap().to_owned();
    assert!(!ended.stdout.contains(&password) && !ended.stderr.contains(&password));
}

#[tokio::test]
async fn everything_that_is_wrong_is_told_at_once_and_no_secret_is() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let nowhere = format!("postgres://canary_user:canary_password@127.0.0.1:{closed}/app");
    let sentry = format!("http://canarykey@127.0.0.1:{closed}/1");
    let variables = [
        ("DATABASE_URL", nowhere.as_str()),
        ("DATABASE_URL_INTERNAL", "canary://canary_password"),
        ("STATIC_STORAGE_DIR", "/dev/null"),
        ("FRONTEND_WEB_DIR", "/dev/null"),
        ("SENTRY_DSN", &sentry),
    ];
    let ended = run("check", &variables).await;
    assert_eq!(ended.code, Some(1), "{}", ended.stdout);
    for beginning in [
        "note  DATABASE_URL_INTERNAL: is not a PostgreSQL URL",
        &format!("note  DATABASE_URL: 127.0.0.1:{closed}/app: "),
        "BAD   database: none can be used",
        "BAD   pictures: /dev/null is no folder",
        "BAD   web app: /dev/null has not an index.html",
        &format!("BAD   SENTRY_DSN: 127.0.0.1:{closed} cannot be reached"),
    ] {
        says(&ended, beginning);
    }
    assert!(!ended.stdout.contains("canary") && !ended.stderr.contains("canary"), "{}{}", ended.stdout, ended.stderr);
    let ended = run_bare("check", &[("PORT", "canary")]).await;
    assert_eq!(ended.code, Some(64));
    assert!(ended.stderr.contains("PORT must be") && !ended.stderr.contains("canary"), "{}", ended.stderr);
}

#[tokio::test]
async fn a_schema_that_is_older_newer_or_not_to_be_changed_is_told() {
    let (database, folder) = (TestDatabase::empty().await, TestFolder::new());
    let (url, client) = (database.url(), database.client().await);
    let variables = [("DATABASE_URL", url.as_str()), ("STATIC_STORAGE_DIR", folder.name())];
    says(&run("check", &variables).await, "good  schema: not there yet");
    let history = "create table refinery_schema_history (version integer, name text, applied_on text, checksum text)";
    client.batch_execute(history).await.unwrap();
    for (version, saying) in
        [(1, "good  schema: version 1; the next start"), (9999, "good  schema: version 9999, of a newer build")]
    {
        client.batch_execute(&format!("insert into refinery_schema_history values ({version})")).await.unwrap();
        says(&run("check", &variables).await, saying);
    }
    let role = format!("reader_{}", std::process::id());
    client
        .batch_execute(&format!(
            "revoke create on schema public from public; create role {role} login password 'x'; grant select on refinery_schema_history to {role}"
        ))
        .await
        .unwrap();
    let (_, place) = url.rsplit_once('@').unwrap();
    let reader = format!("postgres://{role}:x@{place}");
    let ended = run("check", &[("DATABASE_URL", &reader), ("STATIC_STORAGE_DIR", folder.name())]).await;
    client.batch_execute(&format!("drop owned by {role}; drop role {role}")).await.unwrap();
    assert_eq!(ended.code, Some(1));
    says(&ended, "BAD   schema: the role may not create tables");
}
