//! Calls to others: the only place that opens sockets to anybody but the database.
//!
//! Always holds: nobody calls while holding a connection of the pool or a lock, a call has a deadline, an answer has a bound, and
//! a request is sent again only where the other side takes the second one for the first.

pub mod client;
pub mod stripe;

pub use client::Outbound;
