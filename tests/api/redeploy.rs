//! New builds under load: `systemd/redeploy.sh` as it is, with Caddy in front and `tests/systemd.py` in the service manager's
//! place. `make redeploy-drill` runs the first test with a release build, and forty times.

use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::load::p99_ms;
use crate::support::machine::Redeployed;
use crate::support::{Load, Machine, TestApp, TestDatabase, TestFolder, eventually};

/// Clients of the load: 240 requests a second together.
const CLIENTS: u32 = 12;

/// Requests between two redeploys.
const QUIET: usize = 1_000;

/// A machine on which a first build serves, and an app that looks into its database.
async fn deployed() -> (TestApp, Machine) {
    let database = TestDatabase::migrated().await;
    let url = database.url();
    let app = TestApp::through(database, &url).await;
    let machine = Machine::start(&url).await;
    let first = machine.build("first");
    succeeded(&machine.redeploy(Some(&first)).await);
    assert!(machine.serving().await.starts_with("first"));
    (app, machine)
}

#[track_caller]
fn succeeded(redeployed: &Redeployed) {
    assert_eq!(redeployed.code, Some(0), "{}", redeployed.said);
}

#[track_caller]
fn failed(redeployed: &Redeployed, saying: &str) {
    assert_eq!(redeployed.code, Some(1), "{}", redeployed.said);
    assert!(redeployed.said.contains(saying), "{}", redeployed.said);
}

