//! Forms with a file, as clients send them.

use super::app::{Lifter, TestApp};
use super::client::{Answer, Request};

/// The boundary of all forms.
pub const BOUNDARY: &str = "the-boundary-7391";

/// The `Content-Type` of a form.
pub fn content_type() -> String {
    format!("multipart/form-data; boundary={BOUNDARY}")
}

/// A part, up to its content.
pub fn part_head(name: &str, media_type: &str) -> String {
    let disposition = format!("Content-Disposition: form-data; name=\"{name}\"; filename=\"me.jpg\"");
    format!("--{BOUNDARY}\r\n{disposition}\r\nContent-Type: {media_type}\r\n\r\n")
}

/// What closes a form.
pub fn closing() -> String {
    format!("\r\n--{BOUNDARY}--\r\n")
}

/// A form with this one part.
pub fn form(name: &str, media_type: &str, content: &[u8]) -> Vec<u8> {
    [part_head(name, media_type).as_bytes(), content, closing().as_bytes()].concat()
}

impl TestApp {
    /// A request that gives the lifter this picture.
    pub fn avatar(&self, lifter: &Lifter, picture: &[u8]) -> Request {
        self.avatar_form(lifter, form("avatar", "image/jpeg", picture))
    }

    /// A request that gives the lifter a picture by this form.
    pub fn avatar_form(&self, lifter: &Lifter, form: Vec<u8>) -> Request {
        self.request("PATCH", "/api/v1/users/me/avatar").bearer(&lifter.token).body(&content_type(), form)
    }

    /// Gives the lifter this picture; answers its key.
    pub async fn set_avatar(&self, lifter: &Lifter, picture: &[u8]) -> String {
        let answer = self.avatar(lifter, picture).send().await.expect(200);
        self.key(answer.json()["avatar_url"].as_str().unwrap())
    }

    /// Sends up a picture for routines; answers its key.
    pub async fn add_image(&self, lifter: &Lifter, picture: &[u8]) -> String {
        let form = form("image", "image/jpeg", picture);
        let request = self.request("POST", "/api/v1/routines/images").bearer(&lifter.token);
        let answer = request.body(&content_type(), form).send().await.expect(201);
        answer.json()["image_key"].as_str().unwrap().to_owned()
    }

    /// The key in a picture's address.
    pub fn key(&self, address: &str) -> String {
        let base = format!("{}/static/", self.app.config.base_url);
        address.strip_prefix(&base).unwrap_or_else(|| panic!("{address} is none of {base}")).to_owned()
    }

    /// The stored picture under this key, as anybody gets it.
    pub async fn stored(&self, key: &str) -> Answer {
        self.get(&format!("/static/{key}")).await
    }
}
