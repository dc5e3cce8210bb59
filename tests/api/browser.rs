//! What a real browser makes of the service: pages of other origins, the refresh cookie, the page that describes the API.

use repduel_backend::openapi;
use repduel_backend::routes::TABLE;
use serde_json::{Value, json};

use crate::support::{Browser, Lifter, PASSWORD, Site, TestApp, TestFolder};

/// A web app: what it needs to log in and to show a board.
const WEB_APP: &str = r#"<!doctype html>
<title>A web app</title>
<script>
async function logIn(api, email, password) {
  const form = new URLSearchParams({ username: email, password });
  const answer = await fetch(`${api}/users/login`, { method: "POST", credentials: "include", body: form });
  const token = (await answer.json()).access_token;
  return { status: answer.status, token, requestId: answer.headers.get("X-Request-ID"), cookie: document.cookie };
}
async function board(api, token) {
  const headers = { Authorization: `Bearer ${token}` };
  const answer = await fetch(`${api}/scores/scenario/deadlift/leaderboard`, { credentials: "include", headers });
  return await answer.json();
}
async function refresh(api) {
  const answer = await fetch(`${api}/users/refresh`, { method: "POST", credentials: "include" });
  return { status: answer.status, token: (await answer.json()).access_token };
}
async function logOut(api, token) {
  const headers = { Authorization: `Bearer ${token}` };
  return (await fetch(`${api}/users/logout`, { method: "POST", credentials: "include", headers })).status;
}
function refused(call) {
  return call.then(() => null, (error) => error.name);
}
</script>
"#;

/// Production, where every origin that may call is listed.
const PRODUCTION: [(&str, &str); 4] = [
    ("APP_ENV", "production"),
    ("JWT_SECRET_KEY", "0123456789012345678901234567890123456789"),
    ("REFRESH_JWT_SECRET_KEY", "9876543210987654321098765432109876543210"),
    ("ADMIN_API_TOKEN", "0123456789012345678901234567890123456789"),
];

/// The service as in production, with these variables, and a lifter with a deadlift.
async fn in_production(variables: &[(&str, &str)]) -> (TestApp, Lifter, String) {
    let all: Vec<_> = variables.iter().copied().chain(PRODUCTION).collect();
    let app = TestApp::with_variables(&all).await;
    let ada = app.lifter("ada").await;
    app.lift(&ada, "deadlift", 150.0).await;
    let api = format!("http://{}/api/v1", app.address);
    (app, ada, api)
}

/// The refresh cookie after a login at a page of this origin, once the page has read its board.
async fn cookie_after_login(browser: &Browser, origin: &str, api: &str) -> Value {
    browser.open(origin).await;
    let login = browser.run("return logIn(...arguments)", json!([api, "ada@example.com", PASSWORD])).await;
    assert_eq!(login["status"], 200);
    assert!(login["requestId"].is_string(), "pages may read the request's id: {login}");
    assert_eq!(login["cookie"], "", "no page sees the refresh cookie");
    let board = browser.run("return board(...arguments)", json!([api, login["token"]])).await;
    assert_eq!(board[0]["user"]["username"], "ada", "{board}");
    let cookies = browser.cookies().await;
    assert_eq!(cookies.len(), 1, "{cookies:?}");
    cookies[0].clone()
}

/// The parts of a cookie that its attributes say.
fn attributes(cookie: &Value) -> Value {
    let kept = ["name", "domain", "path", "httpOnly", "secure", "sameSite", "session"];
    kept.iter().map(|key| ((*key).to_owned(), cookie[*key].clone())).collect::<serde_json::Map<_, _>>().into()
}

#[tokio::test]
async fn a_web_app_of_another_origin_logs_in_and_reads_its_board() {
    let site = Site::start(WEB_APP).await;
    let origin = site.origin("127.0.0.1");
    let (_app, _, api) = in_production(&[("FRONTEND_ORIGINS", &origin)]).await;
    let browser = Browser::start().await;
    let cookie = cookie_after_login(&browser, &origin, &api).await;
    let expected = json!({
        "name": "refresh_token", "domain": "127.0.0.1", "path": "/api/v1/users/refresh",
        "httpOnly": true, "secure": true, "sameSite": "None", "session": false,
    });
    assert_eq!(attributes(&cookie), expected);
    assert_eq!(browser.console().await, [""; 0]);
    for (path, sent) in [("users/refresh", 1), ("users/me", 0), ("users/login", 0)] {
        let seen = browser.devtools("Network.getCookies", json!({ "urls": [format!("{api}/{path}")] })).await;
        assert_eq!(
            seen["cookies"].as_array().unwrap().len(),
            sent,
            "the cookie goes to the refresh route only: {path}"
        );
    }
}

/// How often sessions have been refreshed.
async fn refreshes(app: &TestApp) -> i64 {
    app.count("select sum(counter)::bigint from sessions").await
}

