//! What operators see of the service: its log, its figures, whether it is ready.

mod faults;
pub mod figures;
mod lines;
mod monitoring;
mod ready;
mod traces;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use repduel_backend::telemetry::sending::{Parcel, Post};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::support::TestApp;

/// What this service sends to those who collect traces and reports of failures, from now on: it comes here instead.
fn collected(app: &TestApp) -> Arc<Mutex<Vec<Parcel>>> {
    let sent: Arc<Mutex<Vec<Parcel>>> = Arc::default();
    let keep = Arc::clone(&sent);
    let post: Post = Arc::new(move |parcel| {
        keep.lock().unwrap().push(parcel);
        Box::pin(async { Ok(200) })
    });
    app.app.telemetry.begin_sending(&post);
    sent
}

/// A tool that `make monitoring` has put there.
fn tool(name: &str) -> PathBuf {
    let tool = Path::new(env!("CARGO_MANIFEST_DIR")).join(".dev/monitoring").join(name);
    assert!(tool.exists(), "{} is missing: `make monitoring` brings it, and so does `make test`", tool.display());
    tool
}

/// Runs a tool on this text; answers what it said, and whether it was content.
async fn feed(program: &str, arguments: &[&str], text: &str) -> (bool, String) {
    let mut command = Command::new(tool(program));
    command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).kill_on_drop(true);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let text = text.to_owned();
    let feeding = tokio::spawn(async move { input.write_all(text.as_bytes()).await });
    let output = child.wait_with_output().await.unwrap();
    feeding.await.unwrap().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}
