//! Sessions: a row for each login, which refresh tokens keep alive and access tokens name.
//!
//! The row bears a counter, and so does the refresh token: [`rules`] says what a token that lags behind means. Tokens follow
//! from the row alone, so everybody who may have the current pair gets the same one. Always holds: no session is taken from
//! memory. Whether it lives is asked of the database with every request, by the statement that finds the account.

mod client;
mod cookie;
mod handlers;
mod leaving;
mod opening;
mod refreshing;
mod rules;
mod sql;
mod wire;

use crate::http::{Policy, Route};
use crate::route;

pub use client::Client;
pub use leaving::end_others;
pub use opening::open;
pub use sql::STATEMENTS;
pub use wire::{AccessToken, Pair, TokenPair, WithCookie};

/// The routes of this domain; the logins are the accounts'.
pub const ROUTES: &[Route] = &[
    route!(Post "/api/v1/users/refresh" handlers::refresh_by_cookie "Trades the refresh cookie for an access token and the next cookie.").policy(Policy::Refresh),
    route!(Post "/api/v1/users/logout" handlers::logout "Ends the session of the access token and takes the refresh cookie back."),
    route!(Post "/api/v1/auth/refresh" handlers::refresh "Trades a refresh token for the next pair of tokens.").policy(Policy::Refresh).fails(&[401]),
    route!(Post "/api/v1/auth/logout" handlers::leave "Ends the session of a refresh token, or of the access token if the body names none; its others; or all.")
        .fails(&[401]),
    route!(Get "/api/v1/auth/sessions" handlers::list "One's own sessions, the last refreshed first."),
    route!(Delete "/api/v1/auth/sessions/{session_id}" handlers::revoke "Ends one of one's own sessions.").fails(&[404]),
];
