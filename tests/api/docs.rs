//! The page that describes the API: it tells every route, and what it tells can be pasted.

use std::process::Stdio;

use repduel_backend::http::Access;
use repduel_backend::openapi;
use repduel_backend::routes::TABLE;
use tokio::process::Command;

use crate::support::{ADMIN_TOKEN, PASSWORD, Stripe, TestApp};

/// A picture of one pixel, for the commands that send one.
const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\0\0\0\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\0\x05\0\x01\xff\x89\x99=\x1d\0\0\0\0IEND\xaeB`\x82";

/// The page, as a server at this address would give it.
async fn page(app: &TestApp) -> String {
    let answer = app.get("/docs").await.expect(200);
    let page = String::from_utf8(answer.body.to_vec()).unwrap();
    page.replace("http://127.0.0.1:9999", &format!("http://{}", app.address))
}

/// The first command behind this place of the page, as a browser would copy it.
#[track_caller]
fn command_behind(page: &str, place: &str) -> String {
    let rest = page.split_once(place).unwrap_or_else(|| panic!("the page has no {place}")).1;
    let html = rest.split_once("<pre>").unwrap().1.split_once("</pre>").unwrap().0;
    html.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

/// What a shell prints that runs this with these variables.
async fn pasted(script: &str, variables: &[(&str, &str)]) -> String {
    let folder = std::env::temp_dir().join(format!("repduel-docs-{}", uuid::Uuid::new_v4()));
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("picture.png"), PICTURE).unwrap();
    let mut bash = Command::new("bash");
    bash.args(["-euc", script]).envs(variables.iter().copied()).current_dir(&folder).stdin(Stdio::null());
    let output = bash.output().await.unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn the_page_is_held_and_loads_nothing() {
    let app = TestApp::start().await;
    for path in ["/docs", "/openapi.json"] {
        let answer = app.get(path).await.expect(200);
        let tag = answer.header("etag").expect("it has an entity tag").to_owned();
        assert_eq!(answer.header("cache-control"), Some("no-cache"));
        let again = app.request("GET", path).header("if-none-match", &tag).send().await.expect(304);
        assert_eq!((again.header("etag"), again.body.len()), (Some(tag.as_str()), 0));
        app.request("GET", path).header("if-none-match", "\"another\"").send().await.expect(200);
    }
    let answer = app.get("/docs").await;
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("unsafe"), "{policy}");
    let page = page(&app).await;
    for foreign in ["<script", " style=", "src=", "@import", "url("] {
        assert!(!page.contains(foreign), "{foreign} has no place in the page");
    }
    assert!(!page.contains("{{"), "every part of the frame is filled");
}

#[tokio::test]
async fn the_first_commands_make_an_account_and_log_in() {
    let app = TestApp::start().await;
    let setup = command_behind(&page(&app).await, "id=\"start\"");
    let said = pasted(&format!("{setup}\necho; echo \"$TOKEN $USER_ID\""), &[]).await;
    let (token, id) = said.trim().lines().last().unwrap().split_once(' ').unwrap();
    let me = app.request("GET", "/api/v1/users/me").bearer(token).send().await.expect(200).json();
    assert_eq!((me["id"].as_str(), me["username"].as_str()), (Some(id), Some("ada")));
}

#[tokio::test]
async fn every_command_is_one_that_its_route_understands() {
    let stripe = Stripe::start().await;
    let app = TestApp::with_variables(&stripe.variables()).await;
    let page = page(&app).await;
    for (index, route) in TABLE.iter().flat_map(|routes| routes.iter()).enumerate() {
        let lifter = app.lifter(&format!("lifter{index}")).await;
        let command = command_behind(&page, &format!("id=\"{}\"", openapi::operation_id(route)));
        let variables =
            [("TOKEN", lifter.token.as_str()), ("USER_ID", &lifter.id.to_string()), ("ADMIN_API_TOKEN", ADMIN_TOKEN)];
        let refresh_token =
            if command.contains("$REFRESH_TOKEN") { refresh_token(&app, index).await } else { String::new() };
        let variables = [&variables[..], &[("REFRESH_TOKEN", refresh_token.as_str())]].concat();
        let status = pasted(&format!("{command} -s -o answer -w '%{{http_code}}'"), &variables).await;
        let unsigned = route.operation().signed_by.is_some() && matches!(status.as_str(), "400" | "401");
        let understood = unsigned || matches!(status.as_str(), "200" | "201" | "204" | "403" | "404" | "409");
        assert!(understood, "{command}\nanswers {status}: give what it sends a better example in src/examples.rs");
        let needs = [("TOKEN", Access::User), ("ADMIN_API_TOKEN", Access::Admin)];
        for (variable, access) in needs {
            let named = command.contains(&format!("Bearer ${variable}\""));
            assert_eq!(named, route.operation().access == access, "{command}");
        }
    }
}

/// A refresh token of the lifter that the route of this number is tried with.
async fn refresh_token(app: &TestApp, index: usize) -> String {
    let login = app.request("POST", "/api/v1/auth/login").login(&format!("lifter{index}@example.com"), PASSWORD);
    login.send().await.expect(200).json()["refresh_token"].as_str().unwrap().to_owned()
}
