//! Every route against everything that callers do wrong. The routes come from the table, so a new one is met here on the day
//! it is added.

use repduel_backend::http::route::Operation;
use repduel_backend::http::{Access, Method, Policy, Route};
use repduel_backend::ids::{SessionId, UserId};
use repduel_backend::routes::TABLE;
use serde_json::{Value, json};

use crate::support::app::ADMIN_TOKEN;
use crate::support::raw::exchange;
use crate::support::{Answer, Lifter, Request, TestApp};

/// A text that no answer may repeat.
const CANARY: &str = "cuckoo-egg-7391";

/// A route with what its handler's signature says and values to call it with.
struct Case {
    route: &'static Route,
    operation: Operation,
    path: String,
}

fn cases(lifter: &Lifter) -> Vec<Case> {
    let routes = TABLE.iter().flat_map(|routes| routes.iter());
    routes.map(|route| Case { route, operation: route.operation(), path: path(route, lifter, None) }).collect()
}

/// The route's path with a good value for each parameter, but for the one that is given.
fn path(route: &Route, lifter: &Lifter, spoilt: Option<(usize, &str)>) -> String {
    let mut index = 0;
    let segments = route.path.split('/').map(|segment| {
        let Some(name) = segment.strip_prefix('{').and_then(|name| name.strip_suffix('}')) else {
            return segment.to_owned();
        };
        index += 1;
        match (spoilt, name) {
            (Some((at, value)), _) if at == index - 1 => value.to_owned(),
            (_, "user_id") => lifter.id.to_string(),
            (_, "scenario_id") => "back_squat".to_owned(),
            (_, "routine_id" | "quest_id" | "session_id") => uuid::Uuid::nil().to_string(),
            (_, "name") => "new_board".to_owned(),
            (_, "code") => "ABCD2345".to_owned(),
            (_, "*key") => "avatars/none.png".to_owned(),
            (_, "username") => "ada".to_owned(),
            (_, "bodyweight" | "energy") => "90".to_owned(),
            (_, other) => panic!("{}: the matrix needs a good value for {other}", route.path),
        }
    });
    segments.collect::<Vec<_>>().join("/")
}

/// A request as the web app's comes in through the proxy.
fn by_browser(app: &TestApp, method: &str, path: &str) -> Request {
    app.request(method, path).header("origin", "https://www.repduel.com").header("x-forwarded-proto", "https")
}

impl Case {
    fn request(&self, app: &TestApp, path: &str) -> Request {
        by_browser(app, self.route.method.name(), path)
    }

    /// With the token that the route wants.
    fn authorised(&self, app: &TestApp, lifter: &Lifter, path: &str) -> Request {
        match self.operation.access {
            Access::Open => self.request(app, path),
            Access::User => self.request(app, path).bearer(&lifter.token),
            Access::Admin => self.request(app, path).bearer(ADMIN_TOKEN),
        }
    }

    /// The path with every parameter that the query must have.
    fn path_with_query(&self) -> String {
        let good = |name: &str| match name {
            "scenario_id" => "back_squat".to_owned(),
            "user_id" => uuid::Uuid::nil().to_string(),
            _ => "80".to_owned(),
        };
        let needed = self.operation.query.iter().filter(|(.., required)| *required);
        let pairs: Vec<String> = needed.map(|(name, ..)| format!("{name}={}", good(name))).collect();
        format!("{}?{}", self.path, pairs.join("&"))
    }

    fn name(&self) -> String {
        format!("{} {}", self.route.method, self.route.path)
    }

    /// Whether it has a body that is read before anything else; what is signed is looked at in `payments`.
    fn has_body(&self) -> bool {
        self.operation.body.is_some() && self.operation.signed_by.is_none()
    }

    fn needs_body(&self) -> bool {
        self.has_body() && self.operation.body.as_ref().is_some_and(|body| body.required)
    }

