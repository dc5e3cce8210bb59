//! Statements about accounts.

use crate::ids::{SessionId, UserId};
use crate::time::Timestamp;
use crate::{row, statements};

row! { /// An account, with what odd old rows lack filled in.
pub struct UserRow {
    /// Its id.
    id: UserId,
    /// Its name.
    username: String,
    /// Its email address.
    email: String,
    /// Whether it may log in and stands on boards.
    is_active: bool,
    /// When it was made.
    created_at: Timestamp,
    /// When it was changed.
    updated_at: Timestamp,
    /// A stored key, or an address in old rows.
    avatar_url: Option<String>,
    /// The name that is shown.
    display_name: Option<String>,
    /// Body weight in kilograms.
    weight: Option<f64>,
    /// The lifter's own word.
    gender: Option<String>,
    /// `free`, `gold` or `platinum`.
    subscription_level: String,
    /// Energy.
    energy: Option<f64>,
    /// Name of the overall rank.
    rank: Option<String>,
    /// The store's id of a purchase.
    original_transaction_id: Option<String>,
    /// `kg` or `lbs`.
    preferred_unit: String,
} }

row! { /// What a login is checked against.
pub struct CredentialsRow {
    id: UserId,
    hashed_password: String,
    is_active: bool,
} }

row! { /// A lifter whose row is locked.
pub struct LockedRow {
    #[expect(dead_code, reason = "that there is a row is the answer")]
    id: UserId,
} }

row! { /// An account that is locked now.
pub struct FreeRow {
    /// Which caller's, from 1.
    asked: i64,
} }

row! { /// Which of two names are taken, whatever their case.
pub struct TakenRow {
    email: bool,
    username: bool,
} }

row! { /// A picture that goes with an account.
pub struct PictureRow {
    picture: Option<String>,
} }

statements! {
    /// One account.
    shared fn get_user(id: UserId) -> opt UserRow = "users/get_user";
    /// The caller's own account, if it is active and the token counts.
    gathered fn get_own(id: UserId, session: Option<SessionId>, issued_at: Timestamp) -> opt UserRow = "users/get_own";
    /// One account by its name: the exact one, else the only one that differs by case.
    shared fn get_user_by_name(username: &str) -> opt UserRow = "users/get_user_by_name";
    /// The accounts on a page of a board.
    replicated fn list_users(ids: &[UserId]) -> many UserRow = "users/list_users";
    /// What a login is checked against: the exact address, else the only one that differs by case.
    shared fn get_credentials(email: &str) -> opt CredentialsRow = "users/get_credentials";
    /// Which names are taken by others.
    pooled fn get_taken(email: &str, username: &str, but: Option<UserId>) -> one TakenRow = "users/get_taken";
    /// Makes an account.
    pooled fn insert_user(
        id: UserId, username: &str, email: &str, hashed_password: &str, display_name: Option<&str>, avatar_key: Option<&str>,
        preferred_unit: &str, weight_multiplier: f64, now: Timestamp,
    ) -> one UserRow = "users/insert_user";
    /// Locks the caller's own account, if it is active and the token counts.
    pooled fn lock_user(id: UserId, session: Option<SessionId>, issued_at: Timestamp) -> opt LockedRow
        = "users/lock_user";
    /// Locks those of the callers' own accounts that are active, whose token counts and that nobody holds.
    pooled fn lock_free_users(ids: &[UserId], sessions: &[Option<SessionId>], issued_at: &[Timestamp]) -> many FreeRow
        = "users/lock_free_users";
    /// Stores a changed account.
    pooled fn update_user(
        id: UserId, username: &str, email: &str, case_unique: bool, hashed_password: Option<&str>, display_name: Option<&str>,
        avatar_url: Option<&str>, weight: Option<f64>, gender: Option<&str>, preferred_unit: &str, weight_multiplier: f64,
        now: Timestamp,
    ) -> exec = "users/update_user";
    /// Gives an account another picture.
    pooled fn update_avatar(id: UserId, avatar_key: &str, now: Timestamp) -> exec = "users/update_avatar";
    /// The pictures that go with an account.
    pooled fn list_pictures(id: UserId) -> many PictureRow = "users/list_pictures";
    /// Parts the workouts of others from routines that go.
    pooled fn detach_workouts(user: UserId) -> exec = "users/update_detached_workouts";
    /// Deletes old board rows, which no foreign key follows.
    pooled fn delete_board_entries(user: UserId) -> exec = "users/delete_board_entries";
    /// Deletes noted actions, which no foreign key follows.
    pooled fn delete_rate_events(user: UserId) -> exec = "users/delete_rate_events";
    /// Deletes the account; foreign keys do the rest.
    pooled fn delete_user(id: UserId) -> exec = "users/delete_user";
}
