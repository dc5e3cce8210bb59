//! Addresses of stored pictures: a key in the table, an absolute address on the wire. Pure.

use crate::config::{PictureConfig, origin_of};
use crate::error::{Error, FieldError, Result};

/// Characters a key may have.
const KEY_MAX: usize = 512;

/// The address that clients get for what the table holds: a key hangs below our static folder, an address of our own origin is
/// made anew, a foreign one passes through.
#[must_use]
pub fn address(config: &PictureConfig, stored: Option<&str>) -> Option<String> {
    let stored = stored.map(str::trim).filter(|stored| !stored.is_empty())?;
    match own_key(config, stored) {
        Some(key) => Some(format!("{}/{key}", config.public_base)),
        None if origin_of(stored).is_some() => Some(stored.to_owned()),
        None => None,
    }
}

/// The key behind what a client sent: a key, or an address of our own static folder. `None` for anything foreign.
#[must_use]
pub fn own_key(config: &PictureConfig, given: &str) -> Option<String> {
    let below_base = given.strip_prefix(&config.public_base).and_then(|rest| rest.strip_prefix('/'));
    let path = match (below_base, origin_of(given)) {
        (Some(path), _) => before_query(path), // the base may have folders of its own
        (None, Some(origin)) if is_own(config, &origin) => {
            let (_, rest) = given.split_once("://")?;
            let (_, path) = rest.split_once('/')?;
            before_query(path)
        }
        (None, Some(_)) => return None,
        (None, None) if given.starts_with("//") => return None, // names another host
        (None, None) => given,
    };
    // However often the folder is named: a key that began with its name would lose it when it is read again.
    let mut key = path.trim_start_matches('/');
    while let Some(rest) = key.strip_prefix("static/") {
        key = rest;
    }
    is_key(key).then(|| key.to_owned())
}

/// The path of an address without what may follow it.
fn before_query(path: &str) -> &str {
    path.split(['?', '#']).next().unwrap_or_default()
}

/// The key of the picture that a client sent in this field; empty text is none.
///
/// # Errors
/// 422 if it is not one of ours.
pub fn sent_key(config: &PictureConfig, field: &str, given: Option<&str>) -> Result<Option<String>> {
    let Some(given) = given.map(str::trim).filter(|given| !given.is_empty()) else { return Ok(None) };
    own_key(config, given).map(Some).ok_or_else(|| {
        let detail = format!("{field} must be a picture of this service");
        Error::invalid(vec![FieldError { pointer: format!("/{field}"), code: "unknown", detail }])
    })
}

/// Ours, or that of a developer's machine, which old rows and old clients hold.
fn is_own(config: &PictureConfig, origin: &str) -> bool {
    let host = origin.split_once("://").map_or("", |(_, host)| host);
    let name = host.split(':').next().unwrap_or_default();
    config.own_origins.iter().any(|own| own == origin) || matches!(name, "localhost" | "127.0.0.1")
}

fn is_key(key: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let segment = |part: &str| !part.is_empty() && !part.starts_with('.') && part.chars().all(plain);
    key.len() <= KEY_MAX && key.split('/').all(segment)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> PictureConfig {
        PictureConfig {
            public_base: "https://api.repduel.com/static".to_owned(),
            own_origins: vec!["https://api.repduel.com".to_owned(), "https://cdn.repduel.com".to_owned()],
        }
    }

    #[test]
    fn stored_values_become_absolute_addresses() {
        let cases = [
            (Some("avatars/a.png"), Some("https://api.repduel.com/static/avatars/a.png")),
            (Some("http://localhost:9999/static/avatars/a.png"), Some("https://api.repduel.com/static/avatars/a.png")),
            (Some("https://cdn.repduel.com/avatars/a.png?v=2"), Some("https://api.repduel.com/static/avatars/a.png")),
            (Some("https://elsewhere.example/a.png"), Some("https://elsewhere.example/a.png")),
            (Some("javascript:alert(1)"), None),
            (Some("  "), None),
            (None, None),
        ];
        for (stored, expected) in cases {
            assert_eq!(address(&config(), stored).as_deref(), expected, "{stored:?}");
        }
    }

    #[test]
    fn only_our_own_is_taken() {
        for given in ["/static/avatars/a.png", "avatars/a.png", "https://api.repduel.com/static/avatars/a.png"] {
            assert_eq!(own_key(&config(), given).as_deref(), Some("avatars/a.png"), "{given}");
        }
        for given in [
            "https://elsewhere.example/a.png",
            "https://api.repduel.com.evil/a",
            "../a",
            "a/../b",
            "a b",
            "javascript:x",
            "//evil/x.png:",
            "//elsewhere.example/a.png",
            "",
        ] {
            assert_eq!(own_key(&config(), given), None, "{given}");
        }
    }

    #[test]
    fn a_key_comes_back_from_its_address() {
        let folder = "https://cdn.repduel.com/pictures".to_owned();
        let config = PictureConfig { public_base: folder, ..config() };
        let given = address(&config, Some("static/static/a.png")).unwrap();
        assert_eq!(given, "https://cdn.repduel.com/pictures/a.png");
        assert_eq!(own_key(&config, &format!("{given}?v=2")).as_deref(), Some("a.png"));
    }
}

