//! Tells the compiler what it cannot see: the commit for `--version`, and when to embed the migrations anew.

use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=migrations");
    println!("cargo:rerun-if-changed=.git/HEAD");
    println!("cargo:rerun-if-changed=.git/logs/HEAD");
    println!("cargo:rerun-if-env-changed=REPDUEL_COMMIT");
    println!("cargo:rustc-env=REPDUEL_COMMIT={}", commit());
}

/// The short commit id: from the environment where a release is built outside a checkout, else from git.
fn commit() -> String {
    if let Ok(given) = std::env::var("REPDUEL_COMMIT") {
        return given;
    }
    Command::new("git")
        .args(["rev-parse", "--short=12", "HEAD"])
        .output()
        .ok()
        .filter(|output| output.status.success())
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .map_or_else(|| "unknown".to_owned(), |text| text.trim().to_owned())
}
