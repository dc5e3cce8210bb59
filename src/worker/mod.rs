//! The worker: takes due events out of the outbox and handles them, a few at a time.
//!
//! It is woken by the bell of its own process, by notices of others, when it has finished something, and by its own clock.
//! Always holds: an event that is being handled has a lease, prolonged while it takes long and lost with the process; a worker
//! that is asked to stop takes nothing new and lets what it has in hand come to its end, as far as [`App::writes`] waits for it.

mod jobs;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::db::listen::listen;
use crate::domain::outbox::{self, Event, Settled, Topic};
use crate::domain::{boards, payments};
use crate::error::{Error, Result};
use crate::telemetry::fault::Fault;
use crate::telemetry::trace::{Kind, TraceContext, within};

/// Pause between two notices to other processes: they find more at each of them, and a busy server has one to send at any time.
const NOTICE_PAUSE: Duration = Duration::from_millis(100);
/// Time between two signs of life.
const SIGN_OF_LIFE: Duration = Duration::from_secs(10);
/// Time for handling one event.
const JOB_WAIT: Duration = Duration::from_secs(30);

/// Pause between two goes at folding the counts of boards: whoever asks for a place adds up what came since.
const FOLD_PAUSE: Duration = Duration::from_millis(500);

/// Topics that are worked on with the same hands.
struct Lane {
    topics: &'static [Topic],
    wake: Arc<Notify>,
}

/// Works under this name until it is asked to stop.
pub async fn run(app: Arc<App>, name: String, stop: CancellationToken) {
    let ended = stop.run_until_cancelled(app.migrated()).await.is_none();
    if ended {
        return;
    }
    let [near, far] = outbox::LANES.map(|topics| Lane { topics, wake: Arc::new(Notify::new()) });
    let wake = || {
        near.wake.notify_one();
        far.wake.notify_one();
    };
    tokio::select! {
        () = claim_until(&app, &near, &stop) => {}
        () = claim_until(&app, &far, &stop) => {}
        () = pass_on_the_bell(&app, wake) => {}
        () = show_life(&app, &name) => {}
        () = fold_boards(&app) => {}
        () = listen(&app.db, &[outbox::CHANNEL], |_| wake()) => {}
    }
    if let Err(error) = outbox::forget_worker(&app.db, &name).await {
        tracing::debug!(%error, "the worker's name stays for a while");
    }
}

/// A name that no other worker has: what it belongs to, and some random digits.
#[must_use]
pub fn name(role: &str) -> String {
    let id = uuid::Uuid::new_v4().simple().to_string();
    format!("{role}-{}", id.get(..8).unwrap_or_default())
}

/// Rings on: to this process at once, to the others now and then.
async fn pass_on_the_bell(app: &App, wake: impl Fn()) {
    loop {
        app.outbox_bell.notified().await;
        wake();
        if let Err(error) = outbox::notify(&app.db).await {
            tracing::debug!(%error, "the notice was not sent");
        }
        sleep(NOTICE_PAUSE).await;
    }
}

/// Says now and then that the worker lives, and tidies up.
async fn show_life(app: &App, name: &str) {
    loop {
        let done = async {
            outbox::note_worker(app, name).await?;
            outbox::sweep(app).await?;
            payments::sweep(app).await
        };
        if let Err(error) = done.await {
            tracing::debug!(error = error.chain(), "no sign of life from the worker");
        }
        sleep(SIGN_OF_LIFE).await;
    }
}

/// Keeps the counts of the boards short. Any number of workers try, one at a time does.
async fn fold_boards(app: &App) {
    loop {
        match boards::fold(&app.db).await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => tracing::debug!(error = error.chain(), "the counts of the boards were not folded"),
        }
        sleep(FOLD_PAUSE).await;
    }
}

