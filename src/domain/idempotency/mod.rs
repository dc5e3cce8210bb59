//! `Idempotency-Key`: a client that does not know whether its request was served sends it again, and it is served once.
//!
//! Always holds: the answer is stored in the transaction of what was done, so either both are there or neither is. A request
//! that failed did nothing and leaves nothing; its key is free. Keys are a lifter's own, and an answer is only told to a
//! session that lives.

mod once;
mod sql;

pub use once::Once;
pub use sql::STATEMENTS;
