//! Accounts: registering, logging in, tokens, the profile, what others see.

mod login;
mod others;
mod profile;
mod profile_energy;
mod registration;
mod tokens;

use serde_json::{Value, json};

use crate::support::{Answer, PASSWORD, TestApp};

/// Every key of a user, sorted.
const USER_KEYS: [&str; 16] = [
    "avatar_url",
    "created_at",
    "display_name",
    "email",
    "energy",
    "gender",
    "id",
    "is_active",
    "original_transaction_id",
    "preferred_unit",
    "rank",
    "subscription_level",
    "updated_at",
    "username",
    "weight",
    "weight_multiplier",
];

/// What somebody of this name sends to register.
fn registration(name: &str) -> Value {
    json!({ "username": name, "email": format!("{name}@example.com"), "password": PASSWORD })
}

async fn register(app: &TestApp, body: &Value) -> Answer {
    app.request("POST", "/api/v1/users").json(body).send().await
}

/// Logs in as the phones do.
async fn login(app: &TestApp, email: &str, password: &str) -> Answer {
    app.request("POST", "/api/v1/users/login").login(email, password).send().await
}

async fn post_form(app: &TestApp, form: &str) -> Answer {
    let request = app.request("POST", "/api/v1/users/login");
    request.body("application/x-www-form-urlencoded", form.to_owned()).send().await
}

/// An account of the time before addresses and names were unique whatever their case.
async fn old_account(app: &TestApp, name: &str, email: &str, hash: &str) -> uuid::Uuid {
    let id = uuid::Uuid::new_v4();
    let insert = "insert into users (id, username, email, hashed_password, is_active, case_unique)
        values ($1, $2, $3, $4, true, false)";
    app.pg.execute(insert, &[&id, &name, &email, &hash]).await.unwrap();
    id
}
