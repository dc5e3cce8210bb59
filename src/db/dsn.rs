//! Database URLs as they are found in the wild: SQLAlchemy's scheme, `ssl` words of other drivers, `sslmode` up to
//! `verify-full`. Pure. Always holds: neither `Debug` nor an error shows more of a URL than host, port and database.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use tokio_postgres::config::{Host, SslMode};

/// How far the server's certificate is checked, as libpq's `sslmode` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verify {
    /// `disable`, `allow`, `prefer`, `require` without `sslrootcert`: encryption at most.
    Nothing,
    /// `verify-ca`, and `require` with `sslrootcert`: the certificate comes from a trusted authority.
    Authority,
    /// `verify-full`: also, it names the host.
    AuthorityAndName,
}

/// A database address, ready to connect.
#[derive(Clone)]
pub struct Dsn {
    /// What tokio-postgres needs.
    pub config: tokio_postgres::Config,
    /// How far the certificate is checked.
    pub verify: Verify,
    /// The file of trusted authorities; `None`: the platform's.
    pub root_cert: Option<PathBuf>,
}

/// Why a URL cannot be used; never shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DsnError(pub String);

impl fmt::Display for DsnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for DsnError {}

/// Time to open one connection to one host, before the whole attempt's own limit.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Time after which a silent peer counts as gone, so that a pulled cable frees its requests.
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(10);
/// Idle time before the operating system asks whether the peer is still there.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);

impl Dsn {
    /// Reads a URL: `postgres[ql][+driver]://[user[:password]@]host[:port][,host…]/database[?parameters]`.
    ///
    /// # Errors
    /// What is wrong with it, without its contents.
    pub fn parse(url: &str) -> Result<Self, DsnError> {
        let (scheme, rest) = url.split_once("://").ok_or_else(|| DsnError("is not a PostgreSQL URL".to_owned()))?;
        if !matches!(scheme.split('+').next(), Some("postgres" | "postgresql")) {
            return Err(DsnError("is not a PostgreSQL URL".to_owned()));
        }
        check_signs(rest)?;
        let (location, query) = split_query(rest);
        let mut tls = TlsWords::default();
        let kept: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty()).filter(|pair| !tls.take(pair)).collect();
        let (mode, verify) = tls.meaning()?;
        let plain = format!("postgresql://{location}?{}", kept.join("&"));
        let mut config: tokio_postgres::Config = plain.parse().map_err(|error| explain(&error))?;
        if config.get_hosts().is_empty() {
            return Err(DsnError("names no host".to_owned()));
        }
        if config.get_user().is_none() {
            return Err(DsnError("names no user".to_owned()));
        }
        config.ssl_mode(mode);
        config.tcp_user_timeout(TCP_USER_TIMEOUT).keepalives_idle(KEEPALIVE_IDLE);
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        Ok(Self { config, verify, root_cert: tls.root_cert })
    }

    /// `host:port[,host:port]/database`, which is all that may be shown.
    #[must_use]
    pub fn location(&self) -> String {
        let ports = self.config.get_ports();
        let hosts = self.config.get_hosts().iter().enumerate().map(|(i, host)| {
            let port = ports.get(i).or_else(|| ports.first()).copied().unwrap_or(5432);
            match host {
                Host::Tcp(name) => format!("{name}:{port}"),
                Host::Unix(path) => format!("{}:{port}", path.display()),
            }
        });
        let database = self.config.get_dbname().or_else(|| self.config.get_user()).unwrap_or_default();
        format!("{}/{database}", hosts.collect::<Vec<_>>().join(","))
    }
}

impl fmt::Debug for Dsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dsn({}, {:?})", self.location(), self.verify)
    }
}

/// Refuses what could be cut in two ways. A part of a password would be taken for the host then, and shown; or an address in
/// a parameter for the end of the credentials, and `sslmode` before it overlooked.
fn check_signs(rest: &str) -> Result<(), DsnError> {
    let mut parts = rest.split('@');
    let (before, after) = (parts.next().unwrap_or_default(), parts.next());
    let user = before.split(':').next().unwrap_or_default();
    let has_parameters = before.split_once('?').is_some_and(|(_, parameters)| parameters.contains('='));
    if parts.next().is_some() || (after.is_some() && (user.contains(['/', '?']) || has_parameters)) {
        return Err(DsnError("is ambiguous: write @ / ? in names, passwords and parameters as %40 %2F %3F".to_owned()));
    }
    Ok(())
}

