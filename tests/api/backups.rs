//! Backups while writes go on, drills that restore them, and what becomes of both when something is wrong.

use std::path::PathBuf;
use std::process::Stdio;

use tokio::process::Command;

use crate::support::app::SECRET;
use crate::support::ledger::of_weight;
use crate::support::program::{Ended, PROGRAM, run_words, run_words_bare, with_the_rest};
use crate::support::{TestApp, TestFolder, eventually, stripe};

/// Runs one of the scripts with these variables; `before` is a line of shell that comes first.
async fn script(name: &str, folder: &TestFolder, before: &str, variables: &[(&str, &str)]) -> Ended {
    let line = format!("{before}\nexec \"$@\"");
    let path = format!("{}/systemd/{name}", env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new("bash");
    command.args(["-c", &line, "script", &path, &format!("{}/backups", folder.name())]);
    command.envs(with_the_rest(variables)).env("REPDUEL_PROGRAM", PROGRAM).stdin(Stdio::null());
    let output = command.output().await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code(), stderr: text(output.stderr), stdout: text(output.stdout) }
}

async fn back_up(app: &TestApp, folder: &TestFolder, before: &str, more: &[(&str, &str)]) -> Ended {
    let url = app.database_url();
    let variables: Vec<_> = more.iter().copied().chain([("DATABASE_URL", url.as_str())]).collect();
    script("backup.sh", folder, before, &variables).await
}

async fn drill(folder: &TestFolder, more: &[(&str, &str)]) -> Ended {
    script("restore-drill.sh", folder, "", more).await
}

