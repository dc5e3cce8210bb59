//! The `backup-check` command: whether there is a backup to go back to. It looks at what `systemd/backup.sh` left in a folder, and
//! asks neither the configuration nor the database: both may be what was lost. Nothing is changed. That a backup can be restored
//! is proven by `systemd/restore-drill.sh`, which takes longer.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use crate::findings::Findings;

/// Where the nightly backups are.
pub const FOLDER: &str = "/var/lib/repduel/backups";
/// A day and what a nightly run may be late.
const AGE_MAX: Duration = Duration::from_secs(26 * 3600);
/// What a clock may have been set back by since: a backup of the future is none.
const AHEAD_MAX: Duration = Duration::from_secs(60);
/// A ledger of the instant of the backup that does not fit its sum says so with another number than 0.
const LEDGERS: &str = "lifters whose experience is not the sum of what they were awarded";

/// Looks at the newest backup in this folder and prints what it found.
///
/// # Errors
/// If there is none, or anything is wrong with it.
pub fn run(folder: &Path) -> Result<(), String> {
    let mut findings = Findings::default();
    match backups(folder) {
        Err(sentence) => findings.bad("backups", &sentence),
        Ok(dumps) => match dumps.split_last() {
            None => findings.bad("backups", &format!("there is none in {}", folder.display())),
            Some((newest, earlier)) => {
                findings.good("backups", &format!("{}, the newest is {}", dumps.len(), newest.display()));
                look_at(newest, &mut findings);
                size(newest, earlier.last(), &mut findings);
            }
        },
    }
    findings.told("there is no good backup")
}

/// The backups in the folder, oldest first: their names are their times.
fn backups(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{} cannot be read: {error}", folder.display()))?;
    let is_backup = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.starts_with("repduel-") && name.ends_with(".dump")
    };
    let mut dumps: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(is_backup).collect();
    dumps.sort();
    Ok(dumps)
}

fn look_at(dump: &Path, findings: &mut Findings) {
    match fs::read_to_string(dump.with_extension("facts")) {
        Err(error) => findings.bad("facts", &format!("what was in the database is not beside it: {error}")),
        Ok(facts) => {
            findings.judge("age", age(&facts));
            findings.judge("ledgers", ledgers(&facts));
            findings.judge("tables", tables(dump, &facts));
        }
    }
    findings.judge("contents", pg_restore(dump, "--file=/dev/null").map(|_| "can be read to the end".to_owned()));
}

/// The value of a line of the facts.
fn fact<'a>(facts: &'a str, name: &str) -> Option<&'a str> {
    facts.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

fn age(facts: &str) -> Result<String, String> {
    let taken_s = fact(facts, "taken at").and_then(|text| text.parse().ok());
    let taken_at =
        SystemTime::UNIX_EPOCH + Duration::from_secs(taken_s.ok_or("the facts do not say when it was taken")?);
    let age = match SystemTime::now().duration_since(taken_at) {
        Ok(age) => age,
        Err(ahead) if ahead.duration() <= AHEAD_MAX => Duration::ZERO,
        Err(_) => return Err("it was taken in the future: the clock is wrong, or was".to_owned()),
    };
    let sentence = format!("taken {} h {} min ago", age.as_secs() / 3600, age.as_secs() / 60 % 60);
    if age <= AGE_MAX {
        Ok(sentence)
    } else {
        Err(format!("{sentence}, which is longer than {} h", AGE_MAX.as_secs() / 3600))
    }
}

fn ledgers(facts: &str) -> Result<String, String> {
    match fact(facts, LEDGERS) {
        Some("0") => Ok("experience is the sum of what was awarded".to_owned()),
        Some(count) => Err(format!("the experience of {count} lifters is not the sum of what they were awarded")),
        None => Err("the facts are not whole".to_owned()),
    }
}

/// Whether every table that there was has its rows in the dump.
fn tables(dump: &Path, facts: &str) -> Result<String, String> {
    let listed = pg_restore(dump, "--list")?;
    // `217; 0 16390 TABLE DATA public users repduel`
    let dumped: BTreeSet<&str> =
        listed.lines().filter_map(|line| line.split_once(" TABLE DATA public ")?.1.split(' ').next()).collect();
    let there = facts.lines().filter(|line| line.contains(" rows, ")).filter_map(|line| line.split(": ").next());
    let there: BTreeSet<&str> = there.collect();
    let missing: Vec<&str> = there.difference(&dumped).copied().collect();
    match (there.len(), missing.is_empty()) {
        (0, _) => Err("the facts name none".to_owned()),
        (count, true) => Ok(format!("all {count} are in it")),
        (_, false) => Err(format!("the rows of {} are not in it", missing.join(", "))),
    }
}

/// What PostgreSQL's own program says of the dump.
fn pg_restore(dump: &Path, argument: &str) -> Result<String, String> {
    let output = Command::new("pg_restore").arg(argument).arg(dump).output();
    let output = output.map_err(|error| format!("pg_restore cannot be run: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("it cannot be read: {}", said.lines().next().unwrap_or("pg_restore failed")))
}

/// A backup of half the size of the one before may be well; somebody should know.
fn size(newest: &Path, before: Option<&PathBuf>, findings: &mut Findings) {
    let bytes = |path: &Path| fs::metadata(path).map_or(0, |data| data.len());
    let (now, then) = (bytes(newest), before.map_or(0, |path| bytes(path)));
    let sentence = format!("{now} bytes, the one before has {then}");
    if now < then / 2 { findings.note("size", &sentence) } else { findings.good("size", &sentence) }
}
