//! Who pays for what: Stripe on the web, RevenueCat for the stores of phones.
//!
//! Both say what happens to subscriptions by webhooks, in any order, more than once, and to several of our processes at a time.
//! Always holds: what they say is written into a ledger and nothing else; what a subscription gives is what the ledger comes to
//! ([`rules::standing`]), and a lifter's level is the highest tier that one of theirs gives. A webhook is answered 200 only when
//! all of that is committed. Nobody is called within a transaction.

mod columns;
mod customers;
mod events;
mod handlers;
mod hearing;
mod ledger;
pub mod rules;
mod signature;
mod sql;
mod wire;

use crate::error::Problem;
use crate::http::{Policy, Route};
use crate::route;

pub use customers::make_customer;
pub use hearing::{settle_level, sweep};
pub use sql::STATEMENTS;

/// Bytes that a webhook may have: events hold the whole object that they are about, which seldom has a tenth of it.
const WEBHOOK_MAX_BYTES: usize = 256 * 1024;

/// The routes of this domain.
pub const ROUTES: &[Route] = &[
    route!(Post "/api/v1/payments/create-checkout-session" handlers::create_checkout "Makes a page to pay a subscription on.")
        .fails_with(&[Problem::PaymentProviderError, Problem::PaymentsUnavailable]),
    route!(Post "/api/v1/payments/create-portal-session" handlers::create_portal "Makes a page to manage a subscription on.")
        .fails_with(&[Problem::NotFound, Problem::PaymentProviderError, Problem::PaymentsUnavailable]),
    route!(Post "/api/v1/payments/webhook" handlers::hear_stripe "Stripe tells what happened.")
        .body_max_bytes(WEBHOOK_MAX_BYTES)
        .policy(Policy::Unlimited)
        .fails_with(&[Problem::InvalidSignature, Problem::PaymentsUnavailable]),
    route!(Post "/api/v1/webhooks/revenuecat" handlers::hear_store "RevenueCat tells what happened.")
        .body_max_bytes(WEBHOOK_MAX_BYTES)
        .policy(Policy::Unlimited)
        .fails_with(&[Problem::InvalidToken, Problem::PaymentsUnavailable]),
];
