//! Who handles what: one line a topic.

use crate::app::App;
use crate::domain::outbox::{Event, Settled, Topic};
use crate::domain::{payments, uploads, workouts};
use crate::error::Result;

/// Handles an event and settles it.
///
/// # Errors
/// Whatever keeps it from being done now; it will be tried again.
pub async fn run(app: &App, event: &Event) -> Result<Settled> {
    match event.topic {
        Topic::WorkoutSubmitted => workouts::count(app, event).await,
        Topic::PictureReleased => uploads::remove_unused(app, event).await,
        Topic::UserCreated => payments::make_customer(app, event).await,
        Topic::SubscriptionChanged => payments::settle_level(app, event).await,
    }
}