    /// The `Content-Type` of a body that the route takes.
    fn content_type(&self) -> &'static str {
        match self.operation.body.as_ref().unwrap().media_type {
            "multipart/form-data" => "multipart/form-data; boundary=x",
            media_type => media_type,
        }
    }
}

#[track_caller]
fn carries_everything(name: &str, answer: &Answer) {
    for header in [
        "x-request-id",
        "x-api-version",
        "x-content-type-options",
        "x-frame-options",
        "referrer-policy",
        "permissions-policy",
        "cross-origin-opener-policy",
        "cross-origin-resource-policy",
        "content-security-policy",
        "strict-transport-security",
        "cache-control",
    ] {
        assert!(answer.headers.contains_key(header), "{name}: {} lacks {header}", answer.status);
    }
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://www.repduel.com"), "{name}");
    let varies = answer.header("vary").is_some_and(|vary| vary.split(", ").any(|header| header == "Origin"));
    assert!(varies, "{name}: {answer:?}");
    if answer.status >= 400 && answer.status != 503 {
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{name}");
    }
    assert!(!String::from_utf8_lossy(&answer.body).contains(CANARY), "{name} repeats what it was sent");
}

#[tokio::test]
async fn anonymous_and_strange_tokens_are_turned_away_before_the_body_is_read() {
    let app = TestApp::start().await;
    let lifter = app.lifter("ada").await;
    for case in cases(&lifter).iter().filter(|case| case.operation.access != Access::Open) {
        let plain = case.request(&app, &case.path);
        let now = app.app.clock.now().unix_s();
        let (user, session) = (UserId(lifter.id), SessionId(uuid::Uuid::nil()));
        let refresh = app.app.tokens.refresh(user, session, 0, now, now + 60).unwrap();
        for request in [
            plain.clone(),
            plain.clone().body("application/json", "{broken"),
            plain.clone().header("authorization", &lifter.token),
            plain.clone().header("authorization", "Basic YTpi"),
            plain.clone().bearer(CANARY),
            plain.clone().bearer(&refresh),
            plain.clone().bearer(&lifter.token).bearer(&lifter.token),
        ] {
            let answer = request.send().await;
            assert_eq!((answer.status, answer.error_code().as_str()), (401, "invalid_token"), "{}", case.name());
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{}", case.name());
            carries_everything(&case.name(), &answer);
        }
    }
    for case in cases(&lifter).iter().filter(|case| case.operation.access == Access::Admin) {
        let answer = case.request(&app, &case.path).bearer(&lifter.token).send().await;
        assert_eq!((answer.status, answer.error_code().as_str()), (403, "insufficient_permissions"), "{}", case.name());
    }
}

#[tokio::test]
async fn every_answer_of_a_limited_route_tells_how_its_budget_stands() {
    let app = TestApp::start().await;
    let lifter = app.lifter("ada").await;
    for case in cases(&lifter) {
        let (anonymous, authorised) = (case.request(&app, &case.path), case.authorised(&app, &lifter, &case.path));
        let own = match case.route.policy {
            Policy::Unlimited => None,
            Policy::Read => Some("read"),
            Policy::Write | Policy::Follow => Some("write"),
            // Counted when they are known to be well-formed: see limits.rs.
            Policy::Login | Policy::Register | Policy::Refresh => continue,
        };
        let of_lifter = case.operation.access == Access::User;
        let of_anybody = own.map(|_| "read");
        for (request, budget) in [
            (&anonymous, of_anybody),
            (&anonymous.clone().bearer("strange"), of_anybody),
            (&authorised, if of_lifter { own } else { of_anybody }),
            (&authorised.clone().body("text/plain", "{"), if of_lifter { own } else { of_anybody }),
        ] {
            let answer = request.send().await;
            carries_everything(&case.name(), &answer);
            let policy = answer.header("ratelimit-policy");
            let told = policy.map(|policy| policy.split('"').nth(1).unwrap());
            let follows = case.route.policy == Policy::Follow && answer.status == 404;
            assert_eq!(told, if follows { Some("follow") } else { budget }, "{} {}", case.name(), answer.status);
            for name in ["ratelimit", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"] {
                assert_eq!(answer.headers.contains_key(name), budget.is_some(), "{} {name}", case.name());
            }
        }
    }
}

