//! The refresh cookie: only the refresh route gets to see it, and only pages that may call the API get to use it.

use hyper::header::COOKIE;

use super::rules::LIFE_MAX_S;
use super::wire::no_session;
use crate::config::CookieConfig;
use crate::error::{Error, Problem, Result};
use crate::http::{Cx, FromCx, Operation, cors};

const NAME: &str = "refresh_token";
/// The one path that it is sent to.
const PATH: &str = "/api/v1/users/refresh";

/// The token of the refresh cookie, sent by no page or by one that may call the API.
pub struct RefreshCookie(pub String);

impl FromCx for RefreshCookie {
    async fn from_cx(cx: &mut Cx) -> Result<Self> {
        if !cors::is_from_allowed_page(&cx.app.config, cx.headers()) {
            return Err(Error::new(Problem::Forbidden).with_detail("This page may not call the API"));
        }
        let lines = cx.headers().get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        // Browsers send cookies of one name and path in the order in which they were set.
        let token = pairs.rfind(|(name, _)| *name == NAME).map(|(_, token)| token.trim_matches('"').to_owned());
        token.filter(|token| !token.is_empty()).map(Self).ok_or_else(no_session)
    }

    fn describe(operation: &mut Operation) {
        operation.cookie = Some(NAME);
        operation.failures.extend([Problem::InvalidToken.status(), Problem::Forbidden.status()]);
    }
}

/// The `Set-Cookie` header that hands a refresh token out.
#[must_use]
pub fn setting(token: &str, life_s: i64, config: &CookieConfig) -> String {
    let domain = config.domain.as_ref().map(|domain| format!("; Domain={domain}")).unwrap_or_default();
    let secure = if config.secure { "; Secure" } else { "" };
    let same_site = config.same_site.attribute();
    let max_age = life_s.clamp(0, LIFE_MAX_S);
    format!("{NAME}={token}; HttpOnly; Path={PATH}; Max-Age={max_age}; SameSite={same_site}{secure}{domain}")
}

/// The `Set-Cookie` header that takes it back: a browser forgets a cookie only under the attributes that it was set with.
#[must_use]
pub fn clearing(config: &CookieConfig) -> String {
    setting("", 0, config)
}
