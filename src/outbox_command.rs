//! `outbox list` and `outbox replay`: what operators do about events that were given up.

use repduel_backend::config::Config;
use repduel_backend::db::Db;
use repduel_backend::domain::outbox::{self, EventRow};
use repduel_backend::start;
use repduel_backend::time::Clock;

/// Events of a list.
const LISTED_MAX: i64 = 100;

/// What to do.
pub enum Order {
    /// Print the newest events in a state.
    List(&'static str),
    /// Open events again: these, or all that were given up.
    Replay(Option<Vec<i64>>),
}

/// The order that these words give.
pub fn parse(words: &[&str]) -> Option<Order> {
    const STATES: [&str; 4] = ["failed", "pending", "leased", "completed"];
    match words {
        ["list"] => Some(Order::List("failed")),
        ["list", state] => STATES.into_iter().find(|known| known == state).map(Order::List),
        ["replay", "--all"] => Some(Order::Replay(None)),
        ["replay", first, more @ ..] => {
            let ids = std::iter::once(first).chain(more).map(|id| id.parse().ok());
            ids.collect::<Option<Vec<i64>>>().map(|ids| Order::Replay(Some(ids)))
        }
        _ => None,
    }
}

/// Carries the order out.
pub async fn run(config: Config, order: Order) -> Result<(), String> {
    let chosen = start::choose(&config).await.map_err(|refused| refused.to_string())?;
    let db = Db::new(&chosen.dsn, &config).map_err(|error| format!("the database's address {error}"))?;
    let done = match order {
        Order::List(state) => outbox::list(&db, state, LISTED_MAX).await.map(|events| print(&events)),
        Order::Replay(ids) => replay(&db, ids.as_deref()).await,
    };
    done.map_err(|error| error.chain().unwrap_or_else(|| error.to_string()))
}

async fn replay(db: &Db, ids: Option<&[i64]>) -> repduel_backend::error::Result<()> {
    let opened = outbox::replay(db, ids, Clock::System.now()).await?;
    outbox::notify(db).await?;
    println!("{opened} events will be tried again");
    Ok(())
}

fn print(events: &[EventRow]) {
    println!("id\ttopic\tstatus\tattempts\tcreated_at\tavailable_at\tevent_key\tlast_error");
    for event in events {
        let EventRow { id, topic, status, attempts, created_at, available_at, event_key, last_error } = event;
        let last_error = last_error.as_deref().unwrap_or_default().replace(['\n', '\t'], " ");
        println!("{id}\t{topic}\t{status}\t{attempts}\t{created_at}\t{available_at}\t{event_key}\t{last_error}");
    }
}
