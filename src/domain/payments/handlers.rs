//! The payment routes.

use std::sync::Arc;

use uuid::Uuid;

use super::customers::page_to_pay_on;
use super::events::{read_store_event, read_stripe_event};
use super::hearing::{self, Heard};
use super::sql;
use super::wire::{CheckoutSession, FromStore, FromStripe, NewCheckoutSession, PortalSession, StoreAnswer};
use crate::app::App;
use crate::domain::auth::{self, Caller, User};
use crate::domain::idempotency::Once;
use crate::error::{Error, Noun, Or404, Problem, Result};
use crate::http::{Created, Done, Json, Made};
use crate::outbound::stripe::{NewCheckout, Stripe};

/// Stripe, if there is a key for it.
fn stripe(app: &App) -> Result<Stripe<'_>> {
    let stripe = Stripe::new(&app.outbound, &app.config.payments);
    stripe.ok_or_else(|| Error::new(Problem::PaymentsUnavailable))
}

pub async fn create_checkout(
    app: Arc<App>,
    caller: Caller,
    Json(new): Json<NewCheckoutSession>,
    once: Once,
) -> Result<Made<Created<CheckoutSession>>> {
    auth::check(&app.db, caller).await?;
    let work = async |key: String| {
        let checkout = NewCheckout {
            user: &caller.user.to_string(),
            price: &new.price_id.0,
            success_url: &new.success_url.0,
            cancel_url: &new.cancel_url.0,
        };
        let checkout_url = page_to_pay_on(&app, &stripe(&app)?, caller.user, &checkout, &key).await?;
        Ok(Created(CheckoutSession { checkout_url }))
    };
    once.apart(&app, caller, work).await
}

pub async fn create_portal(app: Arc<App>, User(user): User) -> Result<Created<PortalSession>> {
    let payer = sql::get_payer(&app.db, user).await?.ok_or_else(auth::no_account)?;
    let customer = payer.stripe_customer_id.or_404(Noun::Customer)?;
    let return_url = format!("{}/profile", app.config.payments.app_url);
    match stripe(&app)?.portal(&customer, &return_url, &Uuid::new_v4().to_string()).await {
        // Somebody deleted the customer over there, and with it what could be managed.
        Err(error) if error.is_of_unknown_customer() => None.or_404(Noun::Customer),
        made => Ok(Created(PortalSession { portal_url: made? })),
    }
}

fn not_an_event() -> Error {
    Error::new(Problem::BadRequest).with_detail("The body must be an event")
}

pub async fn hear_stripe(app: Arc<App>, FromStripe(body): FromStripe) -> Result<Done> {
    let event = read_stripe_event(&body, &app.config.payments.price_tiers).ok_or_else(not_an_event)?;
    hearing::hear_stripe(&app, &event).await?;
    Ok(Done)
}

pub async fn hear_store(app: Arc<App>, FromStore(body): FromStore) -> Result<Json<StoreAnswer>> {
    let event = read_store_event(&body).ok_or_else(not_an_event)?;
    let (status, detail) = match hearing::hear_store(&app, &event).await? {
        Heard::Applied => ("ok", "Event applied."),
        Heard::Nothing => ("ok", "Event changes nothing."),
        Heard::Known => ("ok", "Event was applied before."),
        Heard::Older => ("ignored", "Event ignored, something newer is known."),
        Heard::Contested => ("ignored", "Event ignored, another user has this purchase."),
        Heard::Unnamed => ("ignored", "Event ignored, no user ID."),
        Heard::Unknown => ("ignored", "Event ignored, unknown user."),
        Heard::Sandbox => ("ignored", "Event ignored, it is about a sandbox."),
    };
    Ok(Json(StoreAnswer { status, detail }))
}
