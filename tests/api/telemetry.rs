//! What operators see of the service: its log, its figures, whether it is ready.

mod faults;
pub mod figures;
mod lines;
mod monitoring;
mod ready;
mod traces;

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

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
