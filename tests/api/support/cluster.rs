//! A PostgreSQL cluster of a test's own, which may be stopped, frozen and configured; made and removed by `cluster.sh`.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use tokio_postgres::Client;

use super::database::connect;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A running cluster. Gone when dropped, also by a test that fails.
pub struct Cluster {
    directory: PathBuf,
    frozen: Vec<String>,
}

/// The same address with another host and port.
pub fn moved(url: &str, host: &str, port: u16) -> String {
    let (head, rest) = url.rsplit_once('@').expect("the address has a user");
    let (_, database) = rest.split_once('/').expect("the address names a database");
    format!("{head}@{host}:{port}/{database}")
}

/// The port in this address.
pub fn port_of(url: &str) -> u16 {
    let (_, rest) = url.rsplit_once('@').expect("the address has a user");
    let (location, _) = rest.split_once('/').expect("the address names a database");
    location.rsplit_once(':').expect("the address has a port").1.parse().unwrap()
}

/// A command that sends a signal to these processes. The shell's own `kill`: a bare machine has no program of that name.
pub fn signalling(signal: &str, ids: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
    let mut command = Command::new("bash");
    command.args(["-c", "kill \"$@\"", "kill", &format!("-{signal}")]).args(ids);
    command
}

/// What a command prints; the test fails if the command does.
fn printed(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

impl Cluster {
    /// A new cluster with an empty database. `durable` ones keep what they confirmed when they crash.
    pub fn start(mode: &str) -> Self {
        let name = format!("repduel-test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let cluster = Self { directory: std::env::temp_dir().join(name), frozen: Vec::new() };
        cluster.script(&["start"], &[mode]);
        cluster
    }

    /// A copy that follows this one.
    pub fn follower(&self) -> Self {
        let name = format!("repduel-test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let follower = Self { directory: std::env::temp_dir().join(name), frozen: Vec::new() };
        follower.script(&["follow"], &[self.directory.to_str().unwrap()]);
        follower
    }

    /// Lets a follower follow nobody any more.
    pub fn promote(&self) {
        self.script(&["promote"], &[]);
    }

    /// A PgBouncer in front of it, in this mode, with these lines in its configuration.
    pub fn pooled(&self, mode: &str, lines: &[&str]) -> Pooler {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cluster.sh");
        let mut command = Command::new("bash");
        command.args([script, "pool"]).arg(&self.directory).args([&port.to_string(), mode]).args(lines);
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let began = std::time::Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(began.elapsed().as_secs() < 30, "PgBouncer does not start; `make pooler` fetches it");
            std::thread::yield_now();
        }
        Pooler { url: moved(&self.url(), "127.0.0.1", port), process }
    }

    fn script(&self, before: &[&str], after: &[&str]) -> String {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cluster.sh");
        printed(Command::new("bash").arg(script).args(before).arg(&self.directory).args(after))
    }

    /// The address of its database.
    pub fn url(&self) -> String {
        self.script(&["url"], &[])
    }

    /// A connection to its database.
    pub async fn client(&self) -> Client {
        connect(&self.url()).await
    }

    /// Starts it again, on the same port.
    pub fn start_again(&self) {
        self.script(&["start"], &["fast"]);
    }

    /// Starts it again as one that keeps what it confirmed.
    pub fn start_again_durable(&self) {
        self.script(&["start"], &["durable"]);
    }

    /// Ends its first process without a chance to say anything. The others notice.
    pub fn kill(&self) {
        let pid = self.pid();
        printed(&mut signalling("KILL", [&pid]));
        while Path::new("/proc").join(&pid).join("exe").exists() {
            std::thread::yield_now();
        }
    }

    /// Stops it in good order.
    pub fn stop(&self) {
        self.script(&["stop"], &[]);
    }

    /// Where its configuration is.
    pub fn data(&self) -> PathBuf {
        let location = std::fs::read_to_string(self.directory.join("location"));
        location.map_or_else(|_| self.directory.clone(), |path| PathBuf::from(path.trim())).join("data")
    }

    /// Its first process.
    fn pid(&self) -> String {
        let file = std::fs::read_to_string(self.data().join("postmaster.pid")).unwrap();
        file.lines().next().unwrap().to_owned()
    }

    /// Ends it at once, as `pg_ctl stop -m immediate` does: connections are cut, nothing is tidied up.
    pub fn crash(&self) {
        let pid = self.pid();
        printed(&mut signalling("QUIT", [&pid]));
        while Path::new("/proc").join(&pid).join("exe").exists() {
            std::thread::yield_now();
        }
    }

    /// Freezes it: connections stay and are taken, and nobody answers.
    pub fn freeze(&mut self) {
        let first = self.pid();
        printed(&mut signalling("STOP", [&first]));
        let children = std::fs::read_to_string(format!("/proc/{first}/task/{first}/children")).unwrap();
        self.frozen = children.split_whitespace().chain([first.as_str()]).map(str::to_owned).collect();
        printed(&mut signalling("STOP", &self.frozen));
    }

    /// Lets it go on.
    pub fn thaw(&mut self) {
        if !self.frozen.is_empty() {
            let _ = signalling("CONT", &self.frozen).stderr(Stdio::null()).status();
            self.frozen.clear();
        }
    }
}

/// A running PgBouncer. Ended when dropped.
pub struct Pooler {
    /// The address of the database by way of it.
    pub url: String,
    process: std::process::Child,
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.thaw();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cluster.sh");
        let removed = Command::new("bash").args([script, "remove"]).arg(&self.directory).output();
        if !removed.as_ref().is_ok_and(|output| output.status.success()) {
            eprintln!("the cluster in {} could not be removed: {removed:?}", self.directory.display());
        }
    }
}
