//! Figures that are read when Prometheus asks for them: the pool, the outbox, the process.

use std::time::Duration;

use tokio::time::timeout;

use crate::app::App;
use crate::domain::outbox;
use crate::telemetry::metrics::Reading;
use crate::telemetry::process;

/// Time for asking the database; without an answer its figures are left out.
const DATABASE_WAIT: Duration = Duration::from_secs(1);

fn reading(name: &'static str, help: &'static str, value: f64) -> Reading {
    Reading { name, help, labels: "", value }
}

/// How everything stands now.
pub async fn readings(app: &App) -> Vec<Reading> {
    let mut readings = vec![Reading {
        name: "build_info",
        help: "The version and commit that run",
        labels: concat!("{version=\"", env!("CARGO_PKG_VERSION"), "\",commit=\"", env!("REPDUEL_COMMIT"), "\"}"),
        value: 1.0,
    }];
    readings.extend(pool(app));
    readings.extend(of_outbox(app).await);
    readings.extend(of_process());
    readings
}

fn pool(app: &App) -> [Reading; 4] {
    let status = app.db.pool_status();
    let connections = |labels, count: usize| Reading {
        name: "db_pool_connections",
        help: "Connections of the pool",
        labels,
        value: count as f64,
    };
    [
        reading("db_pool_size_max", "Connections that the pool may have", status.max_size as f64),
        reading("db_pool_waiting", "Requests that wait for a connection of the pool", status.waiting as f64),
        connections("{state=\"idle\"}", status.available),
        connections("{state=\"in_use\"}", status.size.saturating_sub(status.available)),
    ]
}

async fn of_outbox(app: &App) -> Vec<Reading> {
    let Ok(Ok(row)) = timeout(DATABASE_WAIT, outbox::health(app)).await else { return Vec::new() };
    let age_s = row.age_s(app.clock.now());
    vec![
        reading("outbox_events_open", "Events that are not settled", row.depth as f64),
        reading("outbox_events_failed", "Events that were given up", row.failed as f64),
        reading("outbox_oldest_age_seconds", "Time for which the oldest due event has waited", age_s as f64),
        reading("outbox_workers", "Processes that work on events", row.workers.len() as f64),
    ]
}

fn of_process() -> [Reading; 7] {
    let process = process::figures();
    [
        reading("process_cpu_seconds_total", "CPU time, user and system", process.cpu_s),
        reading("process_resident_memory_bytes", "Memory in RAM", process.resident_bytes),
        reading("process_virtual_memory_bytes", "Address space", process.virtual_bytes),
        reading("process_open_fds", "Open files and sockets", process.open_fds),
        reading("process_max_fds", "Files and sockets that may be open", process.max_fds),
        reading("process_threads", "Threads", process.threads),
        reading("process_start_time_seconds", "When the process began, since the epoch", process.start_s),
    ]
}
