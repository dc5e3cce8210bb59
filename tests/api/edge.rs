//! The edge: what every answer carries, and what is answered to those who do not speak proper HTTP.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::TestApp;
use crate::support::raw::{exchange, parse};

/// Sends these bytes on a connection of their own and answers everything that comes back until the other end closes.
async fn raw(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

/// The problem document and the head of the one answer in this text.
fn problem(answer: &str) -> (String, Value) {
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "one answer only: {answer}");
    (head.to_ascii_lowercase(), serde_json::from_str(body).unwrap_or_else(|_| panic!("no problem document: {answer}")))
}

#[track_caller]
pub fn is_dressed(head: &str) {
    for name in [
        "x-request-id: ",
        "x-api-version: v1",
        "x-content-type-options: nosniff",
        "x-frame-options: deny",
        "referrer-policy: no-referrer",
        "permissions-policy: ",
        "cross-origin-opener-policy: same-origin",
        "cross-origin-resource-policy: same-site",
        "content-security-policy: ",
        "cache-control: no-store",
        "vary: origin",
    ] {
        assert!(head.contains(name), "{name} is missing in {head}");
    }
    assert!(head.contains("content-type: application/problem+json"), "{head}");
}

#[tokio::test]
async fn malformed_heads_get_problem_documents() {
    let app = TestApp::start().await;
    let many: String = (0..101).map(|i| format!("x-{i}: 1\r\n")).collect();
    let large = "a".repeat(70_000);
    let cases = [
        ("garbage\r\n\r\n".to_owned(), 400, "malformed_request"),
        ("GET / HTTP/1.1\r\nhost: a\r\nbad header\r\n\r\n".to_owned(), 400, "malformed_request"),
        (format!("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{many}\r\n"), 431, "headers_too_large"),
        (format!("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx: {large}\r\n\r\n"), 431, "headers_too_large"),
        (
            "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n".to_owned(),
            400,
            "malformed_request",
        ),
        ("GET / HTTP/1.1\r\nconnection: close\r\n\r\n".to_owned(), 400, "bad_host"),
        ("GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\nconnection: close\r\n\r\n".to_owned(), 400, "bad_host"),
    ];
    for (bytes, status, code) in cases {
        let (head, document) = problem(&raw(app.address, bytes.as_bytes()).await);
        assert!(head.starts_with(&format!("http/1.1 {status} ")), "{head}");
        assert_eq!((&document["status"], &document["error_code"]), (&status.into(), &code.into()));
        is_dressed(&head);
    }
    app.get("/health").await.expect(200);
}