/// Splits at the `?` that follows the host: a password may hold an unescaped one.
fn split_query(rest: &str) -> (&str, &str) {
    let host = rest.rfind('@').unwrap_or(0);
    let mark = rest.get(host..).and_then(|tail| tail.find('?')).map(|at| host + at);
    mark.and_then(|at| Some((rest.get(..at)?, rest.get(at + 1..)?))).unwrap_or((rest, ""))
}

/// tokio-postgres names the parameter it cannot use. The name of one that it does not know comes from the URL, and may be part
/// of a password that was not escaped.
fn explain(error: &tokio_postgres::Error) -> DsnError {
    let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    let text = match (cause.split_once('`'), cause.starts_with("invalid value")) {
        (Some((_, name)), true) => format!("has a parameter that cannot be used: {}", name.trim_end_matches('`')),
        (Some(_), false) => "has a parameter that is not known".to_owned(),
        (None, _) => "is not a PostgreSQL URL".to_owned(),
    };
    DsnError(text)
}

/// The parameters about TLS, which we read ourselves: tokio-postgres does not know all of them.
#[derive(Default)]
struct TlsWords {
    mode: Option<String>,
    root_cert: Option<PathBuf>,
}

impl TlsWords {
    /// Takes the pair if it is about TLS, or about a cache of another driver that means nothing here.
    fn take(&mut self, pair: &str) -> bool {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = percent_decode_str(value).decode_utf8_lossy().into_owned();
        match key {
            "sslmode" | "ssl" => self.mode = Some(value),
            "sslrootcert" => self.root_cert = Some(PathBuf::from(value)).filter(|path| path.as_os_str() != "system"),
            "prepared_statement_cache_size" | "statement_cache_size" | "async_fallback" => {}
            _ => return false,
        }
        true
    }

