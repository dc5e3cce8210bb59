//! A real browser without a window, driven over WebDriver: chromedriver and Chromium, which `make test` installs.
//!
//! Each [`Browser`] is a chromedriver with one Chromium and a profile of its own, which are gone when it is dropped, also by a
//! test that fails; that leaves a picture of the window. [`Site`] serves a page to it from another origin.

use std::io::{BufRead, Read, Write};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

/// Time after which a browser that should start or answer is taken to hang.
const PATIENCE: Duration = Duration::from_secs(60);
/// The same at the end of a test: it has failed already, or the browser has nothing left to do.
const LAST_PATIENCE: Duration = Duration::from_secs(10);

/// What Chromium is started with. The sandbox cannot be had as root, and the pages are our own; containers have little shared
/// memory.
const ARGUMENTS: [&str; 4] = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"];

/// A browser with one window.
pub struct Browser {
    driver: Driver,
    session: String,
}

/// A running chromedriver.
struct Driver {
    port: u16,
    child: Child,
    /// Where it and its Chromium keep what they need while they run.
    folder: PathBuf,
}

impl Driver {
    /// Starts it on a port that it finds itself.
    async fn start() -> Self {
        let folder = std::env::temp_dir().join(format!("repduel-browser-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&folder).unwrap();
        let mut command = Command::new("chromedriver");
        command
            .arg("--port=0")
            .env("TMPDIR", &folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let mut child = command.spawn().unwrap_or_else(|error| {
            panic!("chromedriver does not start ({error}): `make test` installs it, or install chromium-driver")
        });
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = async {
            while let Ok(Some(line)) = lines.next_line().await {
                if let Some((_, port)) = line.split_once("started successfully on port ") {
                    return port.trim_end_matches('.').parse().expect("chromedriver tells its port");
                }
            }
            panic!("chromedriver ended before it listened");
        };
        let port = tokio::time::timeout(PATIENCE, port).await.expect("chromedriver starts in time");
        Self { port, child, folder }
    }

    /// One command of WebDriver: the `value` of the answer, or its error.
    async fn send(&self, method: &str, path: &str, body: Option<Value>) -> Result<Value, Value> {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let body = body.map_or_else(String::new, |body| body.to_string());
        let request = hyper::Request::builder().method(method).uri(path);
        let request = request.header(HOST, format!("127.0.0.1:{}", self.port)).header(CONTENT_TYPE, "application/json");
        let sent = sender.send_request(request.body(Full::<Bytes>::from(body)).unwrap());
        let response = tokio::time::timeout(PATIENCE, sent).await.expect("the browser answers in time").unwrap();
        let succeeded = response.status().is_success();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let mut answer: Value = serde_json::from_slice(&body).expect("WebDriver speaks JSON");
        let value = answer["value"].take();
        if succeeded { Ok(value) } else { Err(value) }
    }
}

/// For the end of a test, where nothing can be awaited.
impl Driver {
    /// chromedriver keeps its connections, so what its answers say of their length counts.
    fn send_blocking(&self, method: &str, path: &str) -> std::io::Result<Value> {
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(LAST_PATIENCE))?;
        write!(stream, "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\n\r\n", self.port)?;
        let mut lines = std::io::BufReader::new(stream);
        let (mut line, mut length) = (String::new(), 0);
        while lines.read_line(&mut line)? > 2 {
            let (name, value) = line.split_once(':').unwrap_or_default();
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().map_err(std::io::Error::other)?;
            }
            line.clear();
        }
        let mut body = vec![0; length];
        lines.read_exact(&mut body)?;
        Ok(serde_json::from_slice(&body)?)
    }

    /// Writes a picture of the window and answers its place.
    fn screenshot(&self, session: &str) -> std::io::Result<PathBuf> {
        let answer = self.send_blocking("GET", &format!("/session/{session}/screenshot"))?;
        let picture = BASE64_STANDARD.decode(answer["value"].as_str().unwrap_or_default());
        let path = self.folder.with_extension("png");
        std::fs::write(&path, picture.map_err(std::io::Error::other)?)?;
        Ok(path)
    }
}

impl Browser {
    /// A new browser.
    pub async fn start() -> Self {
        let driver = Driver::start().await;
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": { "args": ARGUMENTS },
            "goog:loggingPrefs": { "browser": "ALL" },
        } } });
        let session = driver.send("POST", "/session", Some(wanted)).await;
        let session = session.unwrap_or_else(|error| panic!("Chromium does not start: {}", error["message"]));
        let id = session["sessionId"].as_str().expect("a session has an id").to_owned();
        Self { driver, session: id }
    }

    /// One command of this session; fails the test with the browser's words.
    async fn command(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let outcome = self.driver.send(method, &format!("/session/{}{path}", self.session), body).await;
        outcome.unwrap_or_else(|error| panic!("{method} {path}: {}", error["message"]))
    }

    /// One command of the DevTools protocol.
    pub async fn devtools(&self, command: &str, parameters: Value) -> Value {
        let body = json!({ "cmd": command, "params": parameters });
        self.command("POST", "/goog/cdp/execute", Some(body)).await
    }

    /// Goes to this address and waits until the page is loaded.
    pub async fn open(&self, url: &str) {
        self.command("POST", "/url", Some(json!({ "url": url }))).await;
    }

    /// What a script gives: its `return`, awaited if it is a promise. Its parameters are in `arguments`.
    pub async fn run(&self, script: &str, arguments: Value) -> Value {
        self.command("POST", "/execute/sync", Some(json!({ "script": script, "args": arguments }))).await
    }

    /// Makes the window this large; narrow ones are phones, which take the page's own word for its width.
    pub async fn resize(&self, width: u32, height: u32) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// What the console has said since the last call: errors of scripts, failed loads, broken policies.
    pub async fn console(&self) -> Vec<String> {
        let entries = self.command("POST", "/se/log", Some(json!({ "type": "browser" }))).await;
        let message = |entry: &Value| format!("{} {}", entry["level"], entry["message"]);
        entries.as_array().expect("the log is a list").iter().map(message).collect()
    }

    /// Every cookie that the browser holds, also those that no page may see.
    pub async fn cookies(&self) -> Vec<Value> {
        let mut answer = self.devtools("Storage.getCookies", json!({})).await;
        serde_json::from_value(answer["cookies"].take()).unwrap()
    }
}

