//! Who is at the other end, as far as that can be known: the address a request came from and whether it came by https.
//!
//! What a request says about itself counts only when a trusted proxy said it, so a stranger cannot become somebody else by
//! sending a header: not from an untrusted peer, and not through a proxy, which puts what it saw at the right of the list.

use std::net::IpAddr;

use hyper::header::{HeaderMap, HeaderName};

use crate::network::Network;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The other end of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// Where it is.
    pub address: IpAddr,
    /// Whether it spoke https to the first machine of ours.
    pub is_https: bool,
}

impl Client {
    /// The client of a request with these headers from the socket of this peer.
    #[must_use]
    pub fn of(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> Self {
        let is_trusted = |address| trusted.iter().any(|network| network.contains(address));
        let mut client = Self { address: peer.to_canonical(), is_https: false };
        if !is_trusted(client.address) {
            return client;
        }
        client.is_https =
            last_entry(headers, &X_FORWARDED_PROTO).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"));
        // From the right: each trusted machine names whom it saw. The first that is not ours is the client. What cannot be
        // read ends the way: nobody knows who wrote what is left of it.
        for entry in entries_from_the_right(headers, &X_FORWARDED_FOR) {
            let Some(address) = entry.and_then(read_address) else { break };
            client.address = address;
            if !is_trusted(address) {
                break;
            }
        }
        client
    }
}

/// The elements of a list that may be spread over several lines, last one first; `None` stands for one that is no text. Empty
/// elements mean nothing.
fn entries_from_the_right<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = Option<&'a str>> {
    let lines = headers.get_all(name).into_iter().rev();
    let entries = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
    entries.filter(|entry| !entry.is_empty()).map(|entry| std::str::from_utf8(entry).ok())
}

fn last_entry<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    entries_from_the_right(headers, name).next().flatten()
}

/// An address, with or without a port, brackets, a zone or quotes.
fn read_address(entry: &str) -> Option<IpAddr> {
    let entry = entry.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(entry);
    let bare = match entry.strip_prefix('[') {
        Some(rest) => {
            let (address, after) = rest.split_once(']')?;
            (after.is_empty() || after.strip_prefix(':').is_some_and(is_port)).then_some(address)?
        }
        None => match entry.split_once(':') {
            // One colon parts a port from an IPv4 address; more of them are IPv6.
            Some((address, port)) if !port.contains(':') => is_port(port).then_some(address)?,
            _ => entry,
        },
    };
    let address = bare.split_once('%').map_or(bare, |(address, _zone)| address);
    Some(address.parse::<IpAddr>().ok()?.to_canonical())
}

fn is_port(text: &str) -> bool {
    text.parse::<u16>().is_ok() && !text.starts_with('+')
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    fn client(peer: &str, forwarded: &[&str]) -> String {
        let trusted = ["127.0.0.0/8", "::1", "10.0.0.0/8"].map(|network| Network::parse(network).unwrap());
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append(X_FORWARDED_FOR, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        Client::of(peer.parse().unwrap(), &headers, &trusted).address.to_string()
    }

    #[test]
    fn the_first_stranger_from_the_right_is_the_client() {
        let cases: [(&str, &[&str], &str); 20] = [
            ("203.0.113.9", &["198.51.100.1"], "203.0.113.9"),
            ("127.0.0.1", &[], "127.0.0.1"),
            ("127.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("127.0.0.1", &["1.1.1.1, 198.51.100.1"], "198.51.100.1"),
            ("127.0.0.1", &["1.1.1.1", "198.51.100.1"], "198.51.100.1"),
            ("127.0.0.1", &["198.51.100.1", "10.2.3.4, 127.0.0.1"], "198.51.100.1"),
            ("127.0.0.1", &["10.2.3.4"], "10.2.3.4"),
            ("127.0.0.1", &["198.51.100.1,,  ,"], "198.51.100.1"),
            ("127.0.0.1", &["198.51.100.1:4711"], "198.51.100.1"),
            ("::1", &["2001:db8::7"], "2001:db8::7"),
            ("::1", &["[2001:db8::7]"], "2001:db8::7"),
            ("::1", &["[2001:db8::7]:4711"], "2001:db8::7"),
            ("::1", &["\"[2001:db8::7]:4711\""], "2001:db8::7"),
            ("::1", &["fe80::7%eth0"], "fe80::7"),
            ("::ffff:127.0.0.1", &["::ffff:198.51.100.1"], "198.51.100.1"),
            ("127.0.0.1", &["198.51.100.1, unknown"], "127.0.0.1"),
            ("127.0.0.1", &["198.51.100.1, é, 10.0.0.1"], "10.0.0.1"),
            ("127.0.0.1", &["198.51.100.1", "\u{fc}", "10.0.0.1"], "10.0.0.1"),
            ("127.0.0.1", &["é, 198.51.100.1"], "198.51.100.1"),
            ("127.0.0.1", &["198.51.100.1:99999"], "127.0.0.1"),
        ];
        for (peer, forwarded, expected) in cases {
            assert_eq!(client(peer, forwarded), expected, "{peer} {forwarded:?}");
        }
    }

    #[test]
    fn garbage_is_nobody() {
        for entry in
            ["", "a", "1.2.3", "1.2.3.4:", "1.2.3.4:+5", "[1.2.3.4", "[::1]x", "[::1]:", ":::", "1.2.3.4 5", "::1]"]
        {
            assert_eq!(read_address(entry), None, "{entry}");
        }
    }

    #[test]
    fn the_scheme_is_told_by_trusted_machines() {
        let trusted = [Network::parse("127.0.0.1").unwrap()];
        let https = |peer: &str, scheme: &str| {
            let headers = HeaderMap::from_iter([(X_FORWARDED_PROTO, HeaderValue::from_str(scheme).unwrap())]);
            Client::of(peer.parse().unwrap(), &headers, &trusted).is_https
        };
        assert!(https("127.0.0.1", "https") && https("127.0.0.1", "http, HTTPS"));
        assert!(!https("127.0.0.1", "http") && !https("127.0.0.1", "https, http") && !https("203.0.113.9", "https"));
    }
}
