//! Pictures that lifters send up: what is stored of them, what is refused, and what is left behind.

mod broken;
mod limits;
mod refused;
mod replaced;

use repduel_backend::images::{Format, clean};
use serde_json::json;

use crate::support::form::{BOUNDARY, closing, form, part_head};
use crate::support::samples::{NEEDLE, find, personal, pixels, plain};
use crate::support::{TestApp, keys};

/// Whether this is a key of this folder with this ending.
fn is_key(key: &str, folder: &str, ending: &str) -> bool {
    let name =
        key.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/')?.strip_suffix(ending)?.strip_suffix('.'));
    name.is_some_and(|name| name.len() == 32 && name.chars().all(|c| "0123456789abcdef".contains(c)))
}

#[tokio::test]
async fn every_format_is_stored_without_what_tells_about_its_owner() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let formats = ["image/jpeg", "image/png", "image/gif", "image/bmp", "image/tiff", "image/webp"];
    for (format, media_type) in Format::ALL.into_iter().zip(formats) {
        let sent = personal(format);
        let before = app.get_as(&ada, "/api/v1/users/me").await.json();
        // The declared type has to be a picture's, and no more.
        let answer = app.avatar_form(&ada, form("avatar", "Image/Whatever; x=y", &sent)).send().await.expect(200);
        let user = answer.json();
        assert_eq!(keys(&user), keys(&before), "{format:?}");
        let key = app.key(user["avatar_url"].as_str().unwrap());
        assert!(is_key(&key, "avatars", format.extension()), "{format:?}: {key}");
        assert_eq!(app.get_as(&ada, "/api/v1/users/me").await.json(), user);
        let row: String = app.pg.query_one("select avatar_url from users", &[]).await.unwrap().get(0);
        assert_eq!(row, key);

        let stored = app.stored(&key).await.expect(200);
        assert_eq!(stored.header("content-type"), Some(media_type));
        assert_eq!(stored.body, clean(&sent).unwrap().to_vec(), "{format:?}");
        assert_eq!(find(&stored.body, NEEDLE.as_bytes()), None, "{format:?}");
        if format != Format::Png {
            assert_eq!(pixels(format, &stored.body), pixels(format, &sent), "{format:?}");
        }
    }
}

#[tokio::test]
async fn routines_show_pictures_that_were_sent_up() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    for (index, by) in ["image_url", "image_key"].into_iter().enumerate() {
        let form = form("image", "image/png", &plain(Format::Png));
        let request = app.request("POST", "/api/v1/routines/images").bearer(&ada.token);
        let image =
            request.body(&format!("multipart/form-data; boundary={BOUNDARY}"), form).send().await.expect(201).json();
        assert_eq!(keys(&image), ["image_key", "image_url"]);
        let key = image["image_key"].as_str().unwrap();
        assert!(is_key(key, "routine-images", "png"), "{key}");
        assert_eq!(app.key(image["image_url"].as_str().unwrap()), key);
        assert_eq!(app.stored(key).await.expect(200).body, plain(Format::Png));
        let scenarios = json!([{ "scenario_id": "back_squat", "name": "x", "sets": 3, "reps": 5 }]);
        let new = json!({ "name": format!("Legs {index}"), "image_url": image[by], "scenarios": scenarios });
        let routine = app.post_as(&ada, "/api/v1/routines", new).await.expect(201).json();
        assert_eq!(routine["image_url"], image["image_url"]);
    }
}

#[tokio::test]
async fn addresses_follow_the_configuration() {
    let variables = [("STATIC_PUBLIC_BASE", "https://cdn.example/pictures"), ("STATIC_PREFER_CDN", "true")];
    let app = TestApp::with_variables(&variables).await;
    let ada = app.lifter("ada").await;
    let user = app.avatar(&ada, &plain(Format::Gif)).send().await.expect(200).json();
    assert!(user["avatar_url"].as_str().unwrap().starts_with("https://cdn.example/pictures/avatars/"));
}

#[tokio::test]
async fn forms_are_read_as_clients_write_them() {
    let app = TestApp::start().await;
    let ada = app.lifter("ada").await;
    let picture = plain(Format::Jpeg);
    let text = |name: &str, value: &str| {
        format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let lines = "x\r\n".repeat(100_000);
    let whole = form("avatar", "image/jpeg", &picture);
    let bodies = [
        [b"a preamble\r\n".as_slice(), &whole, b"and an epilogue"].concat(),
        [text("user_id", "7").as_bytes(), text("", &lines).as_bytes(), &whole].concat(),
        [
            part_head("avatar", "image/jpeg").as_bytes(),
            &picture,
            b"\r\n",
            text("note", &lines).as_bytes(),
            b"--",
            BOUNDARY.as_bytes(),
            b"--",
        ]
        .concat(),
        String::from_utf8_lossy(part_head("avatar", "image/jpeg").as_bytes())
            .replace("name=\"avatar\"; filename=\"me.jpg\"", "filename=\"..\\..\\etc/passwd\\\"; \u{fc}\"; name=avatar")
            .replace("Content-", "CONTENT-")
            .into_bytes()
            .into_iter()
            .chain(picture.clone())
            .chain(closing().into_bytes())
            .collect(),
    ];
    for body in bodies {
        let shown = String::from_utf8_lossy(&body[..60]).into_owned();
        let answer = app.avatar_form(&ada, body).send().await;
        assert_eq!(answer.status, 200, "{shown}: {:?}", answer.body);
    }
    let quoted = app.request("PATCH", "/api/v1/users/me/avatar/").bearer(&ada.token);
    let quoted = quoted.body(&format!("Multipart/Form-Data; charset=utf-8; boundary=\"{BOUNDARY}\""), whole);
    quoted.send().await.expect(200);
}
