//! Who the client is, behind proxies of ours and of others.

use std::sync::Arc;

use repduel_backend::app::App;
use repduel_backend::error::Result;
use repduel_backend::http::route::Table;
use repduel_backend::http::{Cx, FromCx, Json, Route};
use repduel_backend::route;

use crate::support::TestApp;

/// Where a request came from.
struct From(String);

impl FromCx for From {
    async fn from_cx(cx: &mut Cx) -> Result<Self> {
        Ok(Self(cx.client_address().to_string()))
    }
}

async fn from(_: Arc<App>, From(address): From) -> Result<Json<String>> {
    Ok(Json(address))
}

static TELLING: Table = &[&[FROM]];
const FROM: Route = route!(Get "/from" from "Where the caller is.").without_schema();

/// The addresses that the service takes requests with these headers to come from.
async fn addresses<const N: usize>(proxies: &str, forwarded: [&str; N]) -> [String; N] {
    let app = TestApp::with_table_and_variables(TELLING, &[("TRUSTED_PROXIES", proxies)]).await;
    let mut seen = Vec::new();
    for lines in forwarded {
        let lines = lines.split('|').filter(|line| !line.is_empty());
        let request = lines.fold(app.request("GET", "/from"), |request, line| request.header("x-forwarded-for", line));
        seen.push(request.try_send().await.unwrap().expect(200).json().as_str().unwrap().to_owned());
    }
    seen.try_into().unwrap()
}

#[tokio::test]
async fn a_trusted_proxy_tells_who_asks() {
    let seen =
        addresses("127.0.0.1, 10.0.0.0/8", ["", "203.0.113.9", "6.6.6.6, 203.0.113.9|10.0.0.7", "[2001:db8::7]:99"]);
    assert_eq!(seen.await, ["127.0.0.1", "203.0.113.9", "203.0.113.9", "2001:db8::7"]);
}

#[tokio::test]
async fn nobody_else_does() {
    for proxies in ["none", "10.0.0.0/8"] {
        assert_eq!(addresses(proxies, ["203.0.113.9", "10.0.0.7"]).await, ["127.0.0.1", "127.0.0.1"], "{proxies}");
    }
}

#[tokio::test]
async fn who_came_by_https_is_told_to_stay_there() {
    let app = TestApp::start().await;
    let by = |scheme: &str| app.request("GET", "/health").header("x-forwarded-proto", scheme);
    let secure = by("https").send().await.expect(200);
    assert_eq!(secure.header("strict-transport-security"), Some("max-age=63072000; includeSubDomains"));
    assert_eq!(by("http").send().await.header("strict-transport-security"), None);
    let app = TestApp::with_variables(&[("TRUSTED_PROXIES", "none")]).await;
    let believed = app.request("GET", "/health").header("x-forwarded-proto", "https").send().await;
    assert_eq!(believed.header("strict-transport-security"), None);
}
