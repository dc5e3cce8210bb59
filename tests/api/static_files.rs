//! Stored pictures for anybody: conditions, ranges, and no way out of the folder.

use std::os::unix::fs::symlink;
use std::time::{Duration, SystemTime};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::faults::database_url;
use crate::support::{Answer, Served, TestApp, TestFolder, eventually, raw};

const ALPHABET: &[u8] = b"abcdefghijklmnopqrstuvwxyz";
const LETTERS: &str = "/static/avatars/letters.png";

async fn with_letters() -> TestApp {
    let app = TestApp::start().await;
    let path = app.storage.write("avatars/letters.png", ALPHABET);
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_millis(784_111_777_900)).unwrap();
    app
}

const WRITTEN: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

#[tokio::test]
async fn files_are_served_with_everything_that_caches_and_browsers_want() {
    let app = with_letters().await;
    let answer = app.request("GET", LETTERS).header("origin", "https://www.repduel.com").send().await.expect(200);
    assert_eq!(answer.body, ALPHABET);
    let headers = [
        ("content-type", "image/png"),
        ("content-length", "26"),
        ("last-modified", WRITTEN),
        ("accept-ranges", "bytes"),
        ("cache-control", "public, max-age=31536000, immutable"),
        ("x-content-type-options", "nosniff"),
        ("cross-origin-resource-policy", "cross-origin"),
        ("access-control-allow-origin", "https://www.repduel.com"),
        ("vary", "Origin"),
    ];
    for (name, value) in headers {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    let etag = answer.header("etag").unwrap();
    assert!(etag.starts_with('"') && etag.ends_with('"') && etag.len() > 4, "{etag}");
    let slashed = app.get(&format!("{LETTERS}/")).await.expect(200);
    assert_eq!((slashed.body.as_ref(), slashed.header("etag")), (ALPHABET, Some(etag)));
    app.storage.write("empty.bin", "");
    let empty = app.get("/static/empty.bin").await.expect(200);
    assert_eq!((empty.body.len(), empty.header("content-length")), (0, Some("0")));
}

#[tokio::test]
async fn head_tells_what_get_would() {
    let app = with_letters().await;
    let get = app.get(LETTERS).await.expect(200);
    for range in [None, Some("bytes=0-3")] {
        let mut head = app.request("HEAD", LETTERS);
        if let Some(range) = range {
            head = head.header("range", range); // GET's only
        }
        let head = head.send().await.expect(200);
        assert!(head.body.is_empty());
        for name in ["content-length", "content-type", "etag", "last-modified", "cache-control"] {
            assert_eq!(head.header(name), get.header(name), "{name}");
        }
    }
    app.request("HEAD", "/static/avatars/none.png").send().await.expect(404);
    let options = app.request("OPTIONS", LETTERS).send().await.expect(204);
    assert_eq!(options.header("allow"), Some("GET, HEAD, OPTIONS"));
    let preflight = app.request("OPTIONS", LETTERS).header("origin", "https://www.repduel.com");
    let preflight = preflight.header("access-control-request-method", "GET").send().await.expect(200);
    assert_eq!(preflight.header("access-control-allow-origin"), Some("https://www.repduel.com"));
    for method in ["POST", "PUT", "DELETE", "PATCH"] {
        let refused = app.request(method, LETTERS).try_send().await.unwrap().problem(405, "method_not_allowed");
        assert_eq!(refused.header("cross-origin-resource-policy"), Some("cross-origin"));
    }
}

#[tokio::test]
async fn what_has_not_changed_is_not_sent_again() {
    let app = with_letters().await;
    let etag = app.get(LETTERS).await.header("etag").unwrap().to_owned();
    let weak = format!("\"x\", W/{etag}");
    for (name, value) in [("if-none-match", etag.as_str()), ("if-none-match", &weak), ("if-modified-since", WRITTEN)] {
        for method in ["GET", "HEAD"] {
            let answer = app.request(method, LETTERS).header(name, value).send().await.expect(304);
            assert!(answer.body.is_empty() && !answer.headers.contains_key("content-type"), "{name}");
            assert_eq!(answer.header("etag"), Some(etag.as_str()));
            assert_eq!(answer.header("cache-control"), Some("public, max-age=31536000, immutable"));
            assert_eq!(answer.header("cross-origin-resource-policy"), Some("cross-origin"));
        }
    }
    app.request("GET", LETTERS)
        .header("if-none-match", "\"x\"")
        .header("if-modified-since", WRITTEN)
        .send()
        .await
        .expect(200);
    // Another file of the same length and date under the same name.
    let path = app.storage.write("avatars/letters.png", b"ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    let written = SystemTime::UNIX_EPOCH + Duration::from_millis(784_111_777_900);
    std::fs::File::options().write(true).open(path).unwrap().set_modified(written).unwrap();
    let changed = app.request("GET", LETTERS).header("if-none-match", &etag).send().await.expect(200);
    assert_ne!(changed.header("etag"), Some(etag.as_str()));
}

#[tokio::test]
async fn parts_are_sent_when_they_are_asked_for() {
    let app = with_letters().await;
    let etag = app.get(LETTERS).await.header("etag").unwrap().to_owned();
    let ask = |range: &str| app.request("GET", LETTERS).header("range", range);
    for (range, part, told) in [
        ("bytes=0-0", "a", "bytes 0-0/26"),
        ("bytes=3-5", "def", "bytes 3-5/26"),
        ("bytes=20-", "uvwxyz", "bytes 20-25/26"),
        ("bytes=-3", "xyz", "bytes 23-25/26"),
        ("bytes=24-999", "yz", "bytes 24-25/26"),
    ] {
        for request in [ask(range), ask(range).header("if-range", &etag), ask(range).header("if-range", WRITTEN)] {
            let answer = request.send().await.expect(206);
            assert_eq!(answer.body, part.as_bytes(), "{range}");
            assert_eq!(answer.header("content-range"), Some(told));
            assert_eq!(answer.header("content-length"), Some(part.len().to_string().as_str()));
            assert_eq!(
                (answer.header("etag"), answer.header("content-type")),
                (Some(etag.as_str()), Some("image/png"))
            );
        }
    }
    for range in ["bytes=0-1,5-6", "bytes=5-3", "letters=a-c", "bytes"] {
        assert_eq!(ask(range).send().await.expect(200).body, ALPHABET, "{range}");
    }
    assert_eq!(ask("bytes=0-1").header("if-range", "\"other\"").send().await.expect(200).body, ALPHABET);
    ask("bytes=0-1").header("if-none-match", &etag).send().await.expect(304);
    for range in ["bytes=26-", "bytes=99-100", "bytes=-0"] {
        let answer = ask(range).send().await.problem(416, "range_not_satisfiable");
        assert_eq!(answer.header("content-range"), Some("bytes */26"), "{range}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}

/// Not there, and nothing tells why.
#[track_caller]
fn not_there(answer: Answer, path: &str) {
    assert_eq!(answer.status, 404, "{path}");
    assert_eq!(answer.error_code(), "not_found", "{path}");
    assert_eq!(answer.detail(), "There is nothing here", "{path}");
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
    assert_eq!(answer.header("cross-origin-resource-policy"), Some("cross-origin"), "{path}");
}

#[tokio::test]
async fn there_is_no_way_out_of_the_folder() {
    let outside = TestFolder::new();
    outside.write("secret.txt", "the secret");
    let app = with_letters().await;
    let name = outside.path().file_name().unwrap().to_str().unwrap();
    app.storage.write("inside.txt", "inside");
    let below = |link: &str| app.storage.path().join(link);
    symlink(outside.path().join("secret.txt"), below("link.txt")).unwrap();
    symlink(outside.path(), below("linked")).unwrap();
    symlink("../../../../../../etc/passwd", below("passwd.txt")).unwrap();
    symlink("circle.txt", below("circle.txt")).unwrap();
    symlink("nothing.txt", below("dangling.txt")).unwrap();
    symlink("inside.txt", below("good.txt")).unwrap();
    let climbs = ["..", "%2e%2e", ".%2e", "%2E.", "..%00", "..%5c..", "%252e%252e", "....", ".", "%c0%ae%c0%ae"];
    let mut paths: Vec<Vec<u8>> = Vec::new();
    for up in climbs {
        for slash in ["/", "%2f", "%2F", "\\", "%5c", "%255c", "//"] {
            paths.push(format!("/static/{up}{slash}{name}{slash}secret.txt").into());
            paths.push(format!("/static/avatars{slash}{up}{slash}{up}{slash}{name}{slash}secret.txt").into());
            paths.push(format!("/static/{up}{slash}inside.txt").into());
        }
    }
    let absolute = format!("/static/{}/secret.txt", outside.name());
    for path in [
        "/static/link.txt",
        "/static/linked/secret.txt",
        "/static/passwd.txt",
        "/static/circle.txt",
        "/static/dangling.txt",
        "/static",
        "/static/",
        "/static//",
        "/static/avatars",
        "/static/avatars/",
        "/static//inside.txt",
        "/static/inside.txt//",
        "/static/inside.txt/x",
        "/static/inside.txt%00",
        "/static/inside.txt%00.png",
        "/static/inside%0a.txt",
        "/static/%ff",
        "/static/%",
        "/static/%2",
        "/static/none.txt",
        "/static/~root/x",
        &absolute,
    ] {
        paths.push(path.into());
    }
    paths.push([b"/static/".as_slice(), &vec![b'a'; 300]].concat());
    paths.push([b"/static/".as_slice(), &b"a/".repeat(2000), b"b"].concat());
    for path in paths {
        let shown = String::from_utf8_lossy(&path).into_owned();
        not_there(raw::get(app.address, &path).await, &shown);
    }
    // What hyper itself takes for no request line at all.
    for path in [b"/static/\xff\xfe".as_slice(), b"/static/inside.txt\0"] {
        let answer = raw::get(app.address, path).await;
        assert!([400, 404].contains(&answer.status), "{path:?}: {}", answer.status);
    }
    for path in ["/static/inside.txt", "/static/good.txt", "/static/%69nside.txt", "/static/inside.txt?../x"] {
        assert_eq!(raw::get(app.address, path.as_bytes()).await.expect(200).body, "inside", "{path}");
    }
}

#[tokio::test]
async fn hidden_files_folders_and_pipes_are_not_there() {
    let app = with_letters().await;
    app.storage.write(".env", "SECRET=1");
    app.storage.write(".incoming/half", "half");
    app.storage.write("avatars/.half.png", "half");
    symlink(".env", app.storage.path().join("shown")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(app.storage.path().join("pipe")).status().unwrap();
    assert!(made.success());
    for path in
        ["/static/.env", "/static/.incoming/half", "/static/avatars/.half.png", "/static/shown", "/static/%2eenv"]
    {
        not_there(app.get(path).await, path);
    }
    not_there(app.get("/static/pipe").await, "a pipe");
}

#[tokio::test]
async fn names_are_decoded_once() {
    let app = with_letters().await;
    app.storage.write("a b/ü%41.txt", "found");
    assert_eq!(app.get("/static/a%20b/%C3%BC%2541.txt").await.expect(200).body, "found");
    not_there(app.get("/static/a%20b/%C3%BCA.txt").await, "decoded twice");
}

#[tokio::test]
async fn a_stored_page_can_run_nothing() {
    let app = with_letters().await;
    for (name, media_type) in [
        ("evil.svg", "image/svg+xml"),
        ("evil.html", "text/html; charset=utf-8"),
        ("evil", "application/octet-stream"),
        ("evil.php", "application/octet-stream"),
    ] {
        app.storage.write(name, "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>");
        let answer = app.get(&format!("/static/{name}")).await.expect(200);
        assert_eq!(answer.header("content-type"), Some(media_type));
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'") && policy.contains("sandbox") && !policy.contains("script-src"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    }
}

#[tokio::test]
async fn without_a_folder_there_is_nothing() {
    let app = TestApp::start().await;
    std::fs::remove_dir(app.storage.path()).unwrap();
    not_there(app.get(LETTERS).await, "a missing folder");
    std::fs::write(app.storage.path(), "a file in its place").unwrap();
    not_there(app.get(LETTERS).await, "a file in its place");
    std::fs::remove_file(app.storage.path()).unwrap();
    app.get("/health").await.expect(200);
}

/// Bytes that say where they stand.
fn large() -> Vec<u8> {
    (0..2_000_000_u32).flat_map(u32::to_be_bytes).collect()
}

#[tokio::test]
async fn large_files_come_as_they_are_and_in_any_part() {
    let app = TestApp::start().await;
    app.storage.write("large.bin", large());
    assert!(app.get("/static/large.bin").await.expect(200).body == large());
    let part =
        app.request("GET", "/static/large.bin").header("range", "bytes=1000001-7000001").send().await.expect(206);
    assert!(part.body == large()[1_000_001..=7_000_001]);
}

#[tokio::test]
async fn a_file_is_read_as_fast_as_its_reader_and_no_faster() {
    let app = TestApp::start().await;
    let path = app.storage.write("large.bin", "");
    std::fs::File::options().write(true).open(&path).unwrap().set_len(1 << 30).unwrap();
    let variables = [("DATABASE_URL", &*database_url(&app)), ("STATIC_STORAGE_DIR", app.storage.name())];
    let served = Served::start(&variables).await;
    let before = served.resident_kib();
    let mut readers = Vec::new();
    for _ in 0..32 {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        stream.write_all(b"GET /static/large.bin HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        stream.read_exact(&mut vec![0; 1_000_000]).await.unwrap();
        readers.push(stream);
    }
    served.request("GET", "/health").send().await.expect(200);
    let after = served.resident_kib();
    assert!(after < before + 32 * 1024, "{after} KiB, before {before}");
    served.kill().await;
}

#[tokio::test]
async fn a_file_that_is_removed_is_read_to_its_end_and_closed() {
    let app = TestApp::start().await;
    let path = app.storage.write("large.bin", large());
    let mut stream = TcpStream::connect(app.address).await.unwrap();
    stream.write_all(b"GET /static/large.bin HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = vec![0; 100_000];
    stream.read_exact(&mut answer).await.unwrap();
    std::fs::remove_file(&path).unwrap();
    app.storage.write("large.bin", "another one under its name");
    stream.read_to_end(&mut answer).await.unwrap();
    assert!(raw::parse(&answer).0.expect(200).body == large());
    let is_open = |entry: std::io::Result<std::fs::DirEntry>| {
        let file = std::fs::read_link(entry.unwrap().path());
        file.is_ok_and(|file| file.starts_with(app.storage.path()))
    };
    eventually("the file is closed", async || !std::fs::read_dir("/proc/self/fd").unwrap().any(is_open)).await;
}

#[tokio::test]
async fn a_file_that_shrinks_ends_the_connection_and_not_the_server() {
    let app = TestApp::start().await;
    let path = app.storage.write("shrinks.bin", vec![7; 64 << 20]);
    let mut stream = TcpStream::connect(app.address).await.unwrap();
    stream.write_all(b"GET /static/shrinks.bin HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let mut piece = vec![0; 100_000];
    stream.read_exact(&mut piece).await.unwrap();
    std::fs::File::options().write(true).open(&path).unwrap().set_len(10).unwrap();
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    assert!(rest.len() < 60 << 20, "the answer should have broken off");
    app.get("/health").await.expect(200);
}

#[tokio::test]
async fn bytes_of_a_file_are_not_taken_for_an_answer() {
    let app = TestApp::start().await;
    // What the server's own answer to a malformed head looks like, wherever a piece of the file begins.
    let forged = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    let mut piece = forged.to_vec();
    piece.splice(26..26, format!("x-filler: {}\r\n", "x".repeat(65_536 - forged.len() - 12)).bytes());
    assert_eq!(piece.len(), 65_536);
    let file = piece.repeat(40);
    app.storage.write("forged.bin", &file);
    for _ in 0..3 {
        assert!(app.get("/static/forged.bin").await.expect(200).body == file);
    }
    let part = app.request("GET", "/static/forged.bin").header("range", "bytes=65536-131071").send().await;
    assert!(part.expect(206).body == piece);
}
