//! Figures of this process, as Linux tells them in `/proc/self`. What cannot be read is not a number.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

/// Ticks of Linux's process clock in a second, on every architecture that we run on.
const TICKS_PER_S: f64 = 100.0;

/// What a process uses.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    /// Seconds of CPU time, user and system.
    pub cpu_s: f64,
    /// Memory that is in RAM, in bytes.
    pub resident_bytes: f64,
    /// Address space, in bytes.
    pub virtual_bytes: f64,
    /// Open files and sockets.
    pub open_fds: f64,
    /// How many it may open.
    pub max_fds: f64,
    /// When it began, in seconds since the epoch.
    pub start_s: f64,
    /// Its threads.
    pub threads: f64,
}

/// This process's figures now.
#[must_use]
pub fn figures() -> Figures {
    let stat = read("stat");
    // The second field is the program's name in brackets, and may hold anything. What follows begins with the third.
    let fields: Vec<&str> = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_ascii_whitespace().collect();
    let field = |number: usize| fields.get(number - 3).and_then(|text| text.parse().ok()).unwrap_or(f64::NAN);
    let status = read("status");
    let kib = |name: &str| number_after(&status, name) * 1024.0;
    let (utime, stime, threads, started_ticks) = (field(14), field(15), field(20), field(22));
    Figures {
        cpu_s: (utime + stime) / TICKS_PER_S,
        resident_bytes: kib("VmRSS:"),
        virtual_bytes: kib("VmSize:"),
        open_fds: fs::read_dir("/proc/self/fd").map_or(f64::NAN, |list| list.count() as f64),
        max_fds: number_after(&read("limits"), "Max open files"),
        start_s: booted_s() + started_ticks / TICKS_PER_S,
        threads,
    }
}

fn read(name: &str) -> String {
    fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default()
}

/// The first number behind these words.
fn number_after(text: &str, words: &str) -> f64 {
    let rest = text.split_once(words).map_or("", |(_, rest)| rest);
    rest.split_ascii_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(f64::NAN)
}

/// When the machine came up, in seconds since the epoch.
fn booted_s() -> f64 {
    let uptime = fs::read_to_string("/proc/uptime").unwrap_or_default();
    let uptime_s: f64 = uptime.split(' ').next().and_then(|text| text.parse().ok()).unwrap_or(f64::NAN);
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(f64::NAN, |now| now.as_secs_f64()) - uptime_s
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_knows_its_figures() {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
        let figures = figures();
        assert!(figures.resident_bytes > 1e6 && figures.virtual_bytes >= figures.resident_bytes, "{figures:?}");
        assert!(
            figures.open_fds >= 3.0 && figures.max_fds >= figures.open_fds && figures.threads >= 1.0,
            "{figures:?}"
        );
        assert!(figures.cpu_s >= 0.0 && figures.start_s < now + 1.0 && figures.start_s > now - 86_400.0, "{figures:?}");
    }
}
