//! Which addresses of others an environment makes the service call, without all the rest of it.

use super::variables::VARS;

/// An address of others that the service calls.
#[derive(Debug, PartialEq, Eq)]
pub struct Outbound {
    /// The variable that says so.
    pub name: &'static str,
    /// The host.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// Variables with addresses of others, and the variable without which nobody is called there.
const OUTBOUND: [(&str, &str); 3] = [
    ("STRIPE_API_BASE", "STRIPE_SECRET_KEY"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"),
    ("SENTRY_DSN", "SENTRY_DSN"),
];

/// The addresses of others that the service calls with this environment.
pub fn outbound(lookup: impl Fn(&str) -> Option<String>) -> Vec<Outbound> {
    let given = |name: &str| lookup(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let usual = |name| VARS.iter().find(|var| var.name == name).map(|var| var.default.to_owned());
    let called = OUTBOUND.into_iter().filter(|(_, needed)| given(needed).is_some());
    called
        .filter_map(|(name, _)| {
            let address = given(name).or_else(|| usual(name))?;
            let (scheme, rest) = address.split_once("://")?;
            let place = rest.split(['/', '?', '#']).next()?;
            let place = place.rsplit_once('@').map_or(place, |(_, place)| place); // what stands before it may be a key
            let usual = if scheme == "http" { 80 } else { 443 };
            let (host, port) =
                place.rsplit_once(':').map_or((place, Some(usual)), |(host, port)| (host, port.parse().ok()));
            Some(Outbound { name, host: host.to_owned(), port: port? })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::outbound;

    #[test]
    fn addresses_of_others_are_known_without_their_keys() {
        let pairs = [
            ("STRIPE_SECRET_KEY", "canary"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318/"),
            ("SENTRY_DSN", "https://canary@o1.ingest.example/7"),
        ];
        let lookup = |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        let places: Vec<_> =
            outbound(lookup).into_iter().map(|to| (to.name, format!("{}:{}", to.host, to.port))).collect();
        let wanted = [
            ("STRIPE_API_BASE", "api.stripe.com:443"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
            ("SENTRY_DSN", "o1.ingest.example:443"),
        ];
        assert_eq!(places, wanted.map(|(name, place)| (name, place.to_owned())));
        assert_eq!(outbound(|_| None), []);
    }
}
