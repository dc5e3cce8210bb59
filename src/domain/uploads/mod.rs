//! Pictures that lifters send up: receiving one, and removing those that nothing shows any more.

mod receiving;
mod release;
mod sql;

pub use receiving::{Avatar, Picture, RoutineImage};
pub use release::{release, remove_unused};
pub use sql::STATEMENTS;
