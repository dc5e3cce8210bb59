//! The web app beside the API: its files, its page for every address that is nothing else, and what Apple asks.

use serde_json::json;

use crate::support::{Answer, Served, TestApp, TestDatabase, TestFolder};

const PAGE: &str = "<!doctype html><title>RepDuel</title><script src='flutter_bootstrap.js'></script>";
const FOR_EVER: &str = "public, max-age=31536000, immutable";

fn build() -> TestFolder {
    let folder = TestFolder::new();
    folder.write("index.html", PAGE);
    folder.write("main.dart.js", "main()");
    folder.write("manifest.json", "{}");
    folder.write("version.json", "{}");
    folder.write("favicon.png", "icon");
    folder.write("flutter_service_worker.js", "self");
    folder.write("assets/AssetManifest.bin", "assets");
    folder.write("assets/AssetManifest.json", "{}");
    folder.write("assets/AssetManifest.bin.json", "{}");
    folder.write("assets/packages/wakelock/no_sleep.js", "kit");
    folder.write("assets/terms.HTML", "terms");
    folder.write("assets/fonts/Material.otf", "font");
    folder.write("canvaskit/canvaskit.wasm", "wasm");
    folder.write("canvaskit/canvaskit.js", "kit");
    folder.write("icons/Icon-192.png", "icon");
    folder.write(".last_build_id", "secret");
    folder
}

async fn with_build(build: &TestFolder) -> TestApp {
    TestApp::with_variables(&[("FRONTEND_WEB_DIR", build.name())]).await
}

/// GETs an address that is in no document.
async fn get(app: &TestApp, path: &str) -> Answer {
    app.request("GET", path).try_send().await.unwrap()
}

#[tokio::test]
async fn files_are_kept_for_ever_or_asked_about() {
    let build = build();
    let app = with_build(&build).await;
    for (path, media_type, cache) in [
        ("/", "text/html; charset=utf-8", "no-cache"),
        ("/index.html", "text/html; charset=utf-8", "no-cache"),
        ("/main.dart.js", "text/javascript; charset=utf-8", "no-cache"),
        ("/manifest.json", "application/json", "no-cache"),
        ("/version.json", "application/json", "no-cache"),
        ("/favicon.png", "image/png", "no-cache"),
        ("/assets/AssetManifest.bin", "application/octet-stream", FOR_EVER),
        // What names other files is asked about wherever it is: a list of a year ago names what is gone.
        ("/assets/AssetManifest.json", "application/json", "no-cache"),
        ("/assets/AssetManifest.bin.json", "application/json", "no-cache"),
        ("/assets/packages/wakelock/no_sleep.js", "text/javascript; charset=utf-8", "no-cache"),
        ("/assets/terms.HTML", "text/html; charset=utf-8", "no-cache"),
        ("/assets/fonts/Material.otf", "font/otf", FOR_EVER),
        ("/canvaskit/canvaskit.wasm", "application/wasm", FOR_EVER),
        ("/canvaskit/canvaskit.js", "text/javascript; charset=utf-8", FOR_EVER),
        ("/icons/Icon-192.png", "image/png", FOR_EVER),
    ] {
        let answer = get(&app, path).await.expect(200);
        assert_eq!(answer.header("content-type"), Some(media_type), "{path}");
        assert_eq!(answer.header("cache-control"), Some(cache), "{path}");
        assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-site"), "{path}");
        let etag = answer.header("etag").unwrap();
        let again = app.request("GET", path).header("if-none-match", etag).try_send().await.unwrap().expect(304);
        assert_eq!(again.header("cache-control"), Some(cache), "{path}");
        let head = app.request("HEAD", path).try_send().await.unwrap().expect(200);
        assert_eq!((head.body.len(), head.header("content-length")), (0, answer.header("content-length")), "{path}");
        let options = app.request("OPTIONS", path).try_send().await.unwrap().expect(204);
        assert_eq!(options.header("allow"), Some("GET, HEAD, OPTIONS"), "{path}");
        app.request("POST", path).try_send().await.unwrap().problem(405, "method_not_allowed");
    }
}

#[tokio::test]
async fn the_page_may_run_what_it_is_made_of() {
    let build = build();
    let app = with_build(&build).await;
    for path in ["/", "/leaderboard", "/main.dart.js"] {
        let answer = get(&app, path).await.expect(200);
        let policy = answer.header("content-security-policy").unwrap();
        assert!(!policy.contains("default-src 'none'") && !policy.contains("sandbox"), "{policy}");
        for needed in ["default-src 'self'", "'wasm-unsafe-eval'", "https://www.gstatic.com", "frame-ancestors 'none'"]
        {
            assert!(policy.contains(needed), "{needed} in {policy}");
        }
        for name in ["x-content-type-options", "x-frame-options", "x-request-id", "x-api-version", "referrer-policy"] {
            assert!(answer.headers.contains_key(name), "{name}");
        }
    }
}

