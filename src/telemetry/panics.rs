//! Panics: where one happened, told to whoever catches it, or to the log if nobody does.
//!
//! The message is left out: it can hold what a caller sent.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};
use std::pin::pin;
use std::sync::OnceLock;
use std::task::{Context, Poll};

use super::fault::Fault;
use super::{Reporter, SERVICE, flush};
use crate::error::{Error, Result};

/// Who is told about panics that nobody catches.
static REPORTER: OnceLock<Reporter> = OnceLock::new();

thread_local! {
    static IS_CAUGHT: Cell<bool> = const { Cell::new(false) };
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Makes panics that nobody catches here a line in the log.
pub fn install() {
    set_hook(Box::new(|panic| {
        if let Some(place) = keep(panic.location().map(ToString::to_string)) {
            tracing::error!(service = SERVICE, place, "panic");
            if let Some(reporter) = REPORTER.get() {
                let cause = format!("{PANICKED} at {place}");
                reporter.take(Fault {
                    kind: "panic",
                    cause,
                    what: "background".to_owned(),
                    tags: Vec::new(),
                    trace: None,
                });
            }
            flush(); // the process may be about to end
        }
    }));
}

/// Reports panics that nobody catches, from now on.
pub fn report_to(reporter: Reporter) {
    let _ = REPORTER.set(reporter); // there is one configuration in a process
}

/// Keeps a panic's place for who catches it; answers it where nobody does.
fn keep(place: Option<String>) -> Option<String> {
    if IS_CAUGHT.get() {
        PLACE.set(place);
        return None;
    }
    Some(place.unwrap_or_default())
}

/// How the place of a panic begins that was caught.
pub const PANICKED: &str = "panicked";

/// Does the work.
///
/// # Errors
/// Where it panicked, as far as that is known.
fn catching<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    let before = IS_CAUGHT.replace(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    IS_CAUGHT.set(before);
    done.map_err(|_| PLACE.take().map_or_else(|| PANICKED.to_owned(), |place| format!("{PANICKED} at {place}")))
}

/// Does the work; a panic is an internal error, whose cause is its place.
///
/// # Errors
/// The work's.
pub async fn caught<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let mut work = pin!(work);
    let polled = |context: &mut Context<'_>| {
        let polled = catching(|| work.as_mut().poll(context));
        polled.unwrap_or_else(|place| Poll::Ready(Err(Error::internal(place))))
    };
    std::future::poll_fn(polled).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_catches_a_panic_learns_its_place_and_the_log_does_not_repeat_it() {
        let place = || Some("src/x.rs:7:1".to_owned());
        let caught: Result<(), String> = catching(|| {
            assert_eq!(keep(place()), None);
            std::panic::resume_unwind(Box::new("what a caller sent"));
        });
        assert_eq!(caught, Err("panicked at src/x.rs:7:1".to_owned()));
        assert_eq!(keep(place()), place());
        assert_eq!(catching(|| 7), Ok(7));
        let again: Result<(), String> = catching(|| std::panic::resume_unwind(Box::new(())));
        assert_eq!(again, Err("panicked".to_owned()), "an earlier panic's place is not told again");
    }
}
