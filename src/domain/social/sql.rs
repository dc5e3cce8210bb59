//! Statements about who follows whom.

use crate::ids::UserId;
use crate::time::Timestamp;
use crate::{row, statements};

row! { /// A lifter of a list.
pub struct ListedRow {
    id: UserId,
} }

row! { /// How long the lists of a lifter are.
#[derive(Default)]
pub struct CountsRow {
    /// Who follows them.
    followers: i32,
    /// Whom they follow.
    following: i32,
    /// Both.
    friends: i32,
} }

row! { /// A lifter, and how they and the caller follow each other.
pub struct PersonRow {
    /// The account.
    id: UserId,
    /// Its name.
    username: String,
    /// The name that is shown.
    display_name: Option<String>,
    /// A stored key, or an address in old rows.
    avatar_url: Option<String>,
    /// Whether the caller follows them.
    is_following: bool,
    /// Whether they follow the caller.
    is_followed_by: bool,
} }

row! { /// A lifter whose account cannot go for now.
pub struct FolloweeRow {
    #[expect(dead_code, reason = "that there is a row is the answer")]
    id: UserId,
} }

row! { /// The follows of a lifter that count.
pub struct WindowRow {
    /// How many, up to the limit.
    used: i64,
    /// When the first of these was.
    first: Option<Timestamp>,
} }

statements! {
    /// The first lifters, by name, who fit a pattern that has a trigram.
    pooled fn list_matches(caller: UserId, pattern: &str, max: i64) -> many ListedRow = "social/list_matches";
    /// The first lifters, by name, who contain a text that has no trigram.
    pooled fn list_short_matches(caller: UserId, text: &str, max: i64) -> many ListedRow = "social/list_short_matches";
    /// These lifters in this order, as the caller stands to them.
    pooled fn list_people(caller: UserId, users: &[UserId]) -> many PersonRow = "social/list_people";
    /// How long the lists of a lifter are; nothing if they never had anybody on one.
    shared fn get_counts(user: UserId) -> opt CountsRow = "social/get_counts";
    /// A page of who follows a lifter.
    pooled fn list_followers(user: UserId, limit: i64, offset: i64) -> many ListedRow = "social/list_followers";
    /// A page of whom a lifter follows.
    pooled fn list_following(user: UserId, limit: i64, offset: i64) -> many ListedRow = "social/list_following";
    /// A page of a lifter's friends.
    pooled fn list_friends(user: UserId, limit: i64, offset: i64) -> many ListedRow = "social/list_friends";
    /// Keeps an active account from going.
    pooled fn lock_followee(user: UserId) -> opt FolloweeRow = "social/lock_followee";
    /// Makes a lifter follow another one, unless they do already.
    pooled fn upsert_edge(follower: UserId, followee: UserId, now: Timestamp) -> exec = "social/upsert_edge";
    /// Makes a lifter follow another one no more.
    pooled fn delete_edge(follower: UserId, followee: UserId) -> exec = "social/delete_edge";
    /// The last follows after `since`, `max` at most.
    pooled fn get_follow_window(user: UserId, since: Timestamp, max: i64) -> one WindowRow = "social/get_follow_window";
    /// Notes a follow.
    pooled fn insert_follow_event(user: UserId, now: Timestamp) -> exec = "social/insert_follow_event";
    /// Forgets follows that count no more.
    pooled fn delete_old_follow_events(user: UserId, until: Timestamp) -> exec = "social/delete_old_follow_events";
}
