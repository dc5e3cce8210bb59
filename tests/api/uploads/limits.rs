//! How much an upload may be, and how long it may take.

use std::time::Duration;

use repduel_backend::images::Format;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::is_key;
use crate::faults::database_url;
use crate::support::form::{closing, content_type, form, part_head};
use crate::support::samples::plain;
use crate::support::{Lifter, Served, TestApp, eventually, raw};

const MAX: usize = 10 * 1024 * 1024;

/// A photo of so many bytes, most of them comments.
fn photo(bytes: usize) -> Vec<u8> {
    let photo = plain(Format::Jpeg);
    let mut missing = bytes - photo.len();
    let mut comments = Vec::new();
    while missing > 0 {
        // A comment is a marker and a length that counts itself.
        let length = if missing > 65_537 + 4 { 65_535 } else { missing.min(65_537) - 2 };
        let length = if missing - 2 - length < 4 && missing - 2 != length { length - 4 } else { length };
        comments.extend([0xFF, 0xFE]);
        comments.extend(u16::try_from(length).unwrap().to_be_bytes());
        comments.resize(comments.len() + length - 2, b'x');
        missing -= 2 + length;
    }
    [&photo[..2], &comments, &photo[2..]].concat()
}

/// The head of an upload with this framing.
fn head(lifter: &Lifter, framing: &str) -> String {
    format!(
        "PATCH /api/v1/users/me/avatar HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {}\r\ncontent-type: {}\r\nconnection: close\r\n{framing}\r\n\r\n",
        lifter.token,
        content_type(),
    )
}

#[tokio::test]
async fn ten_mebibytes_are_taken_and_one_byte_more_is_not() {
    let app = TestApp::start().await;
    let _working = app.work();
    let ada = app.lifter("ada").await;
    let largest = photo(MAX);
    assert_eq!(largest.len(), MAX);
    let key = app.set_avatar(&ada, &largest).await;
    assert!(is_key(&key, "avatars", "jpg"));
    assert_eq!(app.stored(&key).await.expect(200).body, plain(Format::Jpeg));
    for bytes in [MAX + 1, MAX + 50_000, MAX + 1024 * 1024] {
        let answer = app.avatar(&ada, &photo(bytes)).send().await;
        answer.problem(413, "payload_too_large");
    }
    eventually("one file is left", async || app.storage.files() == [key.clone()]).await;
}

#[tokio::test]
async fn a_form_of_very_many_parts_is_read_to_its_end() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let other = "--x\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n";
    let picture = "--x\r\nContent-Disposition: form-data; name=avatar\r\nContent-Type: image/png\r\n\r\n";
    let many = other.repeat(MAX / other.len());
    let form = [many.as_bytes(), picture.as_bytes(), &plain(Format::Png), b"\r\n--x--\r\n"].concat();
    let request = app.request("PATCH", "/api/v1/users/me/avatar").bearer(&ada.token);
    request.body("multipart/form-data; boundary=x", form).send().await.expect(200);
}

#[tokio::test]
async fn a_length_that_is_too_large_is_refused_before_anything_is_sent() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    for more in ["content-length: 11534336", "content-length: 11534336\r\nexpect: 100-continue"] {
        raw::exchange(app.address, head(&ada, more).as_bytes()).await.problem(413, "payload_too_large");
    }
    assert!(app.storage.files().is_empty());
}

#[tokio::test]
async fn an_upload_without_an_end_is_cut_off_at_the_limit() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let mut stream = TcpStream::connect(app.address).await.unwrap();
    stream.write_all(head(&ada, "transfer-encoding: chunked").as_bytes()).await.unwrap();
    let begin = [part_head("avatar", "image/jpeg").as_bytes(), &photo(1 << 20)[..1_000_000]].concat();
    let chunk = |bytes: &[u8]| [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
    stream.write_all(&chunk(&begin)).await.unwrap();
    let (mut from, mut to) = stream.into_split();
    let endless = chunk(&[b'x'; 1 << 20]);
    let sending = tokio::spawn(async move {
        let mut sent = 1;
        while to.write_all(&endless).await.is_ok() {
            sent += 1;
        }
        sent
    });
    let mut answer = Vec::new();
    let _ = from.read_to_end(&mut answer).await; // what is still on its way is cut
    raw::parse(&answer).0.problem(413, "payload_too_large");
    let sent = sending.await.unwrap();
    assert!((10..64).contains(&sent), "{sent} MiB were taken before the connection was closed");
    eventually("nothing is left", async || app.storage.files().is_empty()).await;
}

#[tokio::test]
async fn uploads_in_progress_take_little_memory() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let variables = [("DATABASE_URL", &*database_url(&app)), ("STATIC_STORAGE_DIR", app.storage.name())];
    let served = Served::start(&variables).await;
    let begin = [part_head("avatar", "image/jpeg").as_bytes(), &photo(MAX)[..MAX - 1000]].concat();
    let head = head(&ada, &format!("content-length: {}", begin.len() + 1000 + closing().len()));
    let before = served.resident_kib();
    let mut uploads = Vec::new();
    for _ in 0..32 {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&begin).await.unwrap();
        uploads.push(stream);
    }
    let arrived = async || {
        let sizes = app.storage.files().into_iter().map(|file| app.storage.path().join(file).metadata().unwrap().len());
        let sizes: Vec<u64> = sizes.collect();
        sizes.len() == 32 && sizes.iter().all(|size| *size > 10_400_000)
    };
    eventually("all have arrived but for their ends", arrived).await;
    let after = served.resident_kib();
    assert!(after < before + 64 * 1024, "{after} KiB, before {before}");
    let mut first = uploads.pop().unwrap();
    drop(uploads);
    first.write_all(&photo(MAX)[MAX - 1000..]).await.unwrap();
    first.write_all(closing().as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    first.read_to_end(&mut answer).await.unwrap();
    raw::parse(&answer).0.expect(200);
    eventually("the others are gone", async || app.storage.files().len() == 1).await;
    served.kill().await;
}

#[tokio::test]
async fn an_upload_that_stalls_is_timed_out() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let begin = [part_head("avatar", "image/jpeg").as_bytes(), &plain(Format::Jpeg)[..100]].concat();
    let bytes = [head(&ada, "content-length: 5000").as_bytes(), &begin].concat();
    let answer = raw::exchange(app.address, &bytes).await.problem(408, "request_timeout");
    assert_eq!(answer.header("connection"), Some("close"));
    eventually("nothing is left", async || app.storage.files().is_empty()).await;
}

#[tokio::test]
async fn a_slow_upload_may_take_longer_than_a_small_body_and_a_handler() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let form = form("avatar", "image/jpeg", &plain(Format::Jpeg));
    let mut stream = TcpStream::connect(app.address).await.unwrap();
    stream.write_all(head(&ada, &format!("content-length: {}", form.len())).as_bytes()).await.unwrap();
    // 35 s: more than 20 for a body and 8 for a handler, with no pause of 10.
    for piece in form.chunks(form.len().div_ceil(8)) {
        stream.write_all(piece).await.unwrap();
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    raw::parse(&answer).0.expect(200);
}
