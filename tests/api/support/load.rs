//! A load of reads and writes in equal parts, over connections that are kept, through Caddy. It knows afterwards what was
//! answered, what was not, and how long everything took.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio_postgres::Client;
use uuid::Uuid;

use super::caddy::{Connector, Kept};
use super::ledger::of_weight;
use super::{Lifter, TestApp};

/// Time between two requests of one client, so that there are 20 a second.
const PACE: Duration = Duration::from_millis(50);
/// What the reads ask for.
const READS: [&str; 4] = [
    "/api/v1/users/me",
    "/api/v1/energy/leaderboard",
    "/api/v1/scores/scenario/back_squat/leaderboard",
    "/api/v1/levels/me",
];
const LIFTS: [&str; 4] = ["back_squat", "barbell_bench_press", "deadlift", "front_squat"];

/// What the clients know.
#[derive(Default)]
struct Known {
    /// When each request began, how long it took.
    took: Vec<(Instant, Duration)>,
    /// Load of lifts that were answered with 200, in bits, and the id that the answer named.
    answered: HashMap<u64, i64>,
    /// Load of lifts without such an answer, in bits.
    unknown: Vec<u64>,
    /// What went wrong, when.
    failures: Vec<(Instant, String)>,
}

/// A load that goes on until it is ended.
pub struct Load {
    known: Arc<Mutex<Known>>,
    over: Arc<AtomicBool>,
    clients: JoinSet<()>,
}

/// What a load came to.
pub struct Figures {
    /// When each request began, how long it took.
    pub took: Vec<(Instant, Duration)>,
    /// What went wrong.
    pub failures: Vec<(Instant, String)>,
    /// Lifts that were answered.
    pub lifts: usize,
}

impl Load {
    /// Starts this many clients, a lifter each.
    pub async fn start(app: &TestApp, connector: Connector, clients: u32) -> Self {
        let mut lifters = Vec::new();
        for number in 0..clients {
            let lifter = app.lifter(&format!("client{number}")).await;
            app.pg.execute("update users set weight = 80 where id = $1", &[&lifter.id]).await.unwrap();
            lifters.push(lifter);
        }
        Self::of(lifters, connector)
    }

    /// Starts a client for each of these lifters.
    pub fn of(lifters: Vec<Lifter>, connector: Connector) -> Self {
        let mut load = Self { known: Arc::default(), over: Arc::default(), clients: JoinSet::new() };
        for (number, lifter) in (0..).zip(lifters) {
            let (known, over) = (Arc::clone(&load.known), Arc::clone(&load.over));
            load.clients.spawn(client(number, lifter, connector.clone(), known, over));
        }
        load
    }

    /// How many requests have been answered well.
    pub fn answered(&self) -> usize {
        self.known.lock().unwrap().took.len()
    }

    /// What went wrong so far.
    pub fn failures(&self) -> Vec<String> {
        self.known.lock().unwrap().failures.iter().map(|(_, text)| text.clone()).collect()
    }

    /// Ends it and holds the database against what was answered: nothing is lost, nothing is there twice, nothing is there
    /// that nobody sent.
    pub async fn end(mut self, pg: &Client) -> Figures {
        self.over.store(true, Ordering::SeqCst);
        while let Some(ended) = self.clients.join_next().await {
            ended.unwrap();
        }
        let mut stored = HashMap::new();
        for row in pg.query("select id, weight_lifted from scores", &[]).await.unwrap() {
            let (id, kg): (i32, f64) = (row.get(0), row.get(1));
            assert!(stored.insert(kg.to_bits(), i64::from(id)).is_none(), "{kg} kg is there twice");
        }
        let known = std::mem::take(&mut *self.known.lock().unwrap());
        for (kg, score) in &known.answered {
            assert_eq!(stored.remove(kg), Some(*score), "{} kg was answered", f64::from_bits(*kg));
        }
        for kg in stored.keys() {
            assert!(known.unknown.contains(kg), "{} kg was never sent", f64::from_bits(*kg));
        }
        Figures { took: known.took, failures: known.failures, lifts: known.answered.len() }
    }
}

/// One client: a request at each beat, read and write by turns.
async fn client(number: u32, lifter: Lifter, connector: Connector, known: Arc<Mutex<Known>>, over: Arc<AtomicBool>) {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let mut kept: Option<Kept> = None;
    let mut beat = tokio::time::interval(PACE);
    let bearer = format!("Bearer {}", lifter.token);
    for turn in number as usize.. {
        beat.tick().await;
        if over.load(Ordering::SeqCst) {
            return;
        }
        let began = Instant::now();
        let lift = (turn % 2 == 0).then(|| 50.0 + f64::from(NEXT.fetch_add(1, Ordering::Relaxed)) / 256.0);
        let answer = send(&mut kept, &connector, &bearer, turn / 2, lift, lifter.id).await;
        let mut known = known.lock().unwrap();
        match (answer, lift) {
            (Ok(id), Some(kg)) => {
                known.answered.insert(kg.to_bits(), id);
                known.took.push((began, began.elapsed()));
            }
            (Ok(_), None) => known.took.push((began, began.elapsed())),
            (Err(failure), lift) => {
                known.unknown.extend(lift.map(f64::to_bits));
                known.failures.push((began, failure));
                kept = None;
            }
        }
    }
}

/// Sends a lift, or reads where there is none; answers the id of its score.
async fn send(
    kept: &mut Option<Kept>,
    connector: &Connector,
    bearer: &str,
    turn: usize,
    lift: Option<f64>,
    lifter: Uuid,
) -> Result<i64, String> {
    let connection = match kept.take().filter(Kept::is_open) {
        Some(open) => kept.insert(open),
        None => kept.insert(connector.connect().await.map_err(|error| format!("no connection: {error}"))?),
    };
    let headers = [("authorization", bearer), ("content-type", "application/json")];
    let path = match lift {
        Some(_) => format!("/api/v1/scores/scenario/{}", LIFTS[turn % LIFTS.len()]),
        None => READS[turn % READS.len()].to_owned(),
    };
    let method = if lift.is_some() { "POST" } else { "GET" };
    let body = lift.map(|kg| of_weight(kg).to_string()).unwrap_or_default();
    let answer = connection.send(method, &path, &headers, &body).await;
    let answer = answer.map_err(|error| format!("{method} {path} by {lifter}: {error}"))?;
    if answer.status != 200 {
        return Err(format!(
            "{method} {path} by {lifter}: {} {}",
            answer.status,
            String::from_utf8_lossy(&answer.body)
        ));
    }
    Ok(answer.json()["score"]["id"].as_i64().unwrap_or_default())
}

/// The longest of these times but for one in a hundred, in milliseconds.
pub fn p99_ms(took: impl Iterator<Item = Duration>) -> f64 {
    let mut took: Vec<Duration> = took.collect();
    took.sort();
    took.get(took.len() * 99 / 100).map_or(0.0, |time| time.as_secs_f64() * 1000.0)
}