#[tokio::test]
async fn unknown_addresses_are_pages_unless_they_are_something_else() {
    let build = build();
    let app = with_build(&build).await;
    for path in ["/leaderboard", "/profile/ada", "/profile/john.doe", "/routines/7/", "/a%20b", "/assetsx", "/x?y=/api"]
    {
        assert_eq!(get(&app, path).await.expect(200).body, PAGE, "{path}");
    }
    for path in [
        "/api",
        "/api/",
        "/api/v1/nothing",
        "/api/v2/scenarios",
        "/static",
        "/static/none.png",
        "/health/nothing",
        "/ready/x",
        "/metrics/nothing",
        "/docs/nothing",
        "/openapi.json/x",
        "/.well-known/nothing",
        "/.well-known/apple-app-site-association",
        "/assets/none.png",
        "/assets",
        "/assets/",
        "/assets/fonts",
        "/canvaskit/none.js",
        "/icons/none.png",
        "/.last_build_id",
        "/.git/config",
        "//leaderboard",
        "/%2e%2e/etc/passwd",
        "/..%2f..%2fetc/passwd",
        "/a%00",
        "/assets/%2e%2e/index.html",
    ] {
        get(&app, path).await.problem(404, "not_found");
    }
    get(&app, "/health").await.expect(200).json();
    app.request("POST", "/api/v1/nothing").try_send().await.unwrap().problem(404, "not_found");
    app.get("/api/v1/scenarios").await.expect(200);
}

#[tokio::test]
async fn the_old_service_worker_is_gone_unless_it_is_kept() {
    let build = build();
    let app = with_build(&build).await;
    get(&app, "/flutter_service_worker.js").await.problem(410, "gone");
    let variables = [("FRONTEND_WEB_DIR", build.name()), ("KEEP_SW", "1")];
    let app = TestApp::with_variables(&variables).await;
    let kept = get(&app, "/flutter_service_worker.js").await.expect(200);
    assert_eq!((kept.body.as_ref(), kept.header("cache-control")), (b"self".as_slice(), Some("no-cache")));
}

#[tokio::test]
async fn a_new_build_is_served_at_once() {
    let releases = TestFolder::new();
    releases.write("1/index.html", "one");
    releases.write("2/index.html", "two");
    let current = releases.path().join("current");
    std::os::unix::fs::symlink("1", &current).unwrap();
    let app = TestApp::with_variables(&[("FRONTEND_WEB_DIR", current.to_str().unwrap())]).await;
    let first = get(&app, "/").await.expect(200);
    assert_eq!(first.body, "one");
    std::fs::remove_file(&current).unwrap();
    std::os::unix::fs::symlink("2", &current).unwrap();
    let etag = first.header("etag").unwrap();
    let second = app.request("GET", "/").header("if-none-match", etag).try_send().await.unwrap().expect(200);
    assert_eq!(second.body, "two");
}

#[tokio::test]
async fn without_a_page_the_root_tells_the_name() {
    let empty = TestFolder::new();
    let none = TestApp::start().await;
    for app in [&none, &with_build(&empty).await] {
        let root = app.get("/").await.expect(200);
        assert_eq!(root.json(), json!({ "status": "ok", "service": "repduel-backend" }));
        for path in ["/leaderboard", "/index.html", "/assets/a.png"] {
            get(app, path).await.problem(404, "not_found");
        }
    }
    get(&none, "/flutter_service_worker.js").await.problem(404, "not_found");
    none.request("POST", "/leaderboard").try_send().await.unwrap().problem(404, "not_found");
}

#[tokio::test]
async fn a_missing_build_is_a_warning() {
    let database = TestDatabase::migrated().await;
    let url = database.url();
    let served = Served::start(&[("DATABASE_URL", &url), ("FRONTEND_WEB_DIR", "/dev/null/build")]).await;
    let said = served.said();
    assert!(
        said.contains("WARN") && said.contains("FRONTEND_WEB_DIR") && said.contains("STATIC_STORAGE_DIR"),
        "{said}"
    );
    assert_eq!(served.request("GET", "/").send().await.expect(200).json()["status"], "ok");
    served.kill().await;
}

#[tokio::test]
async fn apple_learns_which_app_opens_links() {
    let paths = ["/.well-known/apple-app-site-association", "/apple-app-site-association"];
    let app = TestApp::with_variables(&[("APPLE_TEAM_ID", "ABCDE12345")]).await;
    for path in paths {
        let answer = app.get(path).await.expect(200);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        let details = json!([{ "appID": "ABCDE12345.io.repduel.app", "paths": ["*"] }]);
        assert_eq!(answer.json(), json!({ "applinks": { "apps": [], "details": details } }));
    }
    let app = TestApp::with_variables(&[("APPLE_TEAM_ID", "T"), ("IOS_BUNDLE_ID", "org.example.other")]).await;
    assert_eq!(app.get(paths[0]).await.json()["applinks"]["details"][0]["appID"], "T.org.example.other");
    let app = TestApp::start().await;
    for path in paths {
        app.get(path).await.problem(404, "not_found");
    }
}