#[tokio::test]
async fn pages_may_do_nothing_with_a_device() {
    let app = TestApp::start().await;
    let answer = app.get("/health").await.expect(200);
    let policy = answer.header("permissions-policy").unwrap();
    let off: Vec<&str> = policy.split(", ").map(|one| one.strip_suffix("=()").expect("all are off")).collect();
    // Whatever asks for its owner's consent, or tells of their device or what is around it.
    for feature in [
        "accelerometer",
        "camera",
        "display-capture",
        "geolocation",
        "gyroscope",
        "hid",
        "idle-detection",
        "local-fonts",
        "magnetometer",
        "microphone",
        "midi",
        "payment",
        "serial",
        "usb",
        "window-management",
    ] {
        assert!(off.contains(&feature), "{feature} in {policy}");
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_changes_nothing_and_is_a_problem() {
    let app = TestApp::start().await;
    let mut stream = TcpStream::connect(app.address).await.unwrap();
    let head = "POST /api/v1/users HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{\"user";
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer).await;
    // Half-closed is gone for a server that would have to go on reading: an answer is not promised, a row must not appear.
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert_eq!(app.count("select count(*) from users").await, 0);
}

#[tokio::test]
async fn a_chunked_body_that_grows_too_large_is_refused() {
    let app = TestApp::start().await;
    let lifter = app.lifter("ada").await;
    let mut bytes = format!(
        "POST /api/v1/scores HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n",
        lifter.token
    )
    .into_bytes();
    for _ in 0..9 {
        bytes.extend_from_slice(b"2000\r\n");
        bytes.extend_from_slice(&[b' '; 0x2000]);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    let (head, document) = problem(&raw(app.address, &bytes).await);
    assert!(head.starts_with("http/1.1 413 "), "{head}");
    assert_eq!(document["error_code"], "payload_too_large");
    is_dressed(&head);
}

#[tokio::test]
async fn whoever_sends_far_too_much_can_read_why_it_is_refused() {
    let app = TestApp::start().await;
    for framing in ["content-length: 12582912", "transfer-encoding: chunked"] {
        let head =
            format!("POST /api/v1/users HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n{framing}\r\n\r\n");
        let mut bytes = head.into_bytes();
        for _ in 0..12 {
            if framing.contains("chunked") {
                bytes.extend_from_slice(b"100000\r\n");
            }
            bytes.extend_from_slice(&[b' '; 1 << 20]);
            if framing.contains("chunked") {
                bytes.extend_from_slice(b"\r\n");
            }
        }
        // As clients do that look for an answer only when they have sent everything.
        let (mut stream, mut answer) = (TcpStream::connect(app.address).await.unwrap(), Vec::new());
        stream.write_all(&bytes).await.unwrap();
        stream.read_to_end(&mut answer).await.unwrap();
        parse(&answer).0.problem(413, "payload_too_large");
    }
}

#[tokio::test]
async fn who_asks_before_sending_too_much_is_told_without_sending_it() {
    let app = TestApp::start().await;
    let head = "POST /api/v1/users HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 99999999\r\nexpect: 100-continue\r\n\r\n";
    exchange(app.address, head.as_bytes()).await.problem(413, "payload_too_large");
}

#[tokio::test]
async fn a_smuggled_request_is_not_answered() {
    let app = TestApp::start().await;
    let bytes = b"POST /api/v1/users HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 50\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /health HTTP/1.1\r\nhost: a\r\n\r\n";
    let answer = raw(app.address, bytes).await;
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    assert!(!answer.contains("200 OK"), "{answer}");
}

#[tokio::test]
async fn request_ids_are_kept_if_they_are_sound() {
    let app = TestApp::start().await;
    let with = |id: &str| app.request("GET", "/health").header("x-request-id", id);
    let longest = "x".repeat(128);
    for id in ["a", "trace-7/ü".trim_end_matches('ü'), &longest] {
        assert_eq!(with(id).send().await.header("x-request-id"), Some(id));
    }
    for id in ["two words", &"x".repeat(129), "tab\there"] {
        let made = with(id).send().await.header("x-request-id").unwrap().to_owned();
        assert!(made != id && made.len() == 32, "{made}");
    }
    let problem = app.request("GET", "/nothing").header("x-request-id", "seen-by-both").send().await.expect(404);
    assert_eq!(problem.json()["request_id"], "seen-by-both");
}

#[tokio::test]
async fn versions_are_named_by_path_or_header() {
    let app = TestApp::start().await;
    let defaulted = |answer: &crate::support::Answer| answer.header("x-api-version-defaulted").map(str::to_owned);
    let cases = [("/health", None, Some("true")), ("/health", Some("v1"), None), ("/api/v1/scenarios", None, None)];
    for (path, version, expected) in cases {
        let mut request = app.request("GET", path);
        if let Some(version) = version {
            request = request.header("x-api-version", version);
        }
        let answer = request.send().await.expect(200);
        assert_eq!(defaulted(&answer).as_deref(), expected, "{path} {version:?}");
        assert_eq!(answer.header("x-api-version"), Some("v1"));
    }
    for path in ["/health", "/api/v1/scenarios", "/nothing"] {
        let answer = app.request("GET", path).header("x-api-version", "v2").send().await.expect(400);
        assert_eq!(answer.error_code(), "unsupported_api_version");
    }
    app.get("/api/scenarios").await.expect(404);
    app.get("/api/v2/scenarios").await.expect(404);
}

#[tokio::test]
async fn browsers_of_allowed_origins_may_call() {
    let app = TestApp::with_variables(&[("FRONTEND_ORIGINS", "https://app.example")]).await;
    let from = |origin: &str, path: &str| app.request("GET", path).header("origin", origin);
    for origin in ["https://app.example", "https://www.repduel.com", "http://localhost:5173", "https://127.0.0.1"] {
        for path in ["/health", "/nothing", "/api/v1/users/me"] {
            let answer = from(origin, path).send().await;
            assert_eq!(answer.header("access-control-allow-origin"), Some(origin));
            assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
            assert!(answer.header("access-control-expose-headers").unwrap().contains("X-Request-ID"));
            assert_eq!(answer.header("vary"), Some("Origin"));
        }
    }
    for origin in ["https://www.repduel.com.evil.example", "https://app.example:8443", "http://app.example", "null"] {
        let answer = from(origin, "/health").send().await.expect(200);
        assert_eq!(answer.header("access-control-allow-origin"), None, "{origin}");
        assert_eq!(answer.header("vary"), Some("Origin"));
    }
}

#[tokio::test]
async fn localhost_is_a_stranger_in_production() {
    let secret = "0123456789012345678901234567890123456789";
    let variables = [
        ("APP_ENV", "production"),
        ("JWT_SECRET_KEY", secret),
        ("ADMIN_API_TOKEN", secret),
        ("REFRESH_JWT_SECRET_KEY", secret),
    ];
    let app = TestApp::with_variables(&variables).await;
    let answer = app.request("GET", "/health").header("origin", "http://localhost:3001").send().await;
    assert_eq!(answer.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn preflights_are_answered() {
    let app = TestApp::start().await;
    let answer = app
        .request("OPTIONS", "/api/v1/scores/scenario/back_squat")
        .header("origin", "https://www.repduel.com")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization, content-type")
        .send()
        .await
        .expect(200);
    assert!(answer.body.is_empty());
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://www.repduel.com"));
    assert_eq!(answer.header("access-control-allow-methods"), Some("GET, POST, PUT, PATCH, DELETE, OPTIONS"));
    assert_eq!(answer.header("access-control-allow-headers"), Some("authorization, content-type"));
    assert_eq!(answer.header("access-control-max-age"), Some("600"));
}

#[tokio::test]
async fn only_trusted_hosts_are_served_when_they_are_listed() {
    let app = TestApp::with_variables(&[("TRUSTED_HOSTS", "api.repduel.com, 127.0.0.1")]).await;
    let to = |host: &str, path: &str| app.request("GET", path).header("host", host);
    for host in ["api.repduel.com", "API.repduel.com:443", "127.0.0.1:9999"] {
        to(host, "/api/v1/scenarios").send().await.expect(200);
    }
    for host in ["evil.example", "api.repduel.com.evil.example", "", "[::1]:9999"] {
        let answer = to(host, "/api/v1/scenarios").send().await.expect(400);
        assert_eq!(answer.error_code(), "bad_host");
    }
    for path in ["/health", "/health/", "/health/db", "/health/queue", "/ready", "/metrics"] {
        to("10.0.0.7", path).send().await.expect(200);
    }
}

#[tokio::test]
async fn connections_are_kept_and_pipelined_requests_answered_in_order() {
    let app = TestApp::start().await;
    let one = "GET /health HTTP/1.1\r\nhost: a\r\nx-request-id: 1\r\n\r\n";
    let two = "GET /nothing HTTP/1.1\r\nhost: a\r\nx-request-id: 2\r\nconnection: close\r\n\r\n";
    let answer = raw(app.address, format!("{one}{two}").as_bytes()).await;
    let first = answer.find("x-request-id: 1").expect("the first is answered");
    let second = answer.find("x-request-id: 2").expect("the second is answered");
    assert!(first < second && answer.contains("200 OK") && answer.contains("404 Not Found"), "{answer}");
}

#[tokio::test]
async fn expectations_are_met_before_the_body_is_sent() {
    let app = TestApp::start().await;
    let mut stream = TcpStream::connect(app.address).await.unwrap();
    let head = "POST /api/v1/users HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 2\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut interim = [0; 25];
    stream.read_exact(&mut interim).await.unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"{}").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 422 "), "{answer}");
}

#[tokio::test]
async fn one_header_too_many_is_told_like_every_other_failure() {
    let app = TestApp::start().await;
    let mut request = app
        .request("GET", "/api/v1/scenarios")
        .header("origin", "https://www.repduel.com")
        .header("x-request-id", "mine");
    for index in 0..100 {
        request = request.header(&format!("x-{index}"), "1");
    }
    let answer = request.send().await.expect(431);
    assert_eq!(answer.error_code(), "headers_too_large");
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://www.repduel.com"));
    assert_eq!(
        (answer.header("x-request-id"), answer.json()["instance"].as_str()),
        (Some("mine"), Some("/api/v1/scenarios"))
    );
}

#[tokio::test]
async fn a_body_that_stalls_is_timed_out_and_changes_nothing() {
    let app = TestApp::start().await;
    let lifter = app.lifter("ada").await;
    let head = format!(
        "POST /api/v1/scores/scenario/back_squat HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: 22\r\n\r\n{{\"wei",
        lifter.token
    );
    // Longer than a handler has, because the body's clock is another one; the server closes, which ends the reading.
    let (head, document) = problem(&raw(app.address, head.as_bytes()).await);
    assert!(head.starts_with("http/1.1 408 ") && head.contains("connection: close"), "{head}");
    assert_eq!(document["error_code"], "request_timeout");
    is_dressed(&head);
    assert_eq!(app.count("select count(*) from scores").await, 0);
}
