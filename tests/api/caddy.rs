//! The real Caddyfile, run by Caddy, in front of the server.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::caddy::{CADDYFILE, Caddy, SITE, program};
use crate::support::{Request, TestApp};

#[test]
fn caddy_has_nothing_to_say_about_the_caddyfile() {
    let valid = program().args(["validate", "--config", CADDYFILE, "--adapter", "caddyfile"]).output();
    let valid = valid.expect("Caddy is there: `make test` installs it");
    let said = String::from_utf8(valid.stderr).unwrap();
    assert!(valid.status.success(), "{said}");
    let complaints: Vec<&str> = said
        .lines()
        .filter(|line| ["warn", "error"].iter().any(|word| line.contains(&format!(r#""level":"{word}""#))))
        .collect();
    assert!(complaints.is_empty(), "{complaints:?}");
    let formatted = program().args(["fmt", CADDYFILE]).output().unwrap();
    assert!(formatted.stdout == std::fs::read(CADDYFILE).unwrap(), "run `make fmt`");
}

#[tokio::test]
async fn what_is_not_encrypted_is_sent_to_where_it_is() {
    let app = TestApp::start().await;
    let caddy = Caddy::start(&app.address.to_string()).await;
    let answer = Request::new(caddy.http, "GET", "/health").header("host", SITE).try_send().await.unwrap();
    assert_eq!(answer.status, 308);
    assert!(answer.header("location").unwrap().starts_with(&format!("https://{SITE}")));
    let answer = caddy.send("GET", "/health", &[], "").await.expect(200);
    assert_eq!(answer.header("strict-transport-security"), Some("max-age=63072000; includeSubDomains"));
    assert_eq!(answer.header("server"), None);
    // Nobody else's name leads to the server.
    let mut kept = caddy.connect().await.unwrap();
    let other = kept.send("GET", "/health", &[("host", "elsewhere.example")], "").await.unwrap();
    assert_ne!(other.body, answer.body, "{other:?}");
}

#[tokio::test]
async fn large_answers_are_compressed_for_those_who_say_so() {
    let app = TestApp::start().await;
    let caddy = Caddy::start(&app.address.to_string()).await;
    let plain = caddy.send("GET", "/api/v1/scenarios", &[], "").await.expect(200);
    assert_eq!(plain.header("content-encoding"), None);
    let direct = app.get("/api/v1/scenarios").await.expect(200);
    assert_eq!(plain.header("etag"), direct.header("etag"), "these bytes have another tag");
    for coding in ["zstd", "gzip"] {
        let answer = caddy.send("GET", "/api/v1/scenarios", &[("accept-encoding", coding)], "").await.expect(200);
        assert_eq!(answer.header("content-encoding"), Some(coding));
        assert!(answer.body.len() * 3 < plain.body.len(), "{coding}: {} of {}", answer.body.len(), plain.body.len());
        assert!(answer.headers.get_all("vary").iter().any(|vary| vary.to_str().unwrap().contains("Accept-Encoding")));
    }
}

#[tokio::test]
async fn stored_pictures_are_kept_for_a_year_and_what_is_not_there_is_not() {
    let app = TestApp::start().await;
    std::fs::write(app.storage.path().join("picture.png"), b"\x89PNG\r\n\x1a\n").unwrap();
    let caddy = Caddy::start(&app.address.to_string()).await;
    let there = caddy.send("GET", "/static/picture.png", &[], "").await.expect(200);
    assert_eq!(there.header("cache-control"), Some("public, max-age=31536000, immutable"));
    assert_eq!(there.header("x-content-type-options"), Some("nosniff"));
    let absent = caddy.send("GET", "/static/absent.png", &[], "").await.expect(404);
    assert!(!absent.header("cache-control").unwrap_or_default().contains("max-age"), "{absent:?}");
}

/// A server that notes the heads it is sent.
async fn noting() -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, heads) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(Vec::new())));
    let noted = Arc::clone(&heads);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = vec![0; 65_536];
            let count = stream.read(&mut head).await.unwrap_or(0);
            noted.lock().unwrap().push(String::from_utf8_lossy(&head[..count]).to_ascii_lowercase());
            let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").await;
        }
    });
    (address, heads)
}

#[tokio::test]
async fn nobody_outside_says_whom_a_request_comes_from() {
    let (address, heads) = noting().await;
    let caddy = Caddy::start(&address.to_string()).await;
    let forged = [
        ("x-forwarded-for", "203.0.113.7, 10.0.0.1"),
        ("x-forwarded-proto", "gopher"),
        ("x-forwarded-host", "203.0.113.7"),
        ("forwarded", "for=203.0.113.7"),
        ("x-real-ip", "203.0.113.7"),
        ("true-client-ip", "203.0.113.7"),
        ("cf-connecting-ip", "203.0.113.7"),
    ];
    caddy.send("GET", "/", &forged, "").await.expect(204);
    let heads = heads.lock().unwrap();
    let head = &heads[0];
    assert!(!head.contains("203.0.113.7") && !head.contains("gopher"), "{head}");
    for line in ["x-forwarded-for: 127.0.0.1", "x-forwarded-proto: https", &format!("host: {SITE}")] {
        assert!(head.lines().any(|sent| sent == line), "{line} in {head}");
    }
}

#[tokio::test]
async fn bodies_that_are_too_large_end_at_the_server_or_before() {
    let app = TestApp::start().await;
    let caddy = Caddy::start(&app.address.to_string()).await;
    let json = ("content-type", "application/json");
    // Above the route's limit and below Caddy's: the server's own words.
    let answer = caddy.send("POST", "/api/v1/users", &[json], &"x".repeat(70_000)).await.expect(413);
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
}

#[tokio::test]
async fn without_a_server_clients_read_a_problem_and_no_page() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let caddy = Caddy::start(&nobody.to_string()).await;
    let answer = caddy.send("GET", "/health", &[], "").await.expect(502);
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(answer.json()["status"], 502);
    assert_eq!(answer.json()["error_code"], "service_unavailable");
}