    fn meaning(&self) -> Result<(SslMode, Verify), DsnError> {
        let require = if self.root_cert.is_some() { Verify::Authority } else { Verify::Nothing };
        match self.mode.as_deref() {
            None | Some("prefer" | "allow") => Ok((SslMode::Prefer, require)),
            Some("disable" | "false" | "0") => Ok((SslMode::Disable, Verify::Nothing)),
            Some("require" | "true" | "1") => Ok((SslMode::Require, require)),
            Some("verify-ca") => Ok((SslMode::Require, Verify::Authority)),
            Some("verify-full") => Ok((SslMode::Require, Verify::AuthorityAndName)),
            Some(_) => Err(DsnError("has a parameter that cannot be used: sslmode".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_other_drivers_are_read() {
        let dsn = Dsn::parse("postgresql+asyncpg://app:p%40ss%2Fw%3Ard@db.example:6432/app1db?ssl=require").unwrap();
        assert_eq!(dsn.config.get_password(), Some(b"p@ss/w:rd".as_slice()));
        assert_eq!(dsn.config.get_ssl_mode(), SslMode::Require);
        assert_eq!((dsn.location().as_str(), dsn.verify), ("db.example:6432/app1db", Verify::Nothing));
    }

    #[test]
    fn ssl_modes_mean_what_libpq_says() {
        let cases = [
            ("", SslMode::Prefer, Verify::Nothing),
            ("sslmode=disable", SslMode::Disable, Verify::Nothing),
            ("sslmode=require", SslMode::Require, Verify::Nothing),
            ("sslmode=require&sslrootcert=%2Fca.pem", SslMode::Require, Verify::Authority),
            ("sslmode=verify-ca", SslMode::Require, Verify::Authority),
            ("sslmode=verify-full&sslrootcert=system", SslMode::Require, Verify::AuthorityAndName),
        ];
        for (query, mode, verify) in cases {
            let dsn = Dsn::parse(&format!("postgres://u@h/d?{query}")).unwrap();
            assert_eq!((dsn.config.get_ssl_mode(), dsn.verify), (mode, verify), "{query}");
        }
    }

    #[test]
    fn several_hosts_and_other_parameters_pass_through() {
        let dsn =
            Dsn::parse("postgres://u:a?b@h1:1,h2:2/d?target_session_attrs=read-write&options=-c%20x%3D1").unwrap();
        assert_eq!(dsn.location(), "h1:1,h2:2/d");
        assert_eq!(dsn.config.get_password(), Some(b"a?b".as_slice()));
        assert_eq!(dsn.config.get_options(), Some("-c x=1"));
    }

    const AMBIGUOUS: &str = "is ambiguous: write @ / ? in names, passwords and parameters as %40 %2F %3F";

    #[test]
    fn mistakes_are_named_without_the_url() {
        let cases = [
            ("canary", "is not a PostgreSQL URL"),
            ("mysql://canary@h/d", "is not a PostgreSQL URL"),
            ("postgres://canary:canary@h:port/d", "has a parameter that cannot be used: port"),
            ("postgres://canary@h/d?sslmode=canary", "has a parameter that cannot be used: sslmode"),
            ("postgres://canary@h/d?canary=canary", "has a parameter that is not known"),
            ("postgres:///d", "names no host"),
            ("postgres://u:canary@canary@h/d", AMBIGUOUS),
            ("postgres://h/d?user=u&password=canary&options=a@b", AMBIGUOUS),
            ("postgres://h:1/d?user=u&password=a@canary", AMBIGUOUS),
            ("postgres://u@h/d?sslmode=require&application_name=a@b", AMBIGUOUS), // its sslmode was once overlooked
        ];
        for (url, expected) in cases {
            assert_eq!(Dsn::parse(url).unwrap_err().0, expected, "{url}");
        }
    }

    #[test]
    fn debug_shows_the_location_only() {
        let dsn = Dsn::parse("postgres://canary:canary@h/d").unwrap();
        assert_eq!(format!("{dsn:?}"), "Dsn(h:5432/d, Nothing)");
    }
}

#[cfg(test)]
mod properties {
    use super::*;
    use crate::property;
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    use proptest::collection::vec;

    fn encoded(text: &str) -> String {
        utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
    }

    #[test]
    fn what_is_encoded_comes_back() {
        let hosts = vec(("[a-z][a-z0-9.-]{0,20}", 1..=u16::MAX), 1..4);
        property::holds((".{1,20}", ".{0,20}", hosts, ".{1,20}"), |(user, password, hosts, database)| {
            let listed: Vec<String> = hosts.iter().map(|(name, port)| format!("{name}:{port}")).collect();
            let listed = listed.join(",");
            let [name, word, path] = [&user, &password, &database].map(|text| encoded(text));
            let dsn = Dsn::parse(&format!("postgresql+psycopg://{name}:{word}@{listed}/{path}?ssl=1")).unwrap();
            assert_eq!(dsn.config.get_user(), Some(user.as_str()));
            assert_eq!(dsn.config.get_password(), Some(password.as_bytes()));
            assert_eq!(dsn.config.get_dbname(), Some(database.as_str()));
            assert_eq!(dsn.location(), format!("{listed}/{database}"));
            assert_eq!(dsn.config.get_ssl_mode(), SslMode::Require);
        });
    }

    #[test]
    fn no_part_of_a_password_is_shown_however_it_is_written() {
        // The signs that a URL has between its parts, some of which end a password that is not encoded.
        property::holds((r"[a:@/?&=%#,+\[\] ]{0,6}", r"[a:@/?&=%#,+\[\] ]{0,6}"), |(before, after)| {
            let password = format!("{before}hunter{after}hunter{before}");
            for url in [
                format!("postgres://app:{password}@db.internal:6543/repduel?sslmode=require"),
                format!("postgres://app:{password}@db.internal"),
                format!("postgres://app:{}@db.internal/repduel?connect_timeout=x", encoded(&password)),
                format!("postgres://db.internal/repduel?user=app&password={password}&application_name=a"),
                format!("postgres://db.internal:6543?user=app&password={password}"),
            ] {
                let shown = format!("{:?}", Dsn::parse(&url));
                assert!(!shown.contains("hunter"), "{url} shows {shown}");
            }
        });
    }

    #[test]
    fn any_text_is_read_or_refused() {
        property::holds(("(postgres(ql)?://)?", r"[a-z:@/?&=%0-9,\[\]]{0,40}"), |(scheme, rest)| {
            if let Ok(dsn) = Dsn::parse(&format!("{scheme}{rest}")) {
                assert!(!dsn.config.get_hosts().is_empty() && dsn.config.get_user().is_some());
            }
        });
    }
}
