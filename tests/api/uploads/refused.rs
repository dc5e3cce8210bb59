//! What is no picture, and what is no form with one: refused with the reason, and nothing is left of it.

use repduel_backend::images::Format;
use serde_json::Value;

use crate::support::form::{BOUNDARY, closing, content_type, form, part_head};
use crate::support::samples::{of_size, plain};
use crate::support::{Answer, Lifter, TestApp, eventually};

/// Fails the test if anything is stored, or was and is not gone soon.
async fn nothing_is_left(app: &TestApp) {
    eventually("the files are gone", async || app.storage.files().is_empty()).await;
    assert_eq!(app.count("select count(*) from users where avatar_url is not null").await, 0);
}

async fn sent(app: &TestApp, ada: &Lifter, form: Vec<u8>) -> Answer {
    app.avatar_form(ada, form).send().await
}

#[tokio::test]
async fn what_is_no_picture_is_refused() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let png = plain(Format::Png);
    let broken = "The picture is broken or incomplete";
    let none = "The file is no JPEG, PNG, GIF, BMP, TIFF or WebP picture";
    let declared = "The file must be declared as a picture";
    let page = b"<html><script>alert(1)</script></html>".as_slice();
    let large = of_size(Format::Png, 8193, 1);
    let archive = [png.as_slice(), b"PK\x03\x04an archive"].concat();
    let cases: [(&str, &[u8], &str); 15] = [
        ("application/octet-stream", &png, declared),
        ("text/html", &png, declared),
        ("application/pdf; image/png", &png, declared),
        ("images/png", &png, declared),
        ("image", &png, declared),
        ("", &png, declared),
        ("image/png", b"", "The file is empty"),
        ("image/png", page, none),
        ("image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg'/>", none),
        ("image/png", b"PK\x03\x04", none),
        ("image/heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", none),
        ("image/png", b"B", none),
        ("image/png", &png[..png.len() - 1], broken),
        ("image/png", &large, "The picture must have 1 to 8192 pixels a side"),
        ("image/png", &archive, "The picture is followed by data that are no part of it"),
    ];
    for (media_type, content, told) in cases {
        let answer = sent(&app, &ada, form("avatar", media_type, content)).await.problem(400, "bad_request");
        assert_eq!(answer.detail(), told, "{media_type}");
    }
    let undeclared = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"avatar\"\r\n\r\n");
    let undeclared = [undeclared.as_bytes(), &png, closing().as_bytes()].concat();
    assert_eq!(sent(&app, &ada, undeclared).await.problem(400, "bad_request").detail(), declared);
    nothing_is_left(&app).await;
}

#[tokio::test]
async fn what_is_no_form_with_the_part_is_refused() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let png = plain(Format::Png);
    let part = [part_head("avatar", "image/png").as_bytes(), &png].concat();
    for name in ["image", "Avatar", "avatar[]", "", "file"] {
        sent(&app, &ada, form(name, "image/png", &png)).await.invalid(&["/avatar"]);
    }
    let twice = [part.as_slice(), b"\r\n", &part, closing().as_bytes()].concat();
    let twice = sent(&app, &ada, twice).await.invalid(&["/avatar"]);
    assert_eq!(twice.json()["errors"][0]["code"], "repeated");
    let empty = format!("--{BOUNDARY}--\r\n").into_bytes();
    assert_eq!(sent(&app, &ada, empty).await.invalid(&["/avatar"]).json()["errors"][0]["code"], "missing");

    for broken_off in [part.clone(), [part.as_slice(), b"\r\n--", &BOUNDARY.as_bytes()[..5]].concat()] {
        let answer = sent(&app, &ada, broken_off).await.problem(400, "bad_request");
        assert_eq!(answer.detail(), "The body ended before it was complete");
    }
    let nameless = [b"--".as_slice(), BOUNDARY.as_bytes(), b"\r\n\r\n", &png, closing().as_bytes()].concat();
    let long_header = "x".repeat(1 << 20);
    for (no_form, content_type) in [
        (Vec::new(), content_type()),
        (nameless, content_type()),
        (png.clone(), content_type()),
        (form("avatar", "image/png", &png), "multipart/form-data; boundary=other".to_owned()),
        (form("avatar", "image/png", &png), "multipart/form-data".to_owned()),
        (form("avatar", &format!("image/png\r\nX: {long_header}"), &png), content_type()),
        (form("avatar", "image/png\r\nno header", &png), content_type()),
        (form("avatar", &format!("image/png{}", "\r\nx: y".repeat(40)), &png), content_type()),
    ] {
        let request = app.request("PATCH", "/api/v1/users/me/avatar").bearer(&ada.token);
        request.body(&content_type, no_form).send().await.invalid(&[""]);
    }
    let request = app.request("PATCH", "/api/v1/users/me/avatar").bearer(&ada.token);
    request.body("image/png", png).send().await.problem(415, "unsupported_media_type");
    nothing_is_left(&app).await;
}

#[tokio::test]
async fn strangers_and_the_deleted_store_nothing() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let body = form("avatar", "image/png", &plain(Format::Png));
    let request = app.request("PATCH", "/api/v1/users/me/avatar").body(&content_type(), body.clone());
    request.send().await.unauthorized();
    app.request("DELETE", "/api/v1/users/me").bearer(&ada.token).send().await.expect(204);
    app.avatar_form(&ada, body.clone()).send().await.unauthorized();
    let image = app.request("POST", "/api/v1/routines/images").bearer(&ada.token);
    image.body(&content_type(), form("image", "image/png", &plain(Format::Png))).send().await.unauthorized();
    nothing_is_left(&app).await;
}

#[tokio::test]
async fn no_answer_repeats_what_was_sent() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let png = plain(Format::Png);
    let canary = "cuckoo-egg-7391";
    for form in [
        form(canary, "image/png", &png),
        form("avatar", canary, &png),
        form("avatar", "image/png", canary.as_bytes()),
        form("avatar", &format!("image/png\r\n{canary}"), &png),
        canary.as_bytes().to_vec(),
    ] {
        let answer = sent(&app, &ada, form).await;
        assert!(answer.status >= 400 && !String::from_utf8_lossy(&answer.body).contains(canary));
        assert_ne!(answer.json()["detail"], Value::Null);
    }
}
