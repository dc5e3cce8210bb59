//! Database URLs: never a panic; what is encoded comes back; and neither an error nor what is shown of a URL holds a piece of
//! its password, however that is written.

#![no_main]

use libfuzzer_sys::fuzz_target;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use repduel_backend::db::dsn::Dsn;
use repduel_fuzz::{assert_silent, text_with_canaries};
use tokio_postgres::config::Host;

/// The texts of errors, but for the name of a parameter that has a bad value.
const ERRORS: [&str; 5] = [
    "is not a PostgreSQL URL",
    "names no host",
    "names no user",
    "has a parameter that is not known",
    "is ambiguous: write @ / ? in names, passwords and parameters as %40 %2F %3F",
];

/// What is shown of this URL, whether it can be used or not.
fn shown(url: &str) -> String {
    match Dsn::parse(url) {
        Ok(dsn) => format!("{dsn:?}"),
        Err(error) => {
            let named = error.0.strip_prefix("has a parameter that cannot be used: ");
            let plain = |name: &str| name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
            assert!(ERRORS.contains(&error.0.as_str()) || named.is_some_and(plain), "{error:?}");
            format!("{error:?}")
        }
    }
}

/// Writes a URL of these parts and reads it.
fn assert_comes_back(user: &str, password: &str, host: &str, port: u16, database: &str) {
    let encoded = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
    let (shown_host, host_name) = match host.is_empty() {
        true => ("localhost", "localhost".to_owned()),
        false => (host, encoded(host).to_string()),
    };
    let url = format!(
        "postgresql+asyncpg://{}:{}@{host_name}:{port}/{}?sslmode=verify-full",
        encoded(user),
        encoded(password),
        encoded(database)
    );
    // Port 0 stands for none, and tokio-postgres refuses it nowhere.
    let dsn = Dsn::parse(&url).unwrap_or_else(|error| panic!("{url}: {error}"));
    assert_eq!(dsn.config.get_user(), Some(user), "{url}");
    assert_eq!(dsn.config.get_password(), Some(password.as_bytes()), "{url}");
    assert_eq!(dsn.config.get_dbname(), Some(database).filter(|name| !name.is_empty()), "{url}");
    assert_eq!(dsn.config.get_ports(), [port], "{url}");
    match dsn.config.get_hosts() {
        [Host::Tcp(name)] => assert_eq!(name, shown_host, "{url}"),
        [Host::Unix(path)] => assert_eq!(path.to_str(), Some(shown_host), "{url}"),
        hosts => panic!("{url} names {hosts:?}"),
    }
    let shown = if database.is_empty() { user } else { database };
    assert_eq!(dsn.location(), format!("{shown_host}:{port}/{shown}"), "{url}");
}

fuzz_target!(|input: &str| {
    shown(input);
    let secret = text_with_canaries(input);
    for url in [
        format!("postgres://app:{secret}@db.internal:6543/repduel?sslmode=require"),
        format!("postgres://app:{}@db.internal/repduel", utf8_percent_encode(&secret, NON_ALPHANUMERIC)),
        format!("postgres://db.internal/repduel?user=app&password={}", utf8_percent_encode(&secret, NON_ALPHANUMERIC)),
    ] {
        assert_silent("a database URL", &shown(&url));
    }
    let mut lines = input.split('\n');
    let mut part = || lines.next().unwrap_or_default();
    let (user, password, host, port, database) = (part(), part(), part(), part(), part());
    assert_comes_back(user, password, host, port.parse().unwrap_or(5432), database);
});
