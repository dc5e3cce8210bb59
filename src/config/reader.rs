//! Reading values by the names in [`VARS`], one way for each kind of value.

use std::time::Duration;

use super::Secret;
use super::variables::VARS;

/// Reads values by the names in [`VARS`] and gathers mistakes.
pub(super) struct Reader<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    pub(super) errors: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { lookup, errors: Vec::new() }
    }

    /// The value that is set, under the name or an alias. Empty counts as not set.
    fn set(&self, name: &str) -> Option<String> {
        let var = VARS.iter().find(|var| var.name == name)?;
        let mut names = std::iter::once(&var.name).chain(var.aliases);
        names
            .find_map(|name| (self.lookup)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty()))
    }

    /// The value, or the default; empty where there is neither.
    pub(super) fn text(&self, name: &str) -> String {
        let default = || VARS.iter().find(|var| var.name == name).map_or("", |var| var.default).to_owned();
        self.set(name).unwrap_or_else(default)
    }

    /// The value or the default, if there is either.
    pub(super) fn optional(&self, name: &str) -> Option<String> {
        Some(self.text(name)).filter(|text| !text.is_empty())
    }

    /// A secret that is set; none has a default.
    pub(super) fn secret(&self, name: &str) -> Option<Secret> {
        self.set(name).map(Secret)
    }

    /// Notes a mistake. `must` completes "`name` must …".
    pub(super) fn fail(&mut self, name: &str, must: &str) {
        self.errors.push(format!("{name} must {must}"));
    }

    /// A value read by `parse`, or a mistake noted and the fallback taken.
    pub(super) fn parsed<T>(&mut self, name: &str, must: &str, fallback: T, parse: impl Fn(&str) -> Option<T>) -> T {
        if let Some(value) = parse(&self.text(name)) {
            return value;
        }
        self.fail(name, must);
        fallback
    }

    /// A whole number within these bounds.
    pub(super) fn integer(&mut self, name: &str, min: i64, max: i64) -> i64 {
        let within = |text: &str| text.parse().ok().filter(|number| (min..=max).contains(number));
        self.parsed(name, &format!("be a whole number from {min} to {max}"), min, within)
    }

    /// Whether something is on.
    pub(super) fn switch(&mut self, name: &str) -> bool {
        self.parsed(name, "be true or false", false, |text| match text.to_ascii_lowercase().as_str() {
            "1" | "true" | "yes" | "on" => Some(true),
            "0" | "false" | "no" | "off" => Some(false),
            _ => None,
        })
    }

    /// Seconds, one at least.
    pub(super) fn seconds(&mut self, name: &str, max: i64) -> Duration {
        Duration::from_secs(self.integer(name, 1, max).unsigned_abs())
    }

    /// An `http(s)` address without a slash at the end; empty where it is not set.
    pub(super) fn address(&mut self, name: &str) -> String {
        self.parsed(name, "be an http or https address", String::new(), |text| {
            let good = text.is_empty() || origin_of(text).is_some();
            good.then(|| text.trim_end_matches('/').to_owned())
        })
    }
}

/// The parts of a comma list.
pub(super) fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

/// The origin (`scheme://host[:port]`, lower case) of an `http` or `https` address.
#[must_use]
pub fn origin_of(address: &str) -> Option<String> {
    let (scheme, rest) = address.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    let plain = !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || ".-:[]_".contains(c));
    (plain && (scheme == "http" || scheme == "https")).then(|| format!("{scheme}://{host}"))
}
