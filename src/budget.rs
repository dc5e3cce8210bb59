//! Budgets: how many requests of a kind somebody has in how much time. The table of them; their numbers are configured.

/// Who counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// All instances together, in the database.
    Together,
    /// Each instance by itself, in memory.
    Apart,
}

impl Counted {
    /// As the README says it.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Together => "by all instances together",
            Self::Apart => "by each instance",
        }
    }
}

macro_rules! budgets { ($($variant:ident $name:ident $whose:literal $counted:ident;)*) => {
    /// A budget.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum Budget { $(#[doc = concat!("`", stringify!($name), "`, of ", $whose, ".")] $variant,)* }

    impl Budget {
        /// Every budget, in the order of the table.
        pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

        /// The name in headers, and in upper case in variables: `RATE_LIMIT_<NAME>_LIMIT`, `…_WINDOW_SECONDS`.
        #[must_use]
        pub const fn name(self) -> &'static str { match self { $(Self::$variant => stringify!($name),)* } }

        /// Whose requests it counts.
        #[must_use]
        pub const fn whose(self) -> &'static str { match self { $(Self::$variant => $whose,)* } }

        /// Who counts.
        #[must_use]
        pub const fn counted(self) -> Counted { match self { $(Self::$variant => Counted::$counted,)* } }
    }

    /// The numbers of all budgets.
    #[derive(Clone, Copy, Debug)]
    pub struct Quotas { $($name: Quota,)* }

    impl Quotas {
        /// The numbers that this function tells.
        pub fn read(mut quota: impl FnMut(Budget) -> Quota) -> Self {
            Self { $($name: quota(Budget::$variant),)* }
        }

        /// The numbers of a budget.
        #[must_use]
        pub const fn of(&self, budget: Budget) -> Quota { match budget { $(Budget::$variant => self.$name,)* } }
    }
} }

budgets! {
    Login login "an account that somebody logs in to" Together;
    LoginAddress login_address "an address that somebody logs in from" Together;
    Register register "an address that somebody registers from" Together;
    RegisterDay register_day "an address that somebody registers from" Together;
    Refresh refresh "a session" Together;
    Follow follow "a lifter, new follows only" Together;
    Read read "a lifter who reads; an address, whatever a stranger does" Apart;
    Write write "a lifter who writes" Apart;
}

/// How many requests in how much time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Requests within any window.
    pub limit: u32,
    /// The window's length in seconds.
    pub window_s: u32,
}

impl Quota {
    /// The window's length in microseconds.
    #[must_use]
    pub const fn window_micros(self) -> i64 {
        self.window_s as i64 * 1_000_000
    }
}

/// How a budget stands after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Which.
    pub budget: Budget,
    /// Its numbers.
    pub quota: Quota,
    /// Requests that are left at once.
    pub remaining: u32,
    /// Seconds until there is one more, in whole ones and never too few.
    pub next_s: u32,
}

impl Standing {
    /// With so many requests in the window, of which the first to leave it does so in so many microseconds.
    #[must_use]
    pub fn new(budget: Budget, quota: Quota, used: u32, next_micros: i64) -> Self {
        let next_s = next_micros.max(0).unsigned_abs().div_ceil(1_000_000);
        let next_s = u32::try_from(next_s).unwrap_or(u32::MAX);
        Self { budget, quota, remaining: quota.limit.saturating_sub(used), next_s }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_whole_and_never_too_few() {
        let quota = Quota { limit: 10, window_s: 60 };
        for (micros, seconds) in
            [(0, 0), (1, 1), (1_000_000, 1), (1_000_001, 2), (59_999_999, 60), (60_000_000, 60), (-5, 0)]
        {
            assert_eq!(Standing::new(Budget::Login, quota, 10, micros).next_s, seconds, "{micros}");
        }
        assert_eq!(Standing::new(Budget::Login, quota, 12, 0).remaining, 0);
    }
}
