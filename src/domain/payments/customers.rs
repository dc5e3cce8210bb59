//! Lifters as Stripe's customers. One is made in the background when somebody registers, or at the first checkout, whichever
//! comes first; the key of that request keeps Stripe from making two.

use serde_json::Value;
use uuid::Uuid;

use super::events::fingerprint;
use super::sql;
use super::wire::checkout_error;
use crate::app::App;
use crate::db::OnConstraint;
use crate::domain::auth;
use crate::domain::outbox::{self, Event, Settled};
use crate::error::{Error, Problem, Result};
use crate::ids::UserId;
use crate::outbound::stripe::{NewCheckout, NewCustomer, Stripe};

/// The customer of this lifter; another one than `gone`, whom Stripe does not know any more.
///
/// # Errors
/// 401 if the account is gone, 502 or 503 if Stripe makes none.
pub async fn find_or_make(app: &App, stripe: &Stripe<'_>, user: UserId, gone: Option<&str>) -> Result<String> {
    let payer = sql::get_payer(&app.db, user).await?.ok_or_else(auth::no_account)?;
    if let Some(customer) = payer.stripe_customer_id.filter(|customer| gone != Some(customer)) {
        return Ok(customer);
    }
    let new = NewCustomer { user: &user.to_string(), email: &payer.email };
    // Another address is another request, which Stripe would not take under the same key. Under the key of the one who is gone,
    // it would answer with that one.
    let what = format!("{} {}", payer.email, gone.unwrap_or_default());
    let key = format!("customer:{user}:{}", fingerprint(what.trim_end().as_bytes()));
    let made = stripe.customer(&new, &key).await?;
    let linked = sql::update_customer(&app.db, user, &made, gone).await;
    let linked = linked.on_constraint("ix_users_stripe_customer_id", Problem::PaymentProviderError)?;
    Ok(linked.ok_or_else(auth::no_account)?.stripe_customer_id)
}

/// The address of a page to pay on, for this lifter's customer. If somebody has deleted that one over there, for a new one: once,
/// so that a Stripe that denies every customer makes no more of them.
///
/// # Errors
/// As [`find_or_make`]; 422 for what Stripe does not take.
pub async fn page_to_pay_on(
    app: &App,
    stripe: &Stripe<'_>,
    user: UserId,
    new: &NewCheckout<'_>,
    key: &str,
) -> Result<String> {
    // A page for another customer is another request, and has another key.
    let page = |customer: String| async move { stripe.checkout(new, &customer, &format!("{key}:{customer}")).await };
    let customer = find_or_make(app, stripe, user, None).await?;
    match page(customer.clone()).await {
        Err(error) if error.is_of_unknown_customer() => {
            tracing::warn!(user_id = %user, "Stripe does not know the lifter's customer any more: making another one");
            let other = find_or_make(app, stripe, user, Some(&customer)).await?;
            page(other).await.map_err(checkout_error)
        }
        made => made.map_err(checkout_error),
    }
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
        match find_or_make(app, &stripe, user, None).await {
            Err(error) if error.problem() == Problem::PaymentProviderError => {
                tracing::error!(user_id = %user, error = error.chain(), "there is no customer for a new lifter");
            }
            Err(error) if error.problem() != Problem::InvalidToken => return Err(error),
            _ => {} // also when the account is gone again
        }
    }
    outbox::complete(&app.db, event, app.clock.now()).await
}
