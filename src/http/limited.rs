//! Limits at the edge: each route has a policy, what it counts is counted before its handler runs or by a line in it, and every
//! answer of a request that was counted tells how the budgets stand, in the words of the IETF's draft (`RateLimit`,
//! `RateLimit-Policy`) and of custom (`X-RateLimit-*`, of the budget with the least left).

use std::cmp::Reverse;
use std::fmt::{Display, Write};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::header::{HeaderMap, HeaderName, HeaderValue};

use super::cx::Cx;
use super::extract::FromCx;
use super::route::{Method, Operation};
use crate::app::App;
use crate::budget::{Budget, Quota, Standing};
use crate::error::{Problem, Result};
use crate::limits::{Whose, refused};
use crate::telemetry::Metrics;

/// Time before somebody is told that a budget which all instances count together has no room. An app does not notice it.
const REFUSAL_PAUSE: Duration = Duration::from_millis(250);

/// What of a route's requests is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Nothing: its callers must never be turned away.
    Unlimited,
    /// Each, against `read`.
    Read,
    /// Each, against `write`.
    Write,
    /// Each against `write`, and by the handler: new follows.
    Follow,
    /// By the handler: well-formed logins.
    Login,
    /// By the handler: well-formed registrations.
    Register,
    /// By the handler: each, of a session.
    Refresh,
}

impl Policy {
    /// The policy of a route that names none.
    #[must_use]
    pub const fn of(method: Method) -> Self {
        match method {
            Method::Get => Self::Read,
            _ => Self::Write,
        }
    }

    /// The budget of a lifter that is counted before the handler runs.
    const fn beforehand(self) -> Option<Budget> {
        match self {
            Self::Read => Some(Budget::Read),
            Self::Write | Self::Follow => Some(Budget::Write),
            Self::Unlimited | Self::Login | Self::Register | Self::Refresh => None,
        }
    }
}

/// How the budgets stand that one request was counted against; shared between what counts and what answers.
#[derive(Clone, Default)]
pub struct Standings(Arc<Mutex<Vec<Standing>>>);

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const X_LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const X_REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const X_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

impl Standings {
    /// Notes how a budget stands now.
    fn note(&self, standing: Standing) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.retain(|known| known.budget != standing.budget);
        noted.push(standing);
    }

    /// Puts them on the answer, the one with the least left first. Next to a budget of the route's own the general ones are
    /// not worth telling.
    pub fn write(&self, headers: &mut HeaderMap) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_general = |standing: &Standing| matches!(standing.budget, Budget::Read | Budget::Write);
        if !noted.iter().all(is_general) {
            noted.retain(|standing| !is_general(standing));
        }
        noted.sort_by_key(|standing| (standing.remaining, Reverse(standing.next_s)));
        let Some(tightest) = noted.first() else { return };
        let (mut policies, mut limits) = (String::new(), String::new());
        for Standing { budget, quota, remaining, next_s } in noted.iter() {
            let comma = if policies.is_empty() { "" } else { ", " };
            let name = budget.name();
            let _ = write!(policies, "{comma}\"{name}\";q={};w={}", quota.limit, quota.window_s);
            let _ = write!(limits, "{comma}\"{name}\";r={remaining};t={next_s}");
        }
        for (name, text) in [(POLICY, policies), (LIMIT, limits)] {
            headers.extend(HeaderValue::try_from(text).ok().map(|value| (name, value)));
        }
        headers.insert(X_LIMIT, HeaderValue::from(tightest.quota.limit));
        headers.insert(X_REMAINING, HeaderValue::from(tightest.remaining));
        headers.insert(X_RESET, HeaderValue::from(tightest.next_s));
    }

    /// Notes how the budget stands, and lets the request pass or not.
    fn settle(&self, taken: Result<Standing, Standing>, metrics: &Metrics) -> Result<()> {
        let (Ok(standing) | Err(standing)) = &taken;
        metrics.rate_limit(standing.budget.name(), taken.is_ok());
        match taken {
            Ok(standing) => {
                self.note(standing);
                Ok(())
            }
            Err(standing) => {
                self.note(standing);
                Err(refused(standing))
            }
        }
    }
}

