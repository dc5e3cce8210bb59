//! The answers that are not files.

use crate::error::Result;
use crate::http::files::FileReply;
use crate::http::reply::Response;
use crate::http::{Json, Operation, Reply};
use crate::output;

output! { /// The service's name.
pub struct Root {
    /// Always `ok`.
    status: &'static str,
    /// Always `repduel-backend`.
    service: &'static str,
} }

/// What the root answers.
pub enum Home {
    /// The web app.
    Page(FileReply),
    /// The service's name.
    Name(Root),
}

impl Reply for Home {
    fn reply(self) -> Result<Response> {
        match self {
            Self::Page(page) => page.reply(),
            Self::Name(name) => Json(name).reply(),
        }
    }

    fn describe(operation: &mut Operation) {
        FileReply::describe(operation);
        <Json<Root> as Reply>::describe(operation);
    }
}

output! { /// Which app opens links to here (Apple's format).
pub struct Association {
    /// Links that apps open.
    applinks: AppLinks,
} }

output! { /// Links that apps open.
pub struct AppLinks {
    /// Always empty.
    apps: Vec<String>,
    /// The apps.
    details: Vec<AppDetails>,
} }

#[expect(non_snake_case, reason = "Apple's name")]
mod details {
    use crate::output;

    output! { /// An app and its links.
    pub struct AppDetails {
        /// Team and bundle.
        appID: String,
        /// Which paths: all.
        paths: Vec<&'static str>,
    } }
}
pub use details::AppDetails;
