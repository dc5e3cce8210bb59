//! Counting requests against budgets. A window slides: a request counts from when it was let through until the window's length
//! later, so no span of that length sees more than the budget. What is refused does not count: who goes on knocking does not
//! lock themselves out.
//!
//! Cheap requests are counted in this process ([`windows`]), dear ones in the database, by all instances together. Until when a
//! window there is full is remembered here, so that a flood of what is refused asks the database nothing.

mod recent;
mod sql;
mod windows;

use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_lc_rs::digest::{SHA256, SHA256_OUTPUT_LEN, digest};

use crate::budget::{Budget, Quota, Standing};
use crate::db::Db;
use crate::error::{Error, Problem, Result};
use crate::ids::UserId;
use crate::network::first_bits;
use crate::time::Timestamp;
use recent::Recent;
use windows::Windows;

pub use sql::STATEMENTS;

/// Requests counted in the database between two removals of what counts no more.
const SWEEP_EVERY: u32 = 64;
/// Rows that are removed at once: more than come in between, few enough to cost nobody anything.
const SWEEP_ROWS_MAX: i64 = 512;
/// The bits of an IPv6 address that tell one caller from another: the rest are theirs to choose from.
const IPV6_BITS: u32 = 64;

/// The hash of a budget and whose it is.
type Key = [u8; SHA256_OUTPUT_LEN];

/// Whose request it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Whose {
    /// A lifter's.
    Lifter(UserId),
    /// Of somebody at this address.
    Address(IpAddr),
}

impl Whose {
    /// A number of its own for every lifter and every address that is told from others.
    #[must_use]
    pub fn number(self) -> u128 {
        match self {
            Self::Lifter(user) => user.0.as_u128(),
            Self::Address(IpAddr::V4(v4)) => v4.to_ipv6_mapped().to_bits(),
            Self::Address(address) => first_bits(address, IPV6_BITS),
        }
    }
}

/// The counters of this process.
#[derive(Default)]
pub struct Limits {
    lifters: Windows,
    addresses: Windows,
    /// Until when windows in the database are full, in microseconds since the epoch; nothing makes room in one before.
    full_until: Recent<Key, i64>,
    taken_together: AtomicU32,
}

impl Limits {
    /// Counts a request in this process.
    ///
    /// # Errors
    /// How the budget stands, if it has no room.
    pub fn take_apart(&self, budget: Budget, quota: Quota, whose: Whose, now: Timestamp) -> Result<Standing, Standing> {
        let windows = match whose {
            Whose::Lifter(_) => &self.lifters,
            Whose::Address(_) => &self.addresses,
        };
        let (taken, used, next_micros) = windows.take((budget, whose.number()), quota, now.unix_micros());
        let standing = Standing::new(budget, quota, used, next_micros);
        if taken { Ok(standing) } else { Err(standing) }
    }

    /// Counts a request in the database. `key` says whose it is; the table sees a hash of it.
    ///
    /// # Errors
    /// `Unavailable` if the database is away: nobody knows then whether there is room.
    pub async fn take_together(
        &self,
        db: &Db,
        (budget, quota): (Budget, Quota),
        key: &str,
        now: Timestamp,
    ) -> Result<Result<Standing, Standing>> {
        let key = hash(budget, key);
        let standing = |used, until_micros| Standing::new(budget, quota, used, until_micros - now.unix_micros());
        let full_until = self.full_until.with(key, |until| *until);
        if full_until > now.unix_micros() {
            return Ok(Err(standing(quota.limit, full_until)));
        }
        self.sweep(db, now).await;
        let window_s = i64::from(quota.window_s);
        let limit = i32::try_from(quota.limit).unwrap_or(i32::MAX);
        let row = sql::upsert_window(db, &key, now, now.minus_s(window_s), now.plus_s(window_s), limit).await?;
        let until_micros = row.first_leaves_from.unix_micros() + quota.window_micros();
        let standing = standing(u32::try_from(row.used).unwrap_or(u32::MAX), until_micros);
        if row.was_taken {
            return Ok(Ok(standing));
        }
        self.full_until.with(key, |until| *until = until_micros);
        Ok(Err(standing))
    }

    /// Now and then, removes windows that are over. Not in the request's own statement, which would hold their locks.
    async fn sweep(&self, db: &Db, now: Timestamp) {
        if self.taken_together.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1
            && let Err(error) = sql::delete_windows(db, now, SWEEP_ROWS_MAX).await
        {
            tracing::debug!(%error, "windows that are over were not removed");
        }
    }
}

/// 429, with the time until there is room.
#[must_use]
pub fn refused(standing: Standing) -> Error {
    let seconds = standing.next_s.max(1);
    Error::new(Problem::TooManyRequests)
        .with_detail(format!("Too many requests; try again in {seconds} s"))
        .with_retry_after_s(seconds)
}

fn hash(budget: Budget, key: &str) -> Key {
    let mut hash = Key::default();
    hash.copy_from_slice(digest(&SHA256, format!("{} {key}", budget.name()).as_bytes()).as_ref());
    hash
}