#[tokio::test]
async fn every_kind_of_failure_carries_everything() {
    let variables = [("TRUSTED_HOSTS", "127.0.0.1"), ("RATE_LIMIT_LOGIN_LIMIT", "1")];
    let app = TestApp::with_variables(&variables).await;
    let ada = app.lifter("ada").await;
    let fail = "create function fail() returns trigger language plpgsql as $$ begin
            raise 'no' using errcode = case new.weight_lifted when 1 then 'lock_not_available' else 'raise_exception' end;
        end $$;
        create trigger fail before insert on scores for each row execute function fail()";
    app.pg.batch_execute(fail).await.unwrap();
    let get = |path| by_browser(&app, "GET", path);
    let squat = || by_browser(&app, "POST", "/api/v1/scores/scenario/back_squat").bearer(&ada.token);
    let lift = |kg: f64| squat().json(&json!({ "weight_lifted": kg }));
    let login = || {
        let login = by_browser(&app, "POST", "/api/v1/users/login");
        login.body("application/x-www-form-urlencoded", "username=nobody%40example.com&password=wrong")
    };
    let many = (0..101).fold(get("/health"), |request, n| request.header(&format!("x-{n}"), "1"));
    let cases = [
        (400, get("/api/v1/scenarios").header("host", "evil.example")),
        (400, get("/api/v1/scenarios").header("x-api-version", "v9")),
        (401, get("/api/v1/users/me")),
        (401, login()),
        (403, by_browser(&app, "POST", "/api/v1/scenarios").bearer(&ada.token)),
        (404, get("/api/v1/nothing")),
        (405, by_browser(&app, "DELETE", "/api/v1/scenarios")),
        (409, by_browser(&app, "POST", &format!("/api/v1/users/{}/follow", ada.id)).bearer(&ada.token)),
        (413, squat().body("application/json", vec![b' '; 65 * 1024])),
        (415, squat().body("text/plain", "{}")),
        (422, lift(-1.0)),
        (429, login()),
        (431, many),
        (500, lift(2.0)),
        (503, lift(1.0)),
    ];
    for (status, request) in cases {
        let answer = request.send().await.expect(status);
        carries_everything(&status.to_string(), &answer);
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{status}");
        assert_eq!(answer.json()["request_id"].as_str(), answer.header("x-request-id"), "{status}");
        let comes_back = matches!(status, 429 | 503);
        assert_eq!(answer.headers.contains_key("retry-after"), comes_back, "{status}");
    }
    let stalled = format!(
        "POST /api/v1/users HTTP/1.1\r\nhost: 127.0.0.1\r\norigin: https://www.repduel.com\r\nx-forwarded-proto: https\r\n{}",
        "content-type: application/json\r\ncontent-length: 9\r\n\r\n{"
    );
    carries_everything("408", &exchange(app.address, stalled.as_bytes()).await.problem(408, "request_timeout"));
}

#[tokio::test]
async fn both_slash_forms_and_head_answer_as_the_plain_one() {
    let app = TestApp::start().await;
    let lifter = app.lifter("ada").await;
    for case in cases(&lifter).iter().filter(|case| case.route.method == Method::Get) {
        let plain = case.path_with_query();
        let slashed = plain.replacen('?', "/?", 1);
        let answer = case.authorised(&app, &lifter, &plain).send().await;
        assert!(answer.status == 200 || answer.status == 404, "{} answers {}", case.name(), answer.status);
        carries_everything(&case.name(), &answer);
        if case.path != "/" {
            let other = case.authorised(&app, &lifter, &slashed).send().await;
            assert_eq!((other.status, other.header("location")), (answer.status, None), "{} with a slash", case.name());
        }
        let head = by_browser(&app, "HEAD", &plain);
        let head = match case.operation.access {
            Access::User => head.bearer(&lifter.token),
            _ => head,
        };
        let head = head.send().await;
        assert_eq!((head.status, head.body.len()), (answer.status, 0), "HEAD {}", case.route.path);
        assert!(head.headers.contains_key("content-length"), "HEAD {}", case.route.path);
    }
}

