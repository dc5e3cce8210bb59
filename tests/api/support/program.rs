//! The program itself, as an operator starts it: a process with an environment, an exit code and what it says.

use std::net::SocketAddr;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::app::SECRET;
use super::client::Request;
use super::cluster::signalling;

/// Time after which a program that should end or listen is taken to hang.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server in a process of its own; killed when dropped.
pub struct Served {
    /// Where it listens.
    pub address: SocketAddr,
    child: Child,
    said: Arc<Mutex<String>>,
}

/// How a program ended.
pub struct Ended {
    /// Its exit code.
    pub code: Option<i32>,
    /// What it wrote to standard error.
    pub stderr: String,
    /// What it wrote to standard output.
    pub stdout: String,
}

/// The program.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_repduel-backend");

fn command(words: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(words).env_clear().envs(variables.iter().copied());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// These variables, and the others that a server needs.
pub fn with_the_rest<'a>(variables: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let unlimited = ("RATE_LIMIT_ENABLED", "false"); // these tests are about load, and come from one address
    let nowhere = ("STATIC_STORAGE_DIR", "/dev/null/pictures");
    let rest = [("JWT_SECRET_KEY", SECRET), ("PORT", "0"), ("LOG_FORMAT", "json"), nowhere, unlimited];
    rest.into_iter().chain(variables.iter().copied()).collect()
}

/// Runs the program to its end, with these variables and the others that a server needs.
pub async fn run(word: &str, variables: &[(&str, &str)]) -> Ended {
    run_bare(word, &with_the_rest(variables)).await
}

/// Runs the program with these words to its end.
pub async fn run_words(words: &[&str], variables: &[(&str, &str)]) -> Ended {
    ended(command(words, &with_the_rest(variables))).await
}

/// Runs the program with these words to its end, without any variable.
pub async fn run_words_bare(words: &[&str]) -> Ended {
    ended(command(words, &[])).await
}

/// Runs the program to its end, with these variables only.
pub async fn run_bare(word: &str, variables: &[(&str, &str)]) -> Ended {
    ended(command(&[word], variables)).await
}

async fn ended(mut command: Command) -> Ended {
    let output = tokio::time::timeout(PATIENCE, command.output()).await;
    let output = output.expect("the program ends in time").unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code(), stderr: text(output.stderr), stdout: text(output.stdout) }
}

impl Served {
    /// Starts `serve` and waits until it listens; fails the test, with what it said, if it ends before.
    pub async fn start(variables: &[(&str, &str)]) -> Self {
        Self::start_word("serve", "listening", variables).await
    }

    /// Starts `worker` and waits until it works. It listens nowhere.
    pub async fn start_worker(variables: &[(&str, &str)]) -> Self {
        Self::start_word("worker", "working", variables).await
    }

    /// Starts `serve` where no file can have more than so many bytes: a disk that is nearly full.
    pub async fn with_file_limit(kib: u32, variables: &[(&str, &str)]) -> Self {
        let serve = command(&["serve"], &with_the_rest(variables));
        let mut limited = Command::new("bash");
        // The signal that comes with the limit is a shell's way to say so; a full disk sends none.
        limited.arg("-c").arg(format!("trap '' XFSZ; ulimit -f {kib}; exec \"$0\" serve"));
        limited.arg(serve.as_std().get_program()).env_clear();
        limited.envs(serve.as_std().get_envs().filter_map(|(name, value)| Some((name, value?))));
        limited.stdin(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        Self::until_ready(limited, "listening").await
    }

    async fn start_word(word: &str, ready: &'static str, variables: &[(&str, &str)]) -> Self {
        Self::until_ready(command(&[word], &with_the_rest(variables)), ready).await
    }

    async fn until_ready(mut command: Command, ready: &'static str) -> Self {
        let mut child = command.stdout(Stdio::null()).spawn().unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (told, tell) = tokio::sync::oneshot::channel();
        let log = Arc::clone(&said);
        tokio::spawn(async move {
            let mut told = Some(told);
            while let Ok(Some(line)) = lines.next_line().await {
                super::logs::inspect(&line);
                log.lock().unwrap().push_str(&format!("{line}\n"));
                let event: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
                let as_text =
                    line.split_once(&format!(": {ready}")).map(|(_, rest)| rest.trim().replace("address=", ""));
                if (event["message"] == ready || as_text.is_some())
                    && let Some(told) = told.take()
                {
                    let address = event["address"].as_str().or(as_text.as_deref());
                    let _ = told.send(address.and_then(|address| address.parse().ok()));
                }
            }
        });
        let address = tokio::time::timeout(PATIENCE, tell).await.expect("the program is ready in time");
        let address = address.unwrap_or_else(|_| panic!("the program ended: {}", said.lock().unwrap()));
        Self { address: address.unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], 0))), child, said }
    }

    /// What it has written to standard error so far.
    pub fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Kilobytes of memory that it has in use.
    pub fn resident_kib(&self) -> u64 {
        let id = self.child.id().expect("the server runs");
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// How many files, sockets included, it has open.
    pub fn open_files(&self) -> usize {
        let id = self.child.id().expect("the server runs");
        std::fs::read_dir(format!("/proc/{id}/fd")).unwrap().count()
    }

    /// Ends it without a chance to say anything (SIGKILL).
    pub async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Asks it to end (SIGTERM).
    pub async fn terminate(&self) {
        let id = self.child.id().expect("the server runs").to_string();
        assert!(signalling("TERM", [&id]).status().unwrap().success());
    }

    /// Waits for its end.
    pub async fn ended(mut self) -> ExitStatus {
        self.child.wait().await.unwrap()
    }

    /// A request to it.
    pub fn request(&self, method: &str, path: &str) -> Request {
        Request::new(self.address, method, path)
    }
}
