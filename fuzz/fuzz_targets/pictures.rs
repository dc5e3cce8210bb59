//! Addresses of pictures, sent or found in the table: a key is what a key can be, it comes back from its address, and no
//! address is made that leads elsewhere than to our own folder or to where the stored one led.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use repduel_backend::config::{PictureConfig, origin_of};
use repduel_backend::pictures::{address, own_key, sent_key};
use repduel_fuzz::{assert_silent, text_with_canaries};

/// A server of its own, one with a CDN in front, and one whose addresses have folders.
static CONFIGS: LazyLock<[PictureConfig; 3]> = LazyLock::new(|| {
    let config = |public_base: &str, own_origins: &[&str]| PictureConfig {
        public_base: public_base.to_owned(),
        own_origins: own_origins.iter().map(|origin| (*origin).to_owned()).collect(),
    };
    [
        config("https://api.repduel.com/static", &["https://api.repduel.com"]),
        config("https://cdn.repduel.com", &["https://api.repduel.com", "https://cdn.repduel.com"]),
        config("http://10.0.0.7:81/repduel/pictures", &["http://10.0.0.7:81"]),
    ]
});

fn check_key(config: &PictureConfig, given: &str, key: &str) {
    let parts: Vec<&str> = key.split('/').collect();
    assert!(parts.iter().all(|part| !part.is_empty() && !part.starts_with('.')), "{given:?} gives {key:?}");
    assert!(key.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c)), "{given:?} gives {key:?}");
    assert_eq!(own_key(config, key).as_deref(), Some(key), "the key of {given:?} reads as another one");
    let address = format!("{}/{key}", config.public_base);
    assert_eq!(own_key(config, &address).as_deref(), Some(key), "the address of {given:?} reads as another key");
    if let Some(origin) = origin_of(given) {
        let local = origin.contains("//localhost") || origin.contains("//127.0.0.1");
        assert!(local || config.own_origins.contains(&origin), "{given:?} is not ours");
    }
}

fuzz_target!(|input: &str| {
    let given = text_with_canaries(input);
    for config in CONFIGS.iter() {
        let key = own_key(config, &given);
        if let Some(key) = &key {
            check_key(config, &given, key);
        }
        if let Some(shown) = address(config, Some(&given)) {
            let ours = shown.starts_with(&format!("{}/", config.public_base));
            assert!(ours || shown == given.trim(), "{given:?} becomes {shown:?}");
            assert!(origin_of(&shown).is_some(), "{given:?} becomes {shown:?}, which is no address");
            assert_eq!(address(config, Some(&shown)).as_ref(), Some(&shown), "{given:?}");
        }
        match sent_key(config, "avatar_url", Some(&given)) {
            Ok(sent) => assert_eq!(sent, own_key(config, given.trim())),
            Err(error) => assert_silent("a refused picture", &format!("{} {error:?}", error.document("/", "-"))),
        }
    }
});
