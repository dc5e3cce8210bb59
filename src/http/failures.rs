//! Which failures a route can answer: those of every route, those that follow from what its handler takes, those of its rules.

use super::limited::Policy;
use super::route::{Access, Operation, Route};
use crate::error::Problem;

/// What any route can answer: a bad Host or version, a head that is malformed or too large, our own fault, an absent database.
pub const EVERYWHERE: [Problem; 6] = [
    Problem::BadHost,
    Problem::MalformedRequest,
    Problem::UnsupportedApiVersion,
    Problem::HeadersTooLarge,
    Problem::Internal,
    Problem::Unavailable,
];

/// Whether a kind of failure follows from what the handler takes.
fn follows(problem: Problem, operation: &Operation) -> bool {
    match problem {
        Problem::BadRequest | Problem::RequestTimeout | Problem::PayloadTooLarge => operation.body.is_some(),
        Problem::ValidationError | Problem::UnsupportedMediaType => operation.failures.contains(&problem.status()),
        Problem::IdempotencyKeyInUse | Problem::IdempotencyKeyReused => operation.replays,
        Problem::InvalidToken => operation.access != Access::Open,
        Problem::InsufficientPermissions => operation.access == Access::Admin,
        _ => EVERYWHERE.contains(&problem),
    }
}

impl Route {
    /// The kinds of failures that this route can answer, in the order of their statuses. A status whose kinds nobody names stands
    /// for all of its kinds.
    #[must_use]
    pub fn problems(&self, operation: &Operation) -> Vec<Problem> {
        let counted = |kind| kind == Problem::TooManyRequests && self.policy != Policy::Unlimited;
        let explained = |kind| follows(kind, operation) || counted(kind) || self.kinds.contains(&kind);
        let named = |status| self.kinds.iter().any(|kind| kind.status() == status);
        let by_number = |status| {
            let told = Problem::ALL.iter().any(|kind| kind.status() == status && explained(*kind));
            (self.failures.contains(&status) && !named(status)) || (operation.failures.contains(&status) && !told)
        };
        Problem::ALL.iter().copied().filter(|kind| explained(*kind) || by_number(kind.status())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::App;
    use crate::error::Result;
    use crate::http::NoContent;
    use std::sync::Arc;

    async fn nothing(_: Arc<App>) -> Result<NoContent> {
        Ok(NoContent)
    }

    const PLAIN: Route = crate::route!(Get "/" nothing "Nothing.").policy(Policy::Unlimited);

    /// The route's kinds beside those of every route.
    fn own(route: Route, access: Access) -> Vec<Problem> {
        let operation = Operation { access, ..route.operation() };
        let problems = route.problems(&operation);
        assert!(EVERYWHERE.iter().all(|kind| problems.contains(kind)));
        problems.into_iter().filter(|kind| !EVERYWHERE.contains(kind)).collect()
    }

    #[test]
    fn kinds_follow_from_the_signature_and_from_the_rules() {
        use Problem::{
            EmailTaken, Forbidden, InsufficientPermissions, InvalidCredentials, InvalidToken, NotFound,
            RefreshTokenReused, TooManyRequests,
        };
        assert_eq!(own(PLAIN, Access::Open), []);
        assert_eq!(own(PLAIN.policy(Policy::Read), Access::Open), [TooManyRequests]);
        assert_eq!(own(PLAIN, Access::Admin), [InvalidToken, InsufficientPermissions]);
        assert_eq!(own(PLAIN.fails(&[404]), Access::User), [InvalidToken, NotFound]);
        assert_eq!(own(PLAIN.fails_with(&[EmailTaken]), Access::Open), [EmailTaken]);
        assert_eq!(own(PLAIN.fails(&[401]), Access::Open), [InvalidToken, InvalidCredentials, RefreshTokenReused]);
        assert!(own(PLAIN.fails(&[403]), Access::Admin).contains(&Forbidden));
    }
}
