//! Notices of PostgreSQL (`LISTEN`), on a connection of their own.
//!
//! Always holds: a notice can be lost, with the connection or through a proxy that shares connections; who listens has to look
//! by themselves as well, now and then.

use std::time::Duration;

use tokio_postgres::{AsyncMessage, Client};

use super::Db;

/// Pause before a lost connection is opened again.
const REOPEN: Duration = Duration::from_secs(2);

/// Calls `hear` with the channel of every notice on these, and without one whenever the connection was opened anew: something
/// may have been missed. Never ends.
pub async fn listen(db: &Db, channels: &[&'static str], hear: impl Fn(Option<&str>)) {
    loop {
        if let Err(error) = listen_once(db, channels, &hear).await {
            tracing::debug!(?channels, %error, "not listening for now");
        }
        tokio::time::sleep(REOPEN).await;
    }
}

async fn listen_once(db: &Db, channels: &[&str], hear: &impl Fn(Option<&str>)) -> Result<(), tokio_postgres::Error> {
    let (client, mut connection) = db.open_own().await?;
    let command: String = channels.iter().map(|channel| format!("listen {channel};")).collect();
    let mut asked = Box::pin(ask(client, command));
    let mut _kept = None; // dropping the client would close the connection
    loop {
        tokio::select! {
            message = std::future::poll_fn(|context| connection.poll_message(context)) => match message {
                Some(Ok(AsyncMessage::Notification(notice))) => hear(Some(notice.channel())),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error),
                None => return Ok(()),
            },
            client = &mut asked, if _kept.is_none() => {
                _kept = Some(client?);
                hear(None);
            }
        }
    }
}

async fn ask(client: Client, command: String) -> Result<Client, tokio_postgres::Error> {
    client.batch_execute(&command).await?;
    Ok(client)
}