/// Counts what is counted before the handler runs: a lifter's reads and writes, and whatever a stranger does, which is `read` of
/// their address. A stranger's writes come to nothing, and may be of many lifters behind one address whose tokens have expired.
///
/// # Errors
/// 429 if there is no room.
pub fn count(cx: &Cx) -> Result<()> {
    let Some((quotas, budget)) = cx.app.config.budgets.as_ref().zip(cx.route.policy.beforehand()) else {
        return Ok(());
    };
    let (budget, whose) = match cx.access() {
        Some(access) => (budget, Whose::Lifter(access.user)),
        None => (Budget::Read, Whose::Address(cx.client_address())),
    };
    let taken = cx.app.limits.take_apart(budget, quotas.of(budget), whose, cx.app.clock.now());
    cx.standings.settle(taken, &cx.app.telemetry.metrics)
}

/// For handlers that count by themselves.
pub struct Limited {
    app: Arc<App>,
    address: IpAddr,
    standings: Standings,
}

impl FromCx for Limited {
    async fn from_cx(cx: &mut Cx) -> Result<Self> {
        Ok(Self { app: Arc::clone(&cx.app), address: cx.client_address(), standings: cx.standings.clone() })
    }

    fn describe(operation: &mut Operation) {
        operation.failures.insert(Problem::TooManyRequests.status());
    }
}

/// The address with its letters in lower case, one for one, as PostgreSQL's `lower` does it. Rust makes two of the Turkish
/// `İ` and another letter of a Greek `Σ` at the end of a word: whoever wrote an address that way would have a budget of their
/// own for the same account.
fn folded(email: &str) -> String {
    email.chars().filter_map(|letter| letter.to_lowercase().next()).collect()
}

impl Limited {
    /// Counts a login to the account of this email address, whether there is one or not. To be called before the password is
    /// looked at. Who is refused for their own address costs the account nothing, so that nobody is locked out by somebody else
    /// who tries a lot.
    ///
    /// # Errors
    /// 429 if there is no room, 503 if the database is away.
    pub async fn login(&self, email: &str) -> Result<()> {
        self.take(Budget::LoginAddress, self.address_key()).await?;
        self.take(Budget::Login, folded(email.trim())).await
    }

    /// Counts a registration.
    ///
    /// # Errors
    /// As [`Self::login`].
    pub async fn register(&self) -> Result<()> {
        self.take(Budget::Register, self.address_key()).await?;
        self.take(Budget::RegisterDay, self.address_key()).await
    }

    /// Counts a refresh of this session.
    ///
    /// # Errors
    /// As [`Self::login`].
    pub async fn refresh(&self, session: impl Display) -> Result<()> {
        self.take(Budget::Refresh, session).await
    }

    /// The numbers of a budget that the caller counts; `None` if it need not.
    #[must_use]
    pub fn quota(&self, budget: Budget) -> Option<Quota> {
        self.app.config.budgets.map(|quotas| quotas.of(budget))
    }

    /// Tells what came of counting against such a budget.
    pub fn decided(&self, budget: Budget, is_allowed: bool) {
        self.app.telemetry.metrics.rate_limit(budget.name(), is_allowed);
    }

    /// Notes how such a budget stands.
    pub fn note(&self, standing: Standing) {
        self.standings.note(standing);
    }

    fn address_key(&self) -> impl Display + use<> {
        Whose::Address(self.address).number()
    }

    /// Whoever is refused is told after a pause, so that a flood of what is refused becomes a trickle and takes the cores from
    /// nobody.
    async fn take(&self, budget: Budget, key: impl Display) -> Result<()> {
        let Some(quota) = self.quota(budget) else { return Ok(()) };
        let now = self.app.clock.now();
        let taken = self.app.limits.take_together(&self.app.db, (budget, quota), &key.to_string(), now).await?;
        if taken.is_err() {
            tokio::time::sleep(REFUSAL_PAUSE).await;
        }
        self.standings.settle(taken, &self.app.telemetry.metrics)
    }
}