#[tokio::test]
async fn writes_answer_with_a_slash_at_the_end_too() {
    let app = TestApp::start().await;
    let lifter = app.lifter("ada").await;
    for case in cases(&lifter).iter().filter(|case| case.needs_body()) {
        let answer = case.authorised(&app, &lifter, &format!("{}/", case.path)).send().await;
        assert_eq!(answer.status, 422, "{} with a slash and without a body", case.name());
    }
}

#[tokio::test]
async fn other_methods_are_named_in_allow() {
    let app = TestApp::start().await;
    let lifter = app.lifter("ada").await;
    for case in cases(&lifter) {
        let options = app.request("OPTIONS", &case.path).send().await.expect(204);
        let allow = options.header("allow").expect("OPTIONS names the methods").to_owned();
        assert!(allow.split(", ").any(|method| method == case.route.method.name()), "{}: {allow}", case.name());
        assert!(options.body.is_empty());
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"] {
            if allow.split(", ").any(|allowed| allowed == method) {
                continue;
            }
            let request = by_browser(&app, method, &case.path);
            let answer = request.try_send().await.unwrap();
            assert_eq!(
                (answer.status, answer.error_code().as_str()),
                (405, "method_not_allowed"),
                "{method} {}",
                case.path
            );
            assert_eq!(answer.header("allow"), Some(allow.as_str()), "{method} {}", case.path);
            carries_everything(&case.name(), &answer);
        }
    }
}

#[tokio::test]
async fn malformed_parameters_of_paths_are_unusable_values() {
    let app = TestApp::start().await;
    let lifter = app.lifter("ada").await;
    for case in cases(&lifter).iter().filter(|case| !case.operation.replies_file) {
        for index in 0..case.operation.path.len() {
            for value in ["%00", "%ff", &"x".repeat(300)] {
                let path = path(case.route, &lifter, Some((index, value)));
                let answer = case.authorised(&app, &lifter, &path).send().await;
                assert_eq!(
                    (answer.status, answer.error_code().as_str()),
                    (422, "validation_error"),
                    "{} {path}",
                    case.name()
                );
                carries_everything(&case.name(), &answer);
            }
        }
        for (name, _, schema, _) in &case.operation.query {
            if schema["type"] == "string" || schema["type"] == json!(["string", "null"]) {
                continue; // any text is good
            }
            let path = format!("{}&{name}={CANARY}", case.path_with_query());
            let answer = case.authorised(&app, &lifter, &path).json(&json!({})).send().await;
            assert_eq!(answer.status, 422, "{} {name}", case.name());
            carries_everything(&case.name(), &answer);
        }
    }
}

#[tokio::test]
async fn broken_bodies_are_unusable_values() {
    let app = TestApp::start().await;
    let lifter = app.lifter("ada").await;
    let deep = "[".repeat(10_000);
    for case in cases(&lifter).iter().filter(|case| case.has_body()) {
        let media_type = case.content_type();
        let path = case.path_with_query();
        let request = case.authorised(&app, &lifter, &path);
        let mut bodies = if case.needs_body() { vec![String::new()] } else { Vec::new() };
        if media_type == "application/json" {
            let broken =
                ["{", "[]", "null", "\"text\"", "{\"a\":\"\\ud800\"}", "{\"a\":1e999}", "{'a':1}", "\u{feff}{}", &deep];
            bodies.extend(broken.map(str::to_owned));
        }
        for body in bodies {
            let answer = request.clone().body(media_type, body.clone()).send().await;
            let shown = &body[..body.len().min(20)];
            assert_eq!(
                (answer.status, answer.error_code().as_str()),
                (422, "validation_error"),
                "{} {shown}",
                case.name()
            );
            assert!(!answer.json()["errors"].as_array().unwrap().is_empty(), "{} {shown}", case.name());
            carries_everything(&case.name(), &answer);
        }
        let answer = request.clone().body(media_type, vec![b'{', 0xff, b'}']).send().await;
        assert_eq!(answer.status, 422, "{} with bytes that are no text", case.name());
        let others = ["text/plain", "application/xml", "multipart/form-data; boundary=x", "application/jsonp"];
        for other in others.into_iter().filter(|other| *other != media_type) {
            let answer = request.clone().body(other, format!("{{\"a\":\"{CANARY}\"}}")).send().await;
            assert_eq!(
                (answer.status, answer.error_code().as_str()),
                (415, "unsupported_media_type"),
                "{}",
                case.name()
            );
            carries_everything(&case.name(), &answer);
        }
    }
}