/// How often the drill redeploys.
fn times() -> usize {
    std::env::var("REDEPLOYS").map_or(2, |text| text.parse().expect("REDEPLOYS is a number"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redeploy_under_load_loses_nothing() {
    let (app, machine) = deployed().await;
    let builds = ["second", "first"].map(|name| machine.build(name));
    let load = Load::start(&app, machine.caddy.connector().unwrap(), CLIENTS).await;
    let mut redeploys = Vec::new();
    for turn in 0..times() {
        // Times of quiet between them, to compare with: what else the machine does is the same then.
        let answered = load.answered();
        eventually("a quiet load", async || load.answered() > answered + QUIET).await;
        let began = Instant::now();
        let build = &builds[turn % 2];
        let redeployed = machine.redeploy_with(Some(build), &[("REPDUEL_PROBATION_SECONDS", "1")]).await;
        succeeded(&redeployed);
        redeploys.push((began, Instant::now()));
        assert_eq!(machine.serving().await, build.file_name().unwrap().to_str().unwrap());
        assert_eq!(load.failures(), Vec::<String>::new(), "in redeploy {turn}: {}", redeployed.said);
    }
    let figures = load.end(&app.pg).await;
    let of_a_redeploy = |at: Instant| redeploys.iter().any(|(from, to)| (*from..*to).contains(&at));
    let p99 = |during: bool| {
        p99_ms(figures.took.iter().filter(|(at, _)| of_a_redeploy(*at) == during).map(|(_, took)| *took))
    };
    println!(
        "{} redeploys of {:.1} s under {} requests ({} lifts): {} failed; p99 {:.1} ms between them, {:.1} ms during",
        times(),
        redeploys.iter().map(|(from, to)| (*to - *from).as_secs_f64()).sum::<f64>() / redeploys.len() as f64,
        figures.took.len(),
        figures.lifts,
        figures.failures.len(),
        p99(false),
        p99(true),
    );
    assert_eq!(figures.failures.len(), 0, "{:?}", figures.failures);
    // Back to what served before, which is still there.
    succeeded(&machine.redeploy(None).await);
    assert_eq!(machine.serving().await, builds[times() % 2].file_name().unwrap().to_str().unwrap());
}

/// Builds that must not be let in: what they do, the seconds of probation, and what is said then.
const BAD: [(&str, &str, &str, &str); 6] = [
    (
        "no-migration",
        "if [ $1 = migrate ]; then echo 'the schema cannot be brought up to date: canary' >&2; exit 1; fi; exec $real $@",
        "1",
        "The schema cannot be changed. Nothing has changed.",
    ),
    ("ends-at-once", "if [ $1 = serve ]; then exit 1; fi; exec $real $@", "1", "Build ends-at-once does not start"),
    (
        "says-nothing",
        "if [ $1 = serve ]; then exec sleep 1000; fi; exec $real $@",
        "1",
        "Build says-nothing does not start",
    ),
    (
        "never-ready",
        "if [ $1 = serve ]; then export DATABASE_URL=postgres://u:p@127.0.0.1:1/none REPDUEL_STRICT_DB_BOOTSTRAP=0; fi; exec $real $@",
        "1",
        "is not ready after 5 s",
    ),
    (
        "ends-in-10-s",
        "if [ $1 = serve ]; then exec timeout --foreground -s KILL 10 $real $@; fi; exec $real $@",
        "12",
        "The new build ended",
    ),
    (
        "another-one",
        "if [ $1 = serve ]; then exec ${real%/*}/first*.real serve; fi; exec $real $@",
        "1",
        "Build another-one- is not ready after 5 s",
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_build_that_is_no_good_changes_nothing() {
    let (app, machine) = deployed().await;
    let first = machine.serving().await;
    let load = Load::start(&app, machine.caddy.connector().unwrap(), CLIENTS).await;
    for (name, script, probation_s, saying) in BAD {
        let bad = machine.scripted(name, script);
        let settings = [("REPDUEL_PROBATION_SECONDS", probation_s), ("REPDUEL_PATIENCE_SECONDS", "5")];
        let redeployed = machine.redeploy_with(Some(&bad), &settings).await;
        failed(&redeployed, saying);
        assert_eq!(machine.serving().await, first, "{name}");
        assert!(!machine.systemctl(&["is-active", "repduel-backend@green"]).0, "{name} was left running");
        assert_eq!(load.failures(), Vec::<String>::new(), "{name}: {}", redeployed.said);
    }
    let second = machine.build("second");
    succeeded(&machine.redeploy(Some(&second)).await);
    assert_eq!(load.end(&app.pg).await.failures.len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_is_one_of_production_with_doppler_and_without() {
    let (app, machine) = deployed().await;
    let first = machine.serving().await;
    let environment = format!("/proc/{}/environ", machine.server_of("blue").unwrap());
    let environment = std::fs::read_to_string(environment).unwrap();
    assert!(environment.split('\0').any(|variable| variable == "APP_ENV=production"));
    let (second, settings) = (machine.build("second"), machine.settings(&app.database_url()));
    let needed = "STRIPE_WEBHOOK_SECRET";
    machine.tell(&settings.iter().filter(|(name, _)| *name != needed).cloned().collect::<Vec<_>>());
    let redeployed = machine.redeploy(Some(&second)).await;
    failed(&redeployed, &format!("{needed} must be set in production"));
    failed(&redeployed, "This machine is not fit for build second");
    assert_eq!(machine.serving().await, first);
    machine.tell(&settings);
    let files = TestFolder::new();
    for (name, value) in settings {
        files.write(name, value);
    }
    let by_files = format!("env CREDENTIALS_DIRECTORY={}", files.name());
    succeeded(&machine.redeploy_with(Some(&second), &[("REPDUEL_WITH_SECRETS", &by_files)]).await);
    assert!(machine.serving().await.starts_with("second"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_build_that_fails_once_it_serves_is_taken_back() {
    let (_app, machine) = deployed().await;
    let first = machine.serving().await;
    // Well on probation, and gone as soon as it is let in.
    let script = "if [ $1 = serve ]; then $real serve & until [ ! -e $REPDUEL_HOLD_FILE ]; do sleep 0.05; done; kill -9 $!; exit 1; fi; exec $real $@";
    let bad = machine.scripted("fails-served", script);
    let redeployed = machine.redeploy(Some(&bad)).await;
    failed(&redeployed, "Build fails-served does not serve well");
    assert!(redeployed.said.contains("Going back: starting blue again"), "{}", redeployed.said);
    assert_eq!(machine.serving().await, first);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_one_redeploy_goes_on_and_a_killed_one_is_made_good_by_the_next() {
    let (_app, machine) = deployed().await;
    let second = machine.build("second");
    let mut killed = machine
        .redeploying(Some(&second))
        .env("REPDUEL_PROBATION_SECONDS", "600")
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    machine.until_active("green").await;
    failed(&machine.redeploy(Some(&second)).await, "Another redeploy is going on");
    killed.kill().await.unwrap();
    // What the killed one had started holds the lock until it notices, a few tenths of a second later.
    eventually("the end of what was started", async || {
        let redeployed = machine.redeploy(Some(&second)).await;
        if redeployed.said.contains("Another redeploy is going on") {
            return false;
        }
        succeeded(&redeployed);
        true
    })
    .await;
    assert!(machine.serving().await.starts_with("second"));
    assert!(!machine.systemctl(&["is-active", "repduel-backend@blue"]).0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_is_back_within_seconds_and_connections_wait_for_it() {
    let (app, machine) = deployed().await;
    let load = Load::start(&app, machine.caddy.connector().unwrap(), CLIENTS).await;
    for _ in 0..3 {
        eventually("a server", async || machine.server_of("blue").is_some()).await;
        let (answered, server) = (load.answered(), machine.server_of("blue").unwrap());
        let killed = crate::support::cluster::signalling("KILL", [&server]).status().unwrap();
        assert!(killed.success());
        eventually("answers again", async || load.answered() > answered + 100).await;
    }
    let figures = load.end(&app.pg).await;
    // Only what was in hand at the kill is cut off: a client has one request at a time.
    assert!(figures.failures.len() <= 3 * CLIENTS as usize, "{:?}", figures.failures);
    let longest = figures.took.iter().map(|(_, took)| *took).max().unwrap_or_default();
    assert!(longest < Duration::from_secs(8), "a request took {longest:?}");
}