#[cfg(test)]
mod properties {
    use super::*;
    use crate::property;
    use proptest::prelude::*;
    use proptest::sample::select;

    /// Servers with and without a CDN and folders of their own.
    fn configs() -> impl Strategy<Value = PictureConfig> {
        let bases =
            ["https://api.example/static", "https://cdn.example", "https://cdn.example/a/b", "http://10.0.0.7:81/x"];
        select(bases.to_vec()).prop_map(|base| PictureConfig {
            public_base: base.to_owned(),
            own_origins: vec!["https://api.example".to_owned(), origin_of(base).unwrap()],
        })
    }

    fn keys() -> impl Strategy<Value = String> {
        "[a-z0-9_-][A-Za-z0-9._-]{0,9}(/[a-z0-9_-][a-z.]{0,9}){0,3}"
            .prop_filter("the folder's own name", |key: &String| !key.starts_with("static/"))
    }

    #[test]
    fn a_key_comes_back_from_every_form_in_which_it_is_sent() {
        let query = select(vec!["", "?v=2", "#top", "?a=/b#c"]);
        property::holds((configs(), keys(), query), |(config, key, query)| {
            let shown = address(&config, Some(&key)).unwrap();
            assert_eq!(shown, format!("{}/{key}", config.public_base));
            let api = format!("https://api.example/static/{key}");
            let local = format!("http://localhost:3000/static/{key}");
            for form in [&shown, &api, &local] {
                assert_eq!(own_key(&config, &format!("{form}{query}")), Some(key.clone()), "{form}{query}");
            }
            for form in [key.clone(), format!("/{key}"), format!("/static/{key}"), format!("static/{key}")] {
                assert_eq!(own_key(&config, &form), Some(key.clone()), "{form}");
            }
        });
    }

    #[test]
    fn what_is_read_of_any_text_is_a_key_and_stays_one() {
        let texts = prop_oneof![
            r"[a./?#%:@\\ -]{0,12}",
            "(https?://(api|cdn|localhost)[.:/a-z]{0,8}|static/|\\.\\./|//|a){0,6}",
            "/?(static/){1,3}[a-z]{1,3}",
        ];
        property::holds((configs(), texts), |(config, text)| {
            if let Some(key) = own_key(&config, &text) {
                let is_part = |part: &str| !part.is_empty() && !part.starts_with('.');
                assert!(key.split('/').all(is_part), "{key}");
                assert!(key.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c)), "{key}");
                assert_eq!(own_key(&config, &key), Some(key));
            }
            if let Some(shown) = address(&config, Some(&text)) {
                assert!(shown.starts_with(&config.public_base) || shown == text.trim(), "{shown}");
                assert_eq!(address(&config, Some(&shown)), Some(shown));
            }
        });
    }

    #[test]
    fn pictures_of_other_hosts_are_shown_and_not_taken() {
        let hosts = select(vec![
            "elsewhere.example",
            "api.example.evil",
            "evilapi.example",
            "cdn.example.evil:443",
            "cdn.examples",
        ]);
        property::holds((configs(), hosts, keys()), |(config, host, key)| {
            let foreign = format!("https://{host}/static/{key}");
            assert_eq!(own_key(&config, &foreign), None);
            let refused = sent_key(&config, "avatar_url", Some(&foreign)).unwrap_err();
            assert!(!format!("{refused:?}").contains(host));
            assert_eq!(address(&config, Some(&foreign)), Some(foreign));
        });
    }
}
