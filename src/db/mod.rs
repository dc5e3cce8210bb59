//! The database: where it is ([`bootstrap`]), how it is reached ([`pool`]), and its copy ([`replica`]), what runs on it
//! ([`statement`]), how it came to be ([`migrate`]). Knows no domain.

pub mod bootstrap;
pub mod dsn;
pub mod gathered;
pub mod listen;
pub mod migrate;
pub mod pg_error;
pub mod pool;
mod replica;
mod shared;
pub mod statement;
pub mod tls;
pub mod tx;
pub mod unnamed;
mod warm_up;

pub use pg_error::OnConstraint;
pub use pool::Db;
pub use tx::Tx;
