//! What is not the API: stored pictures, the web app, and what Apple asks about the iOS app. None of it is counted: it is
//! files, which ask nothing of the database, and a page of a board shows fifty pictures.

mod handlers;
mod wire;

use crate::http::{Policy, Route};
use crate::route;

/// The routes of this domain.
pub const ROUTES: &[Route] = &[
    route!(Get "/" handlers::root "The web app, or the service's name.").policy(Policy::Unlimited).without_schema(),
    route!(Get "/static/{*key}" handlers::stored "A stored picture.").policy(Policy::Unlimited).without_schema(),
    route!(Get "/.well-known/apple-app-site-association" handlers::association "The iOS app that opens links to here.")
        .policy(Policy::Unlimited)
        .without_schema()
        .fails(&[404]),
    route!(Get "/apple-app-site-association" handlers::association "The same, where old versions of iOS look for it.")
        .policy(Policy::Unlimited)
        .without_schema()
        .fails(&[404]),
];

/// What is answered where no route is.
pub const WEB_APP: Route = route!(Get "/{*path}" handlers::web_app "A file or a page of the web app.")
    .policy(Policy::Unlimited)
    .without_schema();