impl Drop for Browser {
    /// Keeps a picture of what a failed test saw, and ends the session, which ends Chromium: chromedriver's end alone would
    /// leave it running.
    fn drop(&mut self) {
        if std::thread::panicking() {
            match self.driver.screenshot(&self.session) {
                Ok(path) => eprintln!("what the browser showed is kept: {}", path.display()),
                Err(error) => eprintln!("no picture of what the browser showed: {error}"),
            }
        }
        if let Err(error) = self.driver.send_blocking("DELETE", &format!("/session/{}", self.session)) {
            eprintln!("the browser could not be ended: {error}");
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.child.start_kill();
        // The last of Chromium's processes may still be writing.
        let gone = (0..100).any(|_| std::fs::remove_dir_all(&self.folder).is_ok());
        if !gone {
            eprintln!("{} could not be removed", self.folder.display());
        }
    }
}

/// A small site on an origin of its own: one page under every path.
pub struct Site {
    /// Its port; `localhost` and `127.0.0.1` are its names.
    pub port: u16,
}

impl Site {
    /// Serves this page.
    pub async fn start(page: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{page}",
            page.len()
        );
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let answer = answer.clone();
                tokio::spawn(async move {
                    let mut head = Vec::new();
                    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
                        if stream.read_buf(&mut head).await.unwrap_or(0) == 0 {
                            return;
                        }
                    }
                    let _ = stream.write_all(answer.as_bytes()).await;
                });
            }
        });
        Self { port }
    }

    /// Its origin under this name.
    pub fn origin(&self, host: &str) -> String {
        format!("http://{host}:{}", self.port)
    }
}
