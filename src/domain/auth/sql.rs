//! Statements about who is calling.

use crate::ids::{SessionId, UserId};
use crate::time::Timestamp;
use crate::{row, statements};

row! { /// An account.
pub struct AccountRow {
    #[expect(dead_code, reason = "that there is a row is the answer")]
    id: UserId,
} }

statements! {
    /// The account, if it is there and active and the token counts: its session has not ended, or it names none and was issued
    /// after such tokens were ended last.
    gathered fn get_active(user: UserId, session: Option<SessionId>, issued_at: Timestamp) -> opt AccountRow
        = "auth/get_active";
    /// The account, active or not.
    shared fn get_account(user: UserId) -> opt AccountRow = "auth/get_account";
}
