//! Sessions: logging in, refreshing, ending; what tokens are worth on the way.

mod cookie;
mod ending;
mod every_route;
pub mod legacy;
mod opening;
mod refreshing;
mod strange_tokens;

use std::net::SocketAddr;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Answer, PASSWORD, Request, TestApp};

const ME: &str = "/api/v1/users/me";
const BY_COOKIE: &str = "/api/v1/users/refresh";
const BY_BODY: &str = "/api/v1/auth/refresh";
const SESSIONS: &str = "/api/v1/auth/sessions";
/// 2027-01-15, where clocks of these tests begin.
const NOW: i64 = 1_800_000_000;
const DAY_S: i64 = 86_400;

/// What a client keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Tokens {
    access: String,
    refresh: String,
    session: Uuid,
}

impl Tokens {
    /// The tokens of a login or a refresh whose answer has both.
    #[track_caller]
    fn of(answer: &Answer) -> Self {
        let body = answer.json();
        let text = |key: &str| body[key].as_str().unwrap_or_else(|| panic!("no {key} in {body}")).to_owned();
        let session = Uuid::parse_str(&text("session_id")).unwrap();
        Self { access: text("access_token"), refresh: text("refresh_token"), session }
    }
}

/// A lifter whose password takes no time to check: what it costs is not what is tested.
async fn lifter(app: &TestApp, name: &str) -> Uuid {
    let id = app.lifter(name).await.id;
    app.pg.execute("delete from sessions where user_id = $1", &[&id]).await.unwrap();
    set_password(app, id, PASSWORD).await;
    id
}

async fn set_password(app: &TestApp, id: Uuid, password: &str) {
    let hash = bcrypt::hash(password, 4).unwrap();
    app.pg.execute("update users set hashed_password = $2 where id = $1", &[&id, &hash]).await.unwrap();
}

/// A request to log this lifter in at this path.
fn login_request(address: SocketAddr, path: &str, name: &str, password: &str) -> Request {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("username", &format!("{name}@example.com")).append_pair("password", password);
    Request::new(address, "POST", path).body("application/x-www-form-urlencoded", form.finish())
}

async fn log_in(app: &TestApp, name: &str) -> Tokens {
    Tokens::of(&login_request(app.address, "/api/v1/login", name, PASSWORD).send().await.expect(200))
}

/// A lifter and their first session.
async fn logged_in(app: &TestApp, name: &str) -> (Uuid, Tokens) {
    let id = lifter(app, name).await;
    (id, log_in(app, name).await)
}

fn by_body(address: SocketAddr, token: &str) -> Request {
    Request::new(address, "POST", BY_BODY).json(&json!({ "refresh_token": token }))
}

fn by_cookie(address: SocketAddr, token: &str) -> Request {
    Request::new(address, "POST", BY_COOKIE).header("cookie", &format!("refresh_token={token}"))
}

async fn refresh(app: &TestApp, token: &str) -> Answer {
    by_body(app.address, token).send().await
}

/// The next pair.
async fn refreshed(app: &TestApp, token: &str) -> Tokens {
    Tokens::of(&refresh(app, token).await.expect(200))
}

async fn me(address: SocketAddr, access: &str) -> Answer {
    Request::new(address, "GET", ME).bearer(access).send().await
}

/// The claims of a token, unverified.
fn claims(token: &str) -> Value {
    jsonwebtoken::dangerous::insecure_decode_claims(token).unwrap()
}

/// The token of a `Set-Cookie` header.
#[track_caller]
fn cookie_token(answer: &Answer) -> String {
    let cookie = answer.header("set-cookie").expect("a cookie is set").split(';').next().unwrap();
    cookie.strip_prefix("refresh_token=").expect("it is the refresh cookie").to_owned()
}

/// Why a session ended; `None` while it lives.
async fn end_reason(app: &TestApp, session: Uuid) -> Option<String> {
    app.pg.query_one("select end_reason from sessions where id = $1", &[&session]).await.unwrap().get(0)
}

async fn counter(app: &TestApp, session: Uuid) -> i32 {
    app.pg.query_one("select counter from sessions where id = $1", &[&session]).await.unwrap().get(0)
}