/// Takes events in hand as long as there are due ones and hands are free.
async fn claim_until(app: &Arc<App>, Lane { topics, wake }: &Lane, stop: &CancellationToken) {
    let hands = Arc::new(Semaphore::new(app.config.outbox.concurrency));
    let mut told = None;
    while !stop.is_cancelled() {
        // With all hands full this asks for nothing, and is woken by the first one that is free.
        match outbox::claim(app, topics, hands.available_permits()).await {
            Ok(events) => {
                told = None;
                for event in events {
                    let Ok(hand) = Arc::clone(&hands).acquire_owned().await else { return };
                    app.writes.spawn(handle(Arc::clone(app), event, hand, Arc::clone(wake)));
                }
            }
            Err(error) => {
                let cause = error.chain();
                if cause != told {
                    tracing::warn!(error = cause, "the worker cannot take events in hand");
                    told = cause;
                }
            }
        }
        tokio::select! {
            () = wake.notified() => {}
            () = sleep(app.config.outbox.poll) => {}
            () = stop.cancelled() => {}
        }
    }
}

/// Handles an event to its end, whatever that is.
async fn handle(app: Arc<App>, event: Event, hand: OwnedSemaphorePermit, wake: Arc<Notify>) {
    let (topic, telemetry) = (event.topic.name(), Arc::clone(&app.telemetry));
    let own = || TraceContext::root("");
    let (mut span, active) = telemetry.begin(Kind::Consumer, format!("outbox {topic}"), event.trace, own);
    let outcome = within(active, handle_in_time(&app, &event)).await;
    let (outcome, failure) = match outcome {
        Ok(_) => ("completed", None),
        Err(error) => (put_off(&app, &event, &error).await, Some(error.problem().code())),
    };
    if let Some(span) = &mut span {
        span.say("outbox.event", event.id);
        span.say("outbox.attempt", i64::from(event.attempts));
        failure.into_iter().for_each(|code| span.fail(code));
    }
    telemetry.metrics.handled(topic, outcome);
    drop(hand);
    wake.notify_one(); // a hand is free, and the next event of this aggregate may be taken
}

async fn handle_in_time(app: &App, event: &Event) -> Result<Settled> {
    tokio::select! {
        biased;
        () = std::future::ready(()), if event.attempts > app.config.outbox.attempts_max => {
            Err(Error::internal("no attempt came to its end")) // the process died each time
        }
        outcome = timeout(JOB_WAIT, jobs::run(app, event)) => outcome.unwrap_or_else(|late| Err(Error::unavailable(late))),
        error = lose_lease(app, event) => Err(error),
    }
}

/// Prolongs the lease until it is lost; ends with the loss.
async fn lose_lease(app: &App, event: &Event) -> Error {
    let third = Duration::from_secs(app.config.outbox.lease_s.unsigned_abs()) / 3;
    loop {
        sleep(third).await;
        match outbox::renew(app, event).await {
            Ok(true) => {}
            Ok(false) => return Error::internal("the lease on the event was lost"),
            Err(error) => tracing::debug!(error = error.chain(), "a lease was not prolonged"),
        }
    }
}

/// Puts it off or gives it up; answers which.
async fn put_off(app: &App, event: &Event, error: &Error) -> &'static str {
    let (id, topic, attempts) = (event.id, event.topic.name(), event.attempts);
    let cause = error.chain().unwrap_or_else(|| error.to_string());
    let put_off: Result<bool> = outbox::put_off(app, event, &cause).await;
    match put_off {
        Ok(true) => {
            tracing::error!(event = id, topic, attempts, error = cause, "an event was given up");
            app.telemetry.report(|| Fault {
                kind: "event_given_up",
                cause,
                what: format!("outbox {topic}"),
                tags: vec![("event", id.to_string())],
                trace: event.trace,
            });
            "given_up"
        }
        Ok(false) => {
            tracing::warn!(event = id, topic, attempts, error = cause, "an event was put off");
            "put_off"
        }
        Err(failure) => {
            let failure = failure.chain(); // the lease will end
            tracing::warn!(event = id, topic, attempts, error = cause, failure, "an event could not be put off");
            "lost"
        }
    }
}
