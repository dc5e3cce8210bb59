//! Lifters who register and log in as people do, over HTTP and with every cost of it.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::{Answer, Lifter, PASSWORD, Request};

impl Request {
    /// With the form of a login.
    pub fn login(self, email: &str, password: &str) -> Self {
        let pairs = [("username", email), ("password", password)];
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        self.body("application/x-www-form-urlencoded", form)
    }
}

fn lifter(user: &Value, login: &Answer) -> Lifter {
    let token = login.json()["access_token"].as_str().unwrap().to_owned();
    Lifter { id: user["id"].as_str().unwrap().parse().unwrap(), token }
}

/// Who registers with this name, the address `<name>@example.com` and [`PASSWORD`], and logs in.
pub async fn register(address: SocketAddr, name: &str) -> Lifter {
    let email = format!("{name}@example.com");
    let new = json!({ "username": name, "email": email, "password": PASSWORD });
    let user = Request::new(address, "POST", "/api/v1/users").json(&new).send().await.expect(201).json();
    let login = Request::new(address, "POST", "/api/v1/users/login").login(&email, PASSWORD).send().await;
    lifter(&user, &login.expect(200))
}

/// Who logs in with this address and password; `None` if they are refused.
pub async fn log_in(address: SocketAddr, email: &str, password: &str) -> Option<Lifter> {
    let login = Request::new(address, "POST", "/api/v1/users/login").login(email, password).send().await;
    if login.status == 401 {
        return None;
    }
    let login = login.expect(200);
    let token = login.json()["access_token"].as_str().unwrap().to_owned();
    let user = Request::new(address, "GET", "/api/v1/users/me").bearer(&token).send().await.expect(200).json();
    Some(lifter(&user, &login))
}
