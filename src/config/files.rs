//! What is served beside the API: stored pictures, the web app, who opens links to here.

use std::path::PathBuf;

use super::reader::{Reader, origin_of};

/// Addresses of stored pictures.
#[derive(Clone, Debug)]
pub struct PictureConfig {
    /// What a stored key is put behind, without a slash at the end.
    pub public_base: String,
    /// Origins whose addresses are our own.
    pub own_origins: Vec<String>,
}

impl PictureConfig {
    pub(super) fn read(reader: &mut Reader<'_>, base_url: &str) -> Self {
        let cdn = reader.address("STATIC_PUBLIC_BASE");
        let prefer_cdn = reader.switch("STATIC_PREFER_CDN");
        if prefer_cdn && cdn.is_empty() {
            reader.fail("STATIC_PUBLIC_BASE", "be set while STATIC_PREFER_CDN is true");
        }
        let own = format!("{base_url}/static");
        let own_origins = [base_url, &cdn].into_iter().filter_map(origin_of).collect();
        Self { public_base: if prefer_cdn { cdn } else { own }, own_origins }
    }
}

/// Folders that are served.
#[derive(Clone, Debug)]
pub struct FolderConfig {
    /// Stored pictures.
    pub storage: PathBuf,
    /// The web app's build.
    pub web_app: Option<PathBuf>,
    /// Whether its service worker is served.
    pub keeps_service_worker: bool,
}

impl FolderConfig {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            storage: reader.text("STATIC_STORAGE_DIR").into(),
            web_app: reader.optional("FRONTEND_WEB_DIR").map(PathBuf::from),
            keeps_service_worker: reader.switch("KEEP_SW"),
        }
    }
}

/// The iOS app that opens links to here: its team and bundle.
pub(super) fn apple_app_id(reader: &mut Reader<'_>) -> Option<String> {
    let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || ".-".contains(c));
    let must = "have letters, digits, dots and hyphens only";
    let mut read = |name| reader.parsed(name, must, String::new(), |text| plain(text).then(|| text.to_owned()));
    let (team, bundle) = (read("APPLE_TEAM_ID"), read("IOS_BUNDLE_ID"));
    (!team.is_empty()).then(|| format!("{team}.{bundle}"))
}
