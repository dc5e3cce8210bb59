//! Lifters as Stripe's customers. One is made in the background when somebody registers, or at the first checkout, whichever
//! comes first; the key of that request keeps Stripe from making two.

use serde_json::Value;
use uuid::Uuid;

use super::events::fingerprint;
use super::sql;
use crate::app::App;
use crate::db::OnConstraint;
use crate::domain::auth;
use crate::domain::outbox::{self, Event, Settled};
use crate::error::{Error, Problem, Result};
use crate::ids::UserId;
use crate::outbound::stripe::{NewCustomer, Stripe};

/// The customer of this lifter.
///
/// # Errors
/// 401 if the account is gone, 502 or 503 if Stripe makes none.
pub async fn find_or_make(app: &App, stripe: &Stripe<'_>, user: UserId) -> Result<String> {
    let payer = sql::get_payer(&app.db, user).await?.ok_or_else(auth::no_account)?;
    if let Some(customer) = payer.stripe_customer_id {
        return Ok(customer);
    }
    let new = NewCustomer { user: &user.to_string(), email: &payer.email };
    // Another address is another request, which Stripe would not take under the same key.
    let key = format!("customer:{user}:{}", fingerprint(payer.email.as_bytes()));
    let made = stripe.customer(&new, &key).await?;
    let linked = sql::update_customer(&app.db, user, &made).await;
    let linked = linked.on_constraint("ix_users_stripe_customer_id", Problem::PaymentProviderError)?;
    Ok(linked.ok_or_else(auth::no_account)?.stripe_customer_id)
}

/// The lifter that an event is about.
///
/// # Errors
/// `Internal` if it names none.
pub fn user_of(payload: &Value) -> Result<UserId> {
    let user = payload.get("user_id").and_then(|id| Uuid::try_parse(id.as_str()?).ok());
    user.map(UserId).ok_or_else(|| Error::internal("the event names no user"))
}

/// Makes the customer of somebody who has registered.
///
/// # Errors
/// If Stripe is away. What it does not accept, it will not accept later: the first checkout tries again, and tells the lifter.
pub async fn make_customer(app: &App, event: &Event) -> Result<Settled> {
    let user = user_of(&event.payload)?;
    if let Some(stripe) = Stripe::new(&app.outbound, &app.config.payments) {
        match find_or_make(app, &stripe, user).await {
            Err(error) if error.problem() == Problem::PaymentProviderError => {
                tracing::error!(user_id = %user, error = error.chain(), "there is no customer for a new lifter");
            }
            Err(error) if error.problem() != Problem::InvalidToken => return Err(error),
            _ => {} // also when the account is gone again
        }
    }
    outbox::complete(&app.db, event, app.clock.now()).await
}
