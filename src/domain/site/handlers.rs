//! Files for anybody, and the page that the web app is.

use std::sync::Arc;

use hyper::header::HeaderValue;

use super::wire::{AppDetails, AppLinks, Association, Home, Root};
use crate::app::App;
use crate::error::{Error, Problem, Result};
use crate::http::Json;
use crate::http::conditional::Conditions;
use crate::http::files::{FilePath, FileReply, Folder, Policy, Tail};

/// For files whose names are never given to anything else.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// For files that the next release replaces under the same names: kept, but asked about each time.
const ASKED_ABOUT: HeaderValue = HeaderValue::from_static("no-cache");

/// Stored files are looked at, whatever is in them: no scripts, nothing loaded, an origin of its own.
const STORED_SECURITY: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; sandbox");
/// What a Flutter web app needs: inline styles and its inline loader, WebAssembly (CanvasKit, which comes from gstatic.com
/// unless the build has its own), workers and pictures that it makes itself, calls to the API, fonts from afar.
const WEB_APP_SECURITY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval' blob: https://www.gstatic.com; \
     style-src 'self' 'unsafe-inline' https://fonts.googleapis.com; font-src 'self' data: https:; \
     img-src 'self' data: blob: https: http://localhost:* http://127.0.0.1:*; media-src 'self' data: blob: https:; \
     connect-src 'self' data: blob: https: wss: http://localhost:* http://127.0.0.1:*; worker-src 'self' blob:; \
     frame-src https:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'",
);

/// Folders of the web app's build whose files are kept for ever, but for those that [`names_others`]. A file that is not in
/// them is not a page.
const ASSETS: [&str; 3] = ["assets", CANVAS_KIT, "icons"];
/// A program and the WebAssembly that belongs to it: kept alike, because neither runs with the other of another release.
const CANVAS_KIT: &str = "canvaskit";
/// Endings of files that name other files, of which every release has its own under the same name: Flutter's lists of fonts and
/// assets, pages, programs.
const NAMING_OTHERS: [&str; 5] = ["html", "htm", "js", "mjs", "json"];
/// A worker that kept old builds alive in browsers: told that it is gone, they let go of it.
const SERVICE_WORKER: &str = "flutter_service_worker.js";
/// The page.
const INDEX: &str = "index.html";

fn nothing_here() -> Error {
    Error::new(Problem::NotFound)
}

pub async fn stored(app: Arc<App>, Tail(path): Tail, conditions: Conditions) -> Result<FileReply> {
    let path = path.ok_or_else(nothing_here)?;
    let found = app.static_files.find(&path).await?.ok_or_else(nothing_here)?;
    found.reply(&conditions, Policy { cache: FOR_EVER, security: STORED_SECURITY })
}

pub async fn root(app: Arc<App>, conditions: Conditions) -> Result<Home> {
    let page = match &app.web_app {
        Some(folder) => index(folder, &conditions).await?,
        None => None,
    };
    let name = || Root { status: "ok", service: "repduel-backend" };
    Ok(page.map_or_else(|| Home::Name(name()), Home::Page))
}

pub async fn web_app(app: Arc<App>, Tail(path): Tail, conditions: Conditions) -> Result<FileReply> {
    let folder = app.web_app.as_ref().ok_or_else(nothing_here)?;
    let path = path.ok_or_else(nothing_here)?;
    if path.as_str() == SERVICE_WORKER && !app.config.folders.keeps_service_worker {
        return Err(Error::new(Problem::Gone));
    }
    let first = path.as_str().split('/').next().unwrap_or_default();
    let is_asset = ASSETS.contains(&first);
    match folder.find(&path).await? {
        Some(found) => {
            let is_kept = is_asset && (first == CANVAS_KIT || !names_others(path.as_str()));
            let cache = if is_kept { FOR_EVER } else { ASKED_ABOUT };
            found.reply(&conditions, Policy { cache, security: WEB_APP_SECURITY })
        }
        None if is_asset => Err(nothing_here()),
        None => index(folder, &conditions).await?.ok_or_else(nothing_here),
    }
}

/// Whether the file is one that the next release changes together with those that it names.
fn names_others(path: &str) -> bool {
    let ending = path.rsplit_once('.').map_or("", |(_, ending)| ending);
    NAMING_OTHERS.iter().any(|known| ending.eq_ignore_ascii_case(known))
}

/// The page, which finds out by itself what its address means; `None` while the build has none.
async fn index(folder: &Folder, conditions: &Conditions) -> Result<Option<FileReply>> {
    let path = FilePath::parse(INDEX).ok_or_else(nothing_here)?;
    let found = folder.find(&path).await?;
    found.map(|found| found.reply(conditions, Policy { cache: ASKED_ABOUT, security: WEB_APP_SECURITY })).transpose()
}

pub async fn association(app: Arc<App>) -> Result<Json<Association>> {
    let app_id = app.config.apple_app_id.clone().ok_or_else(nothing_here)?;
    let details = vec![AppDetails { appID: app_id, paths: vec!["*"] }];
    Ok(Json(Association { applinks: AppLinks { apps: Vec::new(), details } }))
}