#[tokio::test]
async fn the_web_app_behind_a_deep_link_keeps_its_session_by_the_cookie() {
    let build = TestFolder::new();
    build.write("index.html", WEB_APP);
    let web = TestApp::with_variables(&[("FRONTEND_WEB_DIR", build.name())]).await;
    let origin = format!("http://{}", web.address);
    let (app, _, api) = in_production(&[("FRONTEND_ORIGINS", &origin)]).await;
    let browser = Browser::start().await;
    let before = cookie_after_login(&browser, &format!("{origin}/profile/ada?tab=ranks"), &api).await;

    let refreshed = browser.run("return refresh(...arguments)", json!([api])).await;
    assert_eq!(refreshed["status"], 200, "{refreshed}");
    let after = browser.cookies().await.remove(0);
    assert_ne!(before["value"], after["value"], "the cookie is another one");
    assert_eq!(attributes(&before), attributes(&after));
    let board = browser.run("return board(...arguments)", json!([api, refreshed["token"]])).await;
    assert_eq!(board[0]["user"]["username"], "ada");
    assert_eq!((refreshes(&app).await, browser.console().await.len()), (1, 0));

    let foreign = Site::start(WEB_APP).await;
    browser.open(&foreign.origin("127.0.0.1")).await;
    assert_eq!(browser.run("return refused(refresh(...arguments))", json!([api])).await, "TypeError");
    assert_eq!(refreshes(&app).await, 1, "a foreign page steps nothing, though the browser has the cookie");
    assert!(browser.console().await.iter().any(|line| line.contains("CORS policy")), "and is refused");

    browser.open(&format!("{origin}/settings")).await;
    assert_eq!(browser.run("return logOut(...arguments)", json!([api, refreshed["token"]])).await, 204);
    assert_eq!(browser.cookies().await, [json!(null); 0], "the cookie is taken back");
}

#[tokio::test]
async fn the_refresh_cookie_is_stored_as_it_is_configured() {
    let site = Site::start(WEB_APP).await;
    let origin = site.origin("127.0.0.1");
    let variables = [("FRONTEND_ORIGINS", origin.as_str()), ("COOKIE_SECURE", "false"), ("COOKIE_SAMESITE", "lax")];
    let (_app, _, api) = in_production(&variables).await;
    let browser = Browser::start().await;
    let cookie = cookie_after_login(&browser, &origin, &api).await;
    let expected = json!({
        "name": "refresh_token", "domain": "127.0.0.1", "path": "/api/v1/users/refresh",
        "httpOnly": true, "secure": false, "sameSite": "Lax", "session": false,
    });
    assert_eq!(attributes(&cookie), expected);
}

#[tokio::test]
async fn a_page_of_a_foreign_origin_reads_nothing() {
    let (ours, foreign) = (Site::start(WEB_APP).await, Site::start(WEB_APP).await);
    let (_app, ada, api) = in_production(&[("FRONTEND_ORIGINS", &ours.origin("localhost"))]).await;
    let browser = Browser::start().await;
    browser.open(&ours.origin("localhost")).await;
    let board = browser.run("return board(...arguments)", json!([api, ada.token])).await;
    assert_eq!(board[0]["user"]["username"], "ada", "ours may: {board}");
    browser.open(&foreign.origin("localhost")).await;
    for call in ["board(arguments[0], arguments[1])", "logIn(arguments[0], arguments[2], arguments[3])"] {
        let arguments = json!([api, ada.token, "ada@example.com", PASSWORD]);
        let refused = browser.run(&format!("return refused({call})"), arguments).await;
        assert_eq!(refused, "TypeError", "a stranger's page gets nothing of {call}");
    }
    let told = browser.console().await;
    assert!(told.iter().any(|line| line.contains("CORS policy")), "the browser says why: {told:?}");
}

/// Opens every card and answers the widths of the page and of the window.
const OPEN_ALL: &str = "for (const card of document.querySelectorAll('details')) card.open = true;
    return [document.documentElement.scrollWidth, window.innerWidth];";
/// What the card says that holds the element of this id.
const CARD: &str = "const card = document.getElementById(arguments[0])?.closest('details');
    return card && [card.querySelector('.method').textContent, card.querySelector('.path').textContent];";

#[tokio::test]
async fn the_page_about_the_api_fits_phones_and_desks_and_tells_every_route() {
    let app = TestApp::start().await;
    let browser = Browser::start().await;
    for (width, height) in [(390, 844), (1280, 800)] {
        browser.resize(width, height).await;
        browser.open(&format!("http://{}/docs?{width}#post_scores", app.address)).await;
        let opened = browser.run("return document.querySelectorAll('main details[open]').length", json!([])).await;
        assert_eq!(opened, 1, "a link to a route opens its card");
        let widths = browser.run(OPEN_ALL, json!([])).await;
        assert!(widths[0].as_u64() <= widths[1].as_u64() && widths[1] == width, "at {width}: {widths}");
        for route in TABLE.iter().flat_map(|routes| routes.iter()) {
            let card = browser.run(CARD, json!([openapi::operation_id(route)])).await;
            assert_eq!(card, json!([route.method.name(), route.path]));
        }
        assert_eq!(browser.console().await, [""; 0], "nothing is wrong at {width}");
    }
}

#[tokio::test]
async fn the_console_tells_what_a_page_must_not_do() {
    // The tests above rely on an empty console: here it must not stay empty.
    let app = TestApp::start().await;
    let browser = Browser::start().await;
    browser.open(&format!("http://{}/docs", app.address)).await;
    browser.run("document.body.setAttribute('style', 'color: red')", json!([])).await;
    let told = browser.console().await;
    assert!(told.iter().any(|line| line.contains("Content Security Policy")), "{told:?}");
}
