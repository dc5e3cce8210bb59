//! Statements about who is calling.

use crate::ids::UserId;
use crate::{row, statements};

row! { /// An account.
pub struct AccountRow {
    #[expect(dead_code, reason = "that there is a row is the answer")]
    id: UserId,
} }

statements! {
    /// The account, if it is there and active.
    shared fn get_active(user: UserId) -> opt AccountRow = "auth/get_active";
    /// The account, active or not.
    shared fn get_account(user: UserId) -> opt AccountRow = "auth/get_account";
}
