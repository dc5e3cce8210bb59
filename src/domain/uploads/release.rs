//! Letting go of pictures. A row that showed one shows another, or is gone: the file is removed if nothing else shows it.
//!
//! Removing a file cannot be undone, so a worker does it, after the change is committed, and after every transaction that may
//! have read the picture's key before has ended and shows whether it made use of it. A key that a client sends later is one of a
//! picture that is not there, as any key may be. What goes wrong leaves a file that nothing shows for a while, never a row that
//! shows nothing; and as each file that may be in the way is written down beforehand, none stays for ever.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;
use uuid::Uuid;

use super::sql;
use crate::app::App;
use crate::db::Tx;
use crate::db::statement::Conn;
use crate::domain::outbox::{self, Event, NewEvent, Settled, Topic};
use crate::error::{Error, Result};
use crate::pictures::own_key;
use crate::storage::Key;
use crate::time::Timestamp;

/// Time in which a picture that was sent up has to be shown: a routine may be put together for hours.
const UNUSED_KEPT_S: i64 = 24 * 3600;
/// Time between two looks at the transactions that are under way.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// Looks before the picture is put off: transactions of ours are done sooner.
const LOOKS: u32 = 20;

/// Lets go of the pictures that these values of rows named: each will be removed if nothing shows it any more. Ring
/// [`App::outbox_bell`] once the transaction is committed.
///
/// # Errors
/// As its statement.
pub async fn release(tx: &Tx, app: &App, let_go: impl IntoIterator<Item = Option<String>>) -> Result<()> {
    let key = |stored: String| Key::parse(&own_key(&app.config.pictures, stored.trim())?);
    let keys: Vec<Key> = let_go.into_iter().flatten().filter_map(key).collect();
    if keys.is_empty() {
        return Ok(());
    }
    let now = app.clock.now();
    tell(tx, &keys, now, now).await
}

/// Has a picture removed that is about to be stored, if nothing shows it in time.
pub(super) async fn watch(app: &App, key: &Key) -> Result<()> {
    let now = app.clock.now();
    tell(&app.db, std::slice::from_ref(key), now, now.plus_s(UNUSED_KEPT_S)).await
}

async fn tell(db: &impl Conn, keys: &[Key], now: Timestamp, due: Timestamp) -> Result<()> {
    let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
    // The same picture can be let go of many times, each time another event.
    let id = Uuid::new_v4().to_string();
    let event = NewEvent {
        topic: Topic::PictureReleased,
        key: &id,
        aggregate: format!("pictures:{id}"),
        payload: json!({ "keys": keys }),
    };
    outbox::publish_for(db, &event, now, due).await
}

/// Removes the pictures of an event, each if nothing shows it.
///
/// # Errors
/// `Unavailable` if it is too early, or the folder is missing.
pub async fn remove_unused(app: &App, event: &Event) -> Result<Settled> {
    let keys = event.payload.get("keys").and_then(Value::as_array).into_iter().flatten();
    let keys: Vec<Key> = keys.filter_map(|key| Key::parse(key.as_str()?)).collect();
    outlive_the_undecided(app).await?;
    for key in &keys {
        if !sql::get_use(&app.db, key.id()).await?.in_use {
            app.storage.remove(key).await?;
        }
    }
    outbox::complete(&app.db, event, app.clock.now()).await
}

/// Waits until every transaction that is writing now has ended.
async fn outlive_the_undecided(app: &App) -> Result<()> {
    let horizon = sql::get_horizon(&app.db).await?;
    let mut oldest = horizon.oldest;
    for _ in 0..LOOKS {
        if oldest >= horizon.next {
            return Ok(());
        }
        sleep(LOOK_AGAIN).await;
        oldest = sql::get_horizon(&app.db).await?.oldest;
    }
    Err(Error::unavailable("others are still writing"))
}