/// The backups there are, oldest first.
fn dumps(folder: &TestFolder) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = std::fs::read_dir(folder.path().join("backups"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "dump"))
        .collect();
    all.sort();
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_that_was_taken_under_writes_restores_to_its_instant() {
    let (app, folder) = (TestApp::start().await, TestFolder::new());
    let ada = app.lifter("ada").await;
    let request = app.request("POST", "/api/v1/scores/scenario/deadlift").bearer(&ada.token);
    let writing = tokio::spawn(async move {
        for count in 0_u32.. {
            request.clone().json(&of_weight(50.0 + f64::from(count) / 64.0)).send().await.expect(200);
        }
    });
    eventually("lifts", async || app.count("select count(*) from scores").await > 50).await;
    let ended = back_up(&app, &folder, "", &[]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    writing.abort();
    let drilled = drill(&folder, &[]).await;
    assert_eq!(drilled.code, Some(0), "{}", drilled.stderr);
    for line in
        ["scores: ", "experience awarded: ", "lifters whose experience is not the sum of what they were awarded: 0"]
    {
        assert!(drilled.stdout.lines().any(|said| said.starts_with(line)), "{line} in {}", drilled.stdout);
    }
    for line in ["recovery time: ", "recovery point: ", "tables alike: "] {
        assert!(drilled.stdout.contains(line), "{line} in {}", drilled.stdout);
    }
    // Too old is as bad as wrong.
    let late = drill(&folder, &[("REPDUEL_BACKUP_AGE_MAX_SECONDS", "-1")]).await;
    assert_eq!(late.code, Some(1));
    assert!(late.stderr.contains("The drill failed: the backup is older than"), "{}", late.stderr);
}

#[tokio::test]
async fn a_backup_finds_its_database_in_files_as_a_unit_without_doppler_has_them() {
    let (app, folder) = (TestApp::start().await, TestFolder::new());
    for (name, value) in [
        ("DATABASE_URL", app.database_url().as_str()),
        ("JWT_SECRET_KEY", SECRET),
        ("STRIPE_SECRET_KEY", stripe::KEY),
        ("STRIPE_WEBHOOK_SECRET", stripe::WEBHOOK_SECRET),
        ("REVENUECAT_WEBHOOK_AUTH_TOKEN", stripe::STORE_TOKEN),
    ] {
        folder.write(&format!("secrets/{name}"), value);
    }
    let secrets = format!("{}/secrets", folder.name());
    let variables = [("CREDENTIALS_DIRECTORY", secrets.as_str()), ("APP_ENV", "production")];
    let ended = script("backup.sh", &folder, "unset JWT_SECRET_KEY", &variables).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(dumps(&folder).len(), 1);
}

async fn checked(folder: &TestFolder) -> Ended {
    run_words_bare(&["backup-check", &format!("{}/backups", folder.name())]).await
}

#[tokio::test]
async fn a_backup_is_judged_without_the_database() {
    let (app, folder) = (TestApp::start().await, TestFolder::new());
    app.lifter("ada").await;
    let nothing = checked(&folder).await;
    assert_eq!(nothing.code, Some(1));
    assert!(nothing.stdout.starts_with("BAD   backups: "), "{}", nothing.stdout);
    std::fs::create_dir(folder.path().join("backups")).unwrap();
    std::fs::write(folder.path().join("backups/other.dump"), "not ours").unwrap();
    let none = checked(&folder).await;
    assert_eq!((none.code, none.stderr.trim()), (Some(1), "there is no good backup"));
    assert!(none.stdout.starts_with("BAD   backups: there is none in "), "{}", none.stdout);
    std::fs::remove_file(folder.path().join("backups/other.dump")).unwrap();

    assert_eq!(back_up(&app, &folder, "", &[]).await.code, Some(0));
    let good = checked(&folder).await;
    assert_eq!(good.code, Some(0), "{}{}", good.stdout, good.stderr);
    for what in ["backups", "age", "ledgers", "tables", "contents", "size"] {
        assert!(good.stdout.contains(&format!("good  {what}: ")), "{what} in {}", good.stdout);
    }

    // Each thing that can be wrong with it is told, and nothing else is.
    let dump = dumps(&folder).pop().unwrap();
    let (bytes, facts) =
        (std::fs::read(&dump).unwrap(), std::fs::read_to_string(dump.with_extension("facts")).unwrap());
    let taken = facts.lines().find(|line| line.starts_with("taken at: ")).unwrap();
    let at_s: i64 = taken["taken at: ".len()..].parse().unwrap();
    let users = facts.lines().find(|line| line.starts_with("users: ")).unwrap();
    let fits = "what they were awarded: 0";
    for (what, changed) in [
        ("age: taken 26 h 1", facts.replace(taken, &format!("taken at: {}", at_s - 26 * 3600 - 900))),
        ("age: it was taken in the future", facts.replace(taken, &format!("taken at: {}", at_s + 3600))),
        ("age: the facts do not say when", facts.replace(taken, "taken at: canary")),
        ("ledgers: the experience of 3 lifters", facts.replace(fits, "what they were awarded: 3")),
        ("ledgers: the facts are not whole", facts.replace(fits, "")),
        ("tables: the rows of lost are not in it", facts.replace(users, "lost: 7 rows, 1")),
        ("tables: the facts name none", facts.replace(" rows, ", " ")),
    ] {
        std::fs::write(dump.with_extension("facts"), changed).unwrap();
        let bad = checked(&folder).await;
        assert_eq!(bad.code, Some(1), "{what}: {}", bad.stdout);
        assert!(bad.stdout.contains(&format!("BAD   {what}")), "{what}: {}", bad.stdout);
        assert_eq!(bad.stdout.matches("BAD").count(), 1, "{what}: {}", bad.stdout);
    }
    std::fs::write(dump.with_extension("facts"), &facts).unwrap();
    std::fs::write(&dump, &bytes[..bytes.len() * 9 / 10]).unwrap();
    let cut = checked(&folder).await;
    assert_eq!(cut.code, Some(1));
    assert!(cut.stdout.contains("BAD   contents: it cannot be read: "), "{}", cut.stdout);
    std::fs::write(&dump, &bytes).unwrap();
    std::fs::write(folder.path().join("backups/repduel-20200101T000000Z.dump"), vec![0; 3 * bytes.len()]).unwrap();
    let smaller = checked(&folder).await;
    assert_eq!(smaller.code, Some(0), "{}", smaller.stdout);
    assert!(smaller.stdout.contains("note  size: "), "{}", smaller.stdout);
    std::fs::remove_file(dump.with_extension("facts")).unwrap();
    assert!(checked(&folder).await.stdout.contains("BAD   facts: "));
    for words in [&["backup-check", "--help"][..], &["backup-check", "a", "b"]] {
        assert_eq!(run_words_bare(words).await.code, Some(64));
    }
}

#[tokio::test]
async fn a_copy_that_differs_fails_the_drill() {
    let (app, folder) = (TestApp::start().await, TestFolder::new());
    app.lifter("ada").await;
    assert_eq!(back_up(&app, &folder, "", &[]).await.code, Some(0));
    let facts = dumps(&folder)[0].with_extension("facts");
    let noted = std::fs::read_to_string(&facts).unwrap();
    let users = noted.lines().find(|line| line.starts_with("users: ")).unwrap();
    std::fs::write(&facts, noted.replace(users, "users: 2 rows, 1")).unwrap();
    let drilled = drill(&folder, &[]).await;
    assert_eq!(drilled.code, Some(1));
    assert!(drilled.stderr.contains("the copy differs from the original"), "{}", drilled.stderr);
    assert!(drilled.stderr.contains("< users: 2 rows, 1"), "{}", drilled.stderr);
    let nothing = TestFolder::new();
    std::fs::create_dir(nothing.path().join("backups")).unwrap();
    let drilled = drill(&nothing, &[]).await;
    assert_eq!(drilled.code, Some(1));
    assert!(drilled.stderr.contains("there is no backup"), "{}", drilled.stderr);
}

#[tokio::test]
async fn a_backup_that_fails_is_loud_and_keeps_the_last_good_one() {
    let (app, folder) = (TestApp::start().await, TestFolder::new());
    assert_eq!(back_up(&app, &folder, "", &[]).await.code, Some(0));
    let good = dumps(&folder);
    let bytes = std::fs::read(&good[0]).unwrap();
    let nowhere = "export DATABASE_URL=postgres://u:canary@127.0.0.1:1/none";
    // No file may grow above 16 KiB: what a full disk does to a writer, without filling one.
    for (trouble, more) in [
        ("trap '' XFSZ; ulimit -f 16", [("REPDUEL_BACKUPS_KEPT", "1")]),
        (nowhere, [("REPDUEL_BACKUPS_KEPT", "1")]),
        ("", [("BACKUP_COMMAND", "false")]),
    ] {
        let ended = back_up(&app, &folder, trouble, &more).await;
        assert_eq!(ended.code, Some(1), "{trouble}: {}", ended.stderr);
        assert!(ended.stderr.contains("The backup failed. The last good one is "), "{}", ended.stderr);
        assert!(!ended.stderr.contains("canary"), "{}", ended.stderr);
        let made_anew = more[0].0 == "BACKUP_COMMAND"; // perhaps within the same second, and so under the same name
        assert!(made_anew || std::fs::read(&good[0]).unwrap() == bytes, "{trouble}");
        let left = std::fs::read_dir(folder.path().join("backups")).unwrap();
        let left: Vec<_> = left
            .map(|entry| entry.unwrap().file_name())
            .filter(|name| name.to_str().unwrap().starts_with("part"))
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

#[tokio::test]
async fn old_backups_go_when_a_new_one_is_there_and_it_can_be_taken_elsewhere() {
    let (app, folder) = (TestApp::start().await, TestFolder::new());
    let backups = folder.path().join("backups");
    std::fs::create_dir(&backups).unwrap();
    for day in 1..=9 {
        for ending in ["dump", "facts"] {
            std::fs::write(backups.join(format!("repduel-2020010{day}T000000Z.{ending}")), "old").unwrap();
        }
    }
    std::fs::write(backups.join("somebody-elses.dump"), "not ours").unwrap();
    let copy = format!("cp -t {}", folder.name());
    let ended = back_up(&app, &folder, "", &[("REPDUEL_BACKUPS_KEPT", "3"), ("BACKUP_COMMAND", &copy)]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let left: Vec<String> =
        dumps(&folder).iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    assert_eq!(left.len(), 4, "{left:?}");
    assert_eq!(left[..2], ["repduel-20200108T000000Z.dump", "repduel-20200109T000000Z.dump"]);
    assert_eq!(left[3], "somebody-elses.dump");
    assert!(!backups.join("repduel-20200107T000000Z.facts").exists());
    assert_eq!(std::fs::read(folder.path().join(&left[2])).unwrap(), std::fs::read(backups.join(&left[2])).unwrap());
}

#[tokio::test]
async fn postgresqls_programs_are_run_with_the_address_and_never_show_it() {
    let app = TestApp::start().await;
    let url = app.database_url().replacen("postgres://", "postgresql+asyncpg://", 1);
    let variables = [("DATABASE_URL", url.as_str())];
    let shown = ["with-database", "psql", "-XAtc", "select current_database()"];
    let ended = run_words(&shown, &variables).await;
    assert!(app.database_url().ends_with(&format!("/{}", ended.stdout.trim())), "{}{}", ended.stdout, ended.stderr);
    let seen = run_words(&["with-database", "bash", "-c", "tr '\\0' ' ' </proc/$$/cmdline; false"], &variables).await;
    assert_eq!(seen.code, Some(1), "the program's exit code is ours");
    let (_, rest) = url.split_once("://").unwrap();
    let password = rest.split(['@', ':']).nth(1).unwrap();
    assert!(!seen.stdout.contains(password) && !seen.stderr.contains(password));
    let absent = run_words(&["with-database", "/nowhere/program"], &variables).await;
    assert_eq!(absent.code, Some(1));
    assert!(absent.stderr.contains("/nowhere/program cannot be run"), "{}", absent.stderr);
}
