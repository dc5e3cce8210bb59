//! Requests that two readers could read differently: refused, and nothing behind them is answered. The same bytes whole and
//! in pieces, alone and behind a request that is good.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::edge::is_dressed;
use crate::support::TestApp;

const GOOD: &str = "GET /health HTTP/1.1\r\nhost: a\r\nx-request-id: good\r\n\r\n";

/// Sends these pieces, each on its own, and answers everything that comes back until the other end closes.
async fn exchange(address: SocketAddr, pieces: &[&[u8]]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    for piece in pieces {
        // A server that has refused already may not take the rest.
        if stream.write_all(piece).await.is_err() {
            break;
        }
        tokio::task::yield_now().await;
    }
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

/// The statuses and `error_code`s in this text, in order.
fn answers(text: &str) -> Vec<(u16, String)> {
    let answers = text.split("HTTP/1.").skip(1).map(|answer| &answer[2..]).filter(|answer| !answer.starts_with("100 "));
    answers
        .map(|answer| {
            let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
            let status = head[..3].parse().unwrap();
            let body: Value = serde_json::from_str(body).unwrap_or_default();
            if status >= 400 {
                is_dressed(&head.to_ascii_lowercase());
            }
            (status, body["error_code"].as_str().unwrap_or_default().to_owned())
        })
        .collect()
}

/// Sends the request in all the ways and checks that it is refused, alone.
async fn is_refused(app: &TestApp, request: &str, status: u16, code: &str) {
    let behind = format!("{request}{GOOD}");
    let refused = (status, code.to_owned());
    let half = behind.len() / 2;
    let bytes: Vec<&[u8]> = behind.as_bytes().chunks(1).collect();
    for pieces in [vec![behind.as_bytes()], vec![&behind.as_bytes()[..half], &behind.as_bytes()[half..]], bytes] {
        let answer = exchange(app.address, &pieces).await;
        assert_eq!(
            answers(&answer),
            std::slice::from_ref(&refused),
            "{request:?} in {} pieces: {answer}",
            pieces.len()
        );
    }
    let between = format!("{GOOD}{request}{GOOD}");
    let answer = exchange(app.address, &[between.as_bytes()]).await;
    assert_eq!(answers(&answer), [(200, String::new()), refused], "{request:?} behind another one: {answer}");
}

/// The request with these lines in its head, all of which end themselves, and this body.
fn post(lines: &str, body: &str) -> String {
    format!("POST /api/v1/users HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n{lines}\r\n{body}")
}

#[tokio::test]
async fn lengths_that_can_be_read_in_two_ways_are_refused() {
    let app = TestApp::start().await;
    let chunks = "0\r\n\r\n";
    for (lines, body) in [
        ("content-length: 5\r\ntransfer-encoding: chunked\r\n", chunks),
        ("transfer-encoding: chunked\r\ncontent-length: 5\r\n", chunks),
        ("content-length: 5\r\ncontent-length: 5\r\n", "{   }"),
        ("content-length: 5\r\nContent-Length: 6\r\n", "{   }"),
        ("content-length: 5, 5\r\n", "{   }"),
        ("content-length: +5\r\n", "{   }"),
        ("content-length: 5 5\r\n", "{   }"),
        ("content-length: 0x5\r\n", "{   }"),
        ("content-length: \r\n", ""),
        ("content-length: -1\r\n", ""),
        ("content-length: 18446744073709551617\r\n", ""),
        ("content-length : 5\r\n", "{   }"),
        ("content-length\t: 5\r\n", "{   }"),
        ("content-length: 5\r\n transfer-encoding: chunked\r\n", chunks),
        ("x: y\r\n\tcontent-length: 5\r\n", "{   }"),
        ("transfer-encoding: chunked, identity\r\n", chunks),
        ("transfer-encoding: identity, chunked\r\n", chunks),
        ("transfer-encoding: gzip, chunked\r\n", chunks),
        ("transfer-encoding: chunked, chunked\r\n", chunks),
        ("transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n", chunks),
        ("transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n", chunks),
        ("transfer-encoding: identity\r\n", ""),
        ("transfer-encoding: xchunked\r\n", chunks),
        ("transfer-encoding: \"chunked\"\r\n", chunks),
        ("transfer-encoding: chunked;q=1\r\n", chunks),
        ("transfer-encoding:\x0bchunked\r\n", chunks),
        ("transfer-encoding: \r\n", ""),
        ("transfer-encoding : chunked\r\n", chunks),
        ("transfer-encoding: chu\r\n nked\r\n", chunks),
    ] {
        is_refused(&app, &post(lines, body), 400, "malformed_request").await;
    }
    let old = "POST /api/v1/users HTTP/1.0\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n";
    is_refused(&app, old, 400, "malformed_request").await;
}

#[tokio::test]
async fn lines_end_in_crlf_and_nothing_else() {
    let app = TestApp::start().await;
    for request in [
        "GET /health HTTP/1.1\nhost: a\r\n\r\n",
        "GET /health HTTP/1.1\r\nhost: a\n\r\n",
        "GET /health HTTP/1.1\r\nhost: a\n\n",
        "GET /health HTTP/1.1\r\nhost: a\r\n\n",
        "GET /health HTTP/1.1\r\nhost: a\r\nx: y\nz: 1\r\n\r\n",
        "GET /health HTTP/1.1\r\nhost: a\r\nx: y\rz: 1\r\n\r\n",
        "GET /health HTTP/1.1\rhost: a\r\n\r\n",
        "\nGET /health HTTP/1.1\r\nhost: a\r\n\r\n",
    ] {
        is_refused(&app, request, 400, "malformed_request").await;
    }
}

#[tokio::test]
async fn signs_that_belong_nowhere_are_refused() {
    let app = TestApp::start().await;
    for request in [
        "GET /health HTTP/1.1\r\nhost: a\r\nx: y\0z\r\n\r\n",
        "GET /health HTTP/1.1\r\nhost: a\r\nx\0: y\r\n\r\n",
        "GET /health HTTP/1.1\r\nhost: a\r\nx y: z\r\n\r\n",
        "GET /health HTTP/1.1\r\nhost: a\r\n: y\r\n\r\n",
        "GET /health HTTP/1.1\r\nhost: a\r\nx\r\n\r\n",
        "GET /health HTTP/1.1\r\n host: a\r\n\r\n",
        "GET  /health HTTP/1.1\r\nhost: a\r\n\r\n",
        "GET /health\tHTTP/1.1\r\nhost: a\r\n\r\n",
        "GET /health HTTP/1.1 \r\nhost: a\r\n\r\n",
        "GET /he\0alth HTTP/1.1\r\nhost: a\r\n\r\n",
        "GET /health HTTP/3.0\r\nhost: a\r\n\r\n",
        "GET /health\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "G\0T /health HTTP/1.1\r\nhost: a\r\n\r\n",
    ] {
        is_refused(&app, request, 400, "malformed_request").await;
    }
}

/// Statuses and codes of a request that is refused without the end of its connection, and of what comes behind it.
async fn behind(app: &TestApp, request: &str) -> Vec<(u16, String)> {
    let last = GOOD.replace("host: a\r\n", "host: a\r\nconnection: close\r\n");
    answers(&exchange(app.address, &[format!("{request}{last}").as_bytes()]).await)
}

#[tokio::test]
async fn a_request_names_one_host_and_a_path() {
    let app = TestApp::start().await;
    let good = (200, String::new());
    for (request, code) in [
        ("GET /health HTTP/1.1\r\n\r\n", "bad_host"),
        ("GET /health HTTP/1.1\r\nhost: a\r\nhost: a\r\n\r\n", "bad_host"),
        ("GET /health HTTP/1.1\r\nhost: a\r\nHOST: b\r\n\r\n", "bad_host"),
        ("GET /health HTTP/1.1\r\nhost: a, b\r\n\r\n", "bad_host"),
        ("GET /health HTTP/1.1\r\nhost: a/b\r\n\r\n", "bad_host"),
        ("GET /health HTTP/1.1\r\nhost: u@a\r\n\r\n", "bad_host"),
        ("GET /health HTTP/1.1\r\nhost: \u{e9}\r\n\r\n", "bad_host"),
        ("GET http://a/health HTTP/1.1\r\nhost: a\r\n\r\n", "malformed_request"),
        ("GET http://b/health HTTP/1.1\r\nhost: a\r\n\r\n", "malformed_request"),
        ("GET a:80 HTTP/1.1\r\nhost: a\r\n\r\n", "malformed_request"),
    ] {
        assert_eq!(behind(&app, request).await, [(400, code.to_owned()), good.clone()], "{request:?}");
    }
    let connect = "CONNECT a:80 HTTP/1.1\r\nhost: a\r\n\r\n";
    assert_eq!(behind(&app, connect).await[0], (400, "malformed_request".to_owned()));
}

#[tokio::test]
async fn what_is_merely_unusual_is_served() {
    let app = TestApp::start().await;
    let good = (200, String::new());
    let unusable = (422, "validation_error".to_owned());
    for (request, first) in [
        ("\r\nGET /health HTTP/1.1\r\nhost: a\r\n\r\n".to_owned(), &good),
        ("GET /health HTTP/1.1\r\nhost:a\r\n\r\n".to_owned(), &good),
        ("GET /health HTTP/1.1\r\nHOST: \t a:80 \t\r\nX-Empty:\r\n\r\n".to_owned(), &good),
        ("GET /health HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n".to_owned(), &good),
        ("GET /health HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\n\n\0\n".to_owned(), &good),
        ("GET /health HTTP/1.0\r\nhost: a\r\nconnection: keep-alive\r\n\r\n".to_owned(), &good),
        (post("Content-Length:\t2 \r\n", "{}"), &unusable),
        (post("transfer-encoding: Chunked\r\n", "1;a=\"b\"\r\n{\r\n01 \r\n}\r\n0\r\nX: y\r\n\r\n"), &unusable),
        (post("transfer-encoding: chunked\r\n", "2\r\n\n\n\r\n2\r\n{}\r\n0\r\n\r\n"), &unusable),
    ] {
        assert_eq!(behind(&app, &request).await, [first.clone(), good.clone()], "{request:?}");
    }
    let old = exchange(app.address, &[b"GET /health HTTP/1.0\r\nhost: a\r\n\r\n"]).await;
    assert!(old.starts_with("HTTP/1.0 200 OK\r\n"), "{old}");
}

#[tokio::test]
async fn broken_chunks_end_their_request_and_the_connection() {
    let app = TestApp::start().await;
    let bad = (400, "bad_request".to_owned());
    for body in [
        "2\n{}\r\n0\r\n\r\n",
        "2\r\n{}\n0\r\n\r\n",
        "2\r\n{}x\r\n0\r\n\r\n",
        "2;\n{}\r\n0\r\n\r\n",
        "x\r\n{}\r\n0\r\n\r\n",
        "\r\n{}\r\n0\r\n\r\n",
        "-2\r\n{}\r\n0\r\n\r\n",
        "0x2\r\n{}\r\n0\r\n\r\n",
        "10000000000000002\r\n{}\r\n0\r\n\r\n",
        "2\r\n{}\r\n0\r\nx: y\n\r\n",
    ] {
        let request = post("transfer-encoding: chunked\r\n", body);
        assert_eq!(behind(&app, &request).await, std::slice::from_ref(&bad), "{request:?}");
    }
    let longer = post("content-length: 1\r\n", "{}");
    let refused = behind(&app, &longer).await;
    let rest = (400, "malformed_request".to_owned());
    assert_eq!(refused, [(422, "validation_error".to_owned()), rest], "what is left of a body is no request");
}

#[tokio::test]
async fn a_length_that_lies_spoils_only_its_own_connection() {
    let app = TestApp::start().await;
    // Too short: what is left over is no request.
    for rest in ["}", "garbage\r\n\r\n", "\0\0\0\0\r\n\r\n"] {
        let short = post("content-length: 2\r\n", &format!("{{}}{rest}"));
        let answer = exchange(app.address, &[short.as_bytes(), b"\r\n\r\n"]).await;
        let told = answers(&answer);
        assert_eq!(told.len(), 2, "{answer}");
        assert_eq!(told[0], (422, "validation_error".to_owned()), "{answer}");
        assert_eq!(told[1], (400, "malformed_request".to_owned()), "{answer}");
    }
    // Too long: the next request is taken for the body, and the rest of it does not come.
    let long = post(&format!("content-length: {}\r\n", GOOD.len() + 10), GOOD);
    let answer = exchange(app.address, &[long.as_bytes()]).await;
    assert_eq!(answers(&answer), [(408, "request_timeout".to_owned())], "{answer}");
    app.get("/health").await.expect(200);
}