#[tokio::test]
async fn bodies_over_the_bound_are_refused_and_those_at_it_read() {
    let app = TestApp::start().await;
    let lifter = app.lifter("ada").await;
    for case in cases(&lifter).iter().filter(|case| case.has_body()) {
        let media_type = case.content_type();
        let request = case.authorised(&app, &lifter, &case.path_with_query());
        for (extra, status) in [(0, 422), (1, 413), (100_000, 413)] {
            let body = vec![b' '; case.route.body_max_bytes + extra];
            let answer = request.clone().body(media_type, body).send().await;
            assert_eq!(answer.status, status, "{} with {extra} bytes more than allowed", case.name());
            carries_everything(&case.name(), &answer);
        }
    }
}

/// Values that fit no field of a request, with what is wrong about them for every type.
fn misfits() -> [Value; 4] {
    [
        json!([CANARY]),
        json!({ "x": CANARY }),
        json!(format!("\0{CANARY}")),
        json!(format!("{CANARY}{}", "x".repeat(5000))),
    ]
}

#[tokio::test]
async fn every_field_is_checked_and_nothing_is_repeated() {
    let app = TestApp::start().await;
    let lifter = app.lifter("ada").await;
    for case in cases(&lifter) {
        let Some(body) = case.operation.body.as_ref().filter(|_| case.has_body()) else { continue };
        if body.media_type != "application/json" {
            continue;
        }
        let name = body.schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()).unwrap();
        let schema = &case.operation.components.0[name];
        let request = case.authorised(&app, &lifter, &case.path_with_query());
        for field in schema["properties"].as_object().unwrap().keys() {
            for value in misfits() {
                let answer = request.clone().json(&json!({ field: value })).send().await.expect(422);
                let document = answer.json();
                let pointers: Vec<&Value> =
                    document["errors"].as_array().unwrap().iter().map(|error| &error["pointer"]).collect();
                let inside = format!("/{field}/"); // an element of a list
                let found = pointers.iter().filter_map(|pointer| pointer.as_str());
                let told = found.into_iter().any(|at| at == format!("/{field}") || at.starts_with(&inside));
                assert!(told, "{} {field}: {document}", case.name());
                carries_everything(&case.name(), &answer);
            }
        }
        for field in schema["required"].as_array().into_iter().flatten() {
            let answer = request.clone().json(&json!({ CANARY: 1 })).send().await.expect(422);
            assert!(answer.detail().contains(field.as_str().unwrap()), "{} {field}", case.name());
        }
    }
}

#[tokio::test]
async fn unknown_paths_are_not_found() {
    let app = TestApp::start().await;
    for path in [
        "/nothing",
        "/api/v1",
        "/api/v1/",
        "/api/v1/users/",
        "/api/v1//scenarios",
        "/api/v1/scenarios/a/b/c",
        "/%2e%2e/etc",
    ] {
        let method = if path == "/api/v1/users/" { "DELETE" } else { "GET" };
        let request = by_browser(&app, method, path);
        let answer = request.try_send().await.unwrap();
        let expected = if method == "DELETE" { 405 } else { 404 };
        assert_eq!(answer.status, expected, "{path}");
        carries_everything(path, &answer);
    }
}
