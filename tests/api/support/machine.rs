//! A machine as the service runs on: the port held for two colours, Caddy in front, a folder of releases, builds to put there.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tokio::net::TcpListener;

use super::app::SECRET;
use super::caddy::{Caddy, SITE};
use super::cluster::signalling;
use super::program::PROGRAM;
use super::{TestFolder, eventually, stripe};

/// Stands in for Doppler: secrets into the environment, the command as a child that dies with it, signals passed on.
const DOPPLER: &str = r#"#!/usr/bin/env bash
while [ "$1" != -- ]; do shift; done
shift
set -a
source "$(dirname "$0")/../../secrets.env"
set +a
setpriv --pdeathsig KILL -- "$@" &
trap 'kill -TERM $!' TERM
wait $!
wait $!
"#;

/// The machine. Everything on it ends when it is dropped.
pub struct Machine {
    /// Caddy, in front.
    pub caddy: Caddy,
    root: TestFolder,
    manager: Child,
    program: PathBuf,
}

/// How a redeploy ended.
pub struct Redeployed {
    /// Its exit code.
    pub code: Option<i32>,
    /// What it said.
    pub said: String,
}

impl Machine {
    /// A machine with this database, on which nothing is deployed. The programs are builds of the one that the tests were made
    /// with, or of the one that is named.
    pub async fn start(database_url: &str) -> Self {
        let root = TestFolder::new();
        for folder in ["srv/repduel/releases", "run/repduel", "var/lib/repduel/static", "usr/bin", "builds"] {
            std::fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        put_program(&root.path().join("usr/bin/doppler"), DOPPLER.as_bytes());
        let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let manager = manager(&root, &["serve"], &[&port.to_string()]).stdout(Stdio::piped()).spawn();
        let mut manager = manager.expect("python3 is there: `make test` installs it");
        let mut line = String::new();
        BufReader::new(manager.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "holding the port\n");
        let program = std::env::var_os("DRILL_PROGRAM").map_or_else(|| PathBuf::from(PROGRAM), PathBuf::from);
        let machine = Self { caddy: Caddy::start(&port.to_string()).await, root, manager, program };
        machine.tell(&machine.settings(database_url));
        machine
    }

    /// What production wants to be told, and what tests want.
    pub fn settings(&self, database_url: &str) -> [(&'static str, String); 9] {
        [
            ("DATABASE_URL", database_url.to_owned()),
            ("JWT_SECRET_KEY", SECRET.to_owned()),
            ("STRIPE_SECRET_KEY", stripe::KEY.to_owned()),
            ("STRIPE_API_BASE", format!("https://{}", self.caddy.https)), // somebody is there, which is all that is looked for
            ("STRIPE_WEBHOOK_SECRET", stripe::WEBHOOK_SECRET.to_owned()),
            ("REVENUECAT_WEBHOOK_AUTH_TOKEN", stripe::STORE_TOKEN.to_owned()),
            ("STATIC_STORAGE_DIR", format!("{}/var/lib/repduel/static", self.root.name())),
            ("LOG_FORMAT", "json".to_owned()),
            ("RATE_LIMIT_ENABLED", "false".to_owned()),
        ]
    }

    /// Makes these the settings that the stand-in for Doppler hands over.
    pub fn tell(&self, settings: &[(&str, String)]) {
        let lines: String = settings.iter().map(|(name, value)| format!("{name}='{value}'\n")).collect();
        std::fs::write(self.root.path().join("secrets.env"), lines).unwrap();
    }

    /// A build with this name, filled up with hyphens to as many characters as a commit has.
    pub fn build(&self, name: &str) -> PathBuf {
        self.scripted(name, "exec $real \"$@\"")
    }

    /// A build with this name that does what the shell is told; `$real` is one of this name that does what it should. It answers
    /// for its name itself: the optimizer leaves no text in one piece that is printed at once.
    pub fn scripted(&self, name: &str, script: &str) -> PathBuf {
        let said = Command::new(&self.program).arg("--version").output().unwrap().stdout;
        let said = String::from_utf8(said).unwrap();
        let commit = said.trim().rsplit_once('(').unwrap().1.trim_end_matches(')');
        assert!(name.len() <= commit.len(), "{name} is longer than a commit");
        let name = &format!("{name:-<width$}", width = commit.len());
        let mut bytes = std::fs::read(&self.program).unwrap();
        let places: Vec<usize> = find_all(&bytes, commit.as_bytes());
        for place in places {
            bytes[place..place + commit.len()].copy_from_slice(name.as_bytes());
        }
        let path = self.root.path().join("builds").join(name);
        let real = path.with_extension("real");
        put_program(&real, &bytes);
        let version = format!("if [ \"$1\" = --version ]; then echo 'repduel-backend 0 ({name})'; exit; fi");
        let text = format!("#!/usr/bin/env bash\nreal={}\n{version}\n{script}\n", real.display());
        put_program(&path, text.as_bytes());
        path
    }

    /// Runs the redeploy of this build, or the way back if there is none, without probation.
    pub async fn redeploy(&self, build: Option<&Path>) -> Redeployed {
        self.redeploy_with(build, &[]).await
    }

    /// The same with these settings.
    pub async fn redeploy_with(&self, build: Option<&Path>, settings: &[(&str, &str)]) -> Redeployed {
        let output = self.redeploying(build).envs(settings.iter().copied()).output().await.unwrap();
        Redeployed { code: output.status.code(), said: String::from_utf8(output.stderr).unwrap() }
    }

    /// The command that does so.
    pub fn redeploying(&self, build: Option<&Path>) -> tokio::process::Command {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/systemd/redeploy.sh");
        let double = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/systemd.py");
        let root = self.root.name();
        let mut command = tokio::process::Command::new("bash");
        command.arg(script).env("REPDUEL_ROOT", format!("{root}/srv/repduel"));
        command.env("REPDUEL_RUN", format!("{root}/run/repduel"));
        command.env("REPDUEL_SYSTEMCTL", format!("python3 {double} ctl {root}"));
        command.env("REPDUEL_WITH_SECRETS", format!("{root}/usr/bin/doppler run --"));
        command.env("REPDUEL_PUBLIC_URL", format!("https://{SITE}"));
        let (to, authority) = (self.caddy.https, self.caddy.authority());
        command.env("REPDUEL_PUBLIC_CURL", format!("--connect-to ::{to} --cacert {}", authority.display()));
        command.env("REPDUEL_PROBATION_SECONDS", "0").env("REPDUEL_SETTLE_SECONDS", "1");
        match build {
            Some(build) => command.env("REPDUEL_BUILD", format!("ln {}", build.display())),
            None => command.arg("rollback"),
        };
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// What `systemctl` answers to these words.
    pub fn systemctl(&self, words: &[&str]) -> (bool, String) {
        let output = manager(&self.root, &["ctl"], words).output().unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap().trim().to_owned())
    }

    /// The process of this colour's server, below the program that stands in front of it.
    pub fn server_of(&self, colour: &str) -> Option<String> {
        let (_, front) = self.systemctl(&["show", "-p", "MainPID", "--value", &format!("repduel-backend@{colour}")]);
        let children = std::fs::read_to_string(format!("/proc/{front}/task/{front}/children")).ok()?;
        children.split_whitespace().next().map(str::to_owned)
    }

    /// The build that answers through Caddy.
    pub async fn serving(&self) -> String {
        let answer = self.caddy.send("GET", "/ready", &[], "").await.expect(200).json();
        answer["build"].as_str().unwrap().to_owned()
    }

    /// Waits until this colour is ready, or is not.
    pub async fn until_active(&self, colour: &str) {
        let unit = format!("repduel-backend@{colour}");
        eventually(&format!("the {colour} colour"), async || self.systemctl(&["is-active", &unit]).0).await;
    }
}

fn manager(root: &TestFolder, before: &[&str], after: &[&str]) -> Command {
    let mut command = Command::new("python3");
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/systemd.py"));
    command.args(before).arg(root.name()).args(after).stdin(Stdio::null());
    command
}

fn put_program(path: &Path, bytes: &[u8]) {
    let _ = std::fs::remove_file(path); // the one that is there may be running
    std::fs::write(path, bytes).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn find_all(bytes: &[u8], what: &[u8]) -> Vec<usize> {
    (0..bytes.len().saturating_sub(what.len())).filter(|at| bytes[*at..].starts_with(what)).collect()
}

impl Drop for Machine {
    fn drop(&mut self) {
        // It ends the servers before itself.
        let _ = signalling("TERM", [self.manager.id().to_string()]).status();
        let _ = self.manager.wait();
        if std::thread::panicking() {
            for colour in ["blue", "green"] {
                let log = std::fs::read_to_string(self.root.path().join(format!("{colour}.log"))).unwrap_or_default();
                let last: Vec<&str> = log.lines().filter(|line| !line.contains(r#""request""#)).collect();
                eprintln!("{colour}: {:#?}", &last[last.len().saturating_sub(10)..]);
            }
        }
        // Releases are read-only.
        let _ = Command::new("chmod").args(["-R", "u+w", self.root.name()]).status();
    }
}
