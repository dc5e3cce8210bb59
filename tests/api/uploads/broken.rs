//! Clients that hang up, disks that are full, processes that are killed, databases that are away: nothing is half stored.

use std::time::{Duration, SystemTime};

use repduel_backend::images::Format;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::faults::{behind_proxy, database_url};
use crate::support::form::{closing, content_type, form, part_head};
use crate::support::samples::{of_size, plain};
use crate::support::{Lifter, Request, Served, TestApp, eventually, raw};

/// An upload whose end is still to be sent.
async fn begin(address: std::net::SocketAddr, ada: &Lifter, form: &[u8], sent_bytes: usize) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "PATCH /api/v1/users/me/avatar HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {}\r\ncontent-type: {}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        ada.token,
        content_type(),
        form.len(),
    );
    stream.write_all(&[head.as_bytes(), &form[..sent_bytes]].concat()).await.unwrap();
    stream
}

async fn has_begun(app: &TestApp) {
    let received = async || app.storage.files().iter().any(|file| file.starts_with(".incoming/"));
    eventually("the upload has begun", received).await;
}

fn photo() -> Vec<u8> {
    form("avatar", "image/jpeg", &plain(Format::Jpeg))
}

#[tokio::test]
async fn a_client_that_hangs_up_leaves_nothing() {
    let app = TestApp::start().await;
    let _working = app.work();
    let ada = app.lifter("ada").await;
    let key = app.set_avatar(&ada, &plain(Format::Png)).await;
    let form = photo();
    for sent_bytes in [200, form.len() - closing().len(), form.len() - 5] {
        let stream = begin(app.address, &ada, &form, sent_bytes).await;
        has_begun(&app).await;
        drop(stream);
        eventually("the upload is gone", async || app.storage.files() == [key.clone()]).await;
    }
    let user = app.get_as(&ada, "/api/v1/users/me").await.json();
    assert_eq!(app.key(user["avatar_url"].as_str().unwrap()), key);
    // One that hangs up after the last byte has its picture: the write is not cut in half.
    drop(begin(app.address, &ada, &form, form.len()).await);
    let is_set = async || {
        let user = app.get_as(&ada, "/api/v1/users/me").await.json();
        app.key(user["avatar_url"].as_str().unwrap()) != key
    };
    eventually("the picture is set", is_set).await;
    eventually("the one before is gone", async || app.storage.files().len() == 1).await;
}

#[tokio::test]
async fn what_a_killed_process_left_is_swept_by_a_later_one() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let url = database_url(&app);
    let variables = [("DATABASE_URL", &*url), ("STATIC_STORAGE_DIR", app.storage.name())];
    let served = Served::start(&variables).await;
    let stream = begin(served.address, &ada, &photo(), 300).await;
    has_begun(&app).await;
    served.kill().await;
    drop(stream);
    let left = app.storage.files();
    assert_eq!(left.len(), 1, "{left:?}");
    let file = std::fs::File::options().write(true).open(app.storage.path().join(&left[0])).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(2 * 3600)).unwrap();
    app.storage.write(".incoming/of-another-process", "that is still writing it");
    app.storage.write("avatars/old.png", "a picture");
    let served = Served::start(&variables).await;
    let kept = [".incoming/of-another-process", "avatars/old.png"];
    eventually("what was left is gone", async || app.storage.files() == kept).await;
    eventually("the log tells", async || served.said().contains("never finished")).await;
    served.kill().await;
}

#[tokio::test]
async fn a_full_disk_is_our_trouble_and_leaves_nothing() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let url = database_url(&app);
    let variables = [("DATABASE_URL", &*url), ("STATIC_STORAGE_DIR", app.storage.name())];
    let served = Served::with_file_limit(1024, &variables).await;
    let upload = |picture: &[u8]| {
        let form = form("avatar", "image/bmp", picture);
        Request::new(served.address, "PATCH", "/api/v1/users/me/avatar").bearer(&ada.token).body(&content_type(), form)
    };
    let answer = upload(&of_size(Format::Bmp, 1000, 1000)).send().await.problem(503, "service_unavailable");
    assert!(answer.headers.contains_key("retry-after"));
    let told = String::from_utf8_lossy(&answer.body).into_owned();
    assert!(!told.contains(app.storage.name()) && !told.contains("os error"), "{told}");
    eventually("nothing is left", async || app.storage.files().is_empty()).await;
    eventually("the line that tells why", async || served.said().contains("File too large")).await;
    upload(&plain(Format::Bmp)).send().await.expect(200);
    assert_eq!(app.storage.files().len(), 1);
    served.kill().await;
}

#[tokio::test]
async fn a_missing_folder_is_our_trouble() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let refuse = async || {
        let answer = app.avatar(&ada, &plain(Format::Png)).send().await.problem(503, "service_unavailable");
        assert!(!String::from_utf8_lossy(&answer.body).contains(app.storage.name()));
        assert_eq!(app.get_as(&ada, "/api/v1/users/me").await.json()["avatar_url"], Value::Null);
    };
    std::fs::remove_dir(app.storage.path()).unwrap();
    refuse().await;
    assert!(!app.storage.path().exists(), "where the folder is missing, its disk may be");
    std::fs::create_dir(app.storage.path()).unwrap();
    let in_the_way = app.storage.write("avatars", "a file where a folder should be");
    refuse().await;
    eventually("nothing is left", async || app.storage.files() == ["avatars"]).await;
    std::fs::remove_file(in_the_way).unwrap();
    app.avatar(&ada, &plain(Format::Png)).send().await.expect(200);
}

#[tokio::test]
async fn a_database_that_goes_away_during_an_upload_leaves_nothing() {
    let (app, proxy) = behind_proxy().await;
    let ada = app.lifter("ada").await;
    let form = photo();
    let mut stream = begin(app.address, &ada, &form, 300).await;
    has_begun(&app).await;
    proxy.cut();
    stream.write_all(&form[300..]).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    raw::parse(&answer).0.problem(503, "service_unavailable");
    proxy.mend();
    eventually("nothing is left", async || app.storage.files().is_empty()).await;
    assert_eq!(app.count("select count(*) from users where avatar_url is not null").await, 0);
    app.avatar(&ada, &plain(Format::Jpeg)).send().await.expect(200);
}

#[tokio::test]
async fn a_form_in_many_small_pieces_is_read() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let form = [part_head("avatar", "image/jpeg").as_bytes(), &plain(Format::Jpeg), closing().as_bytes()].concat();
    let mut stream = begin(app.address, &ada, &form, 0).await;
    stream.set_nodelay(true).unwrap();
    for byte in form.chunks(1) {
        stream.write_all(byte).await.unwrap();
    }
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    raw::parse(&answer).0.expect(200);
}
