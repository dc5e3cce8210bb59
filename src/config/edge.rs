//! Who may ask: what is listened on, which hosts, origins and proxies are known, how much in how much time.

use std::net::SocketAddr;

use super::reader::{Reader, list, origin_of};
use crate::budget::{Budget, Quota, Quotas};
use crate::network::Network;

/// What to listen on.
pub(super) fn listen(reader: &mut Reader<'_>) -> SocketAddr {
    let (host, port) = (reader.text("HOST"), reader.integer("PORT", 0, 65_535));
    let address = host.parse().ok().zip(u16::try_from(port).ok());
    if address.is_none() {
        reader.fail("HOST", "be an IP address");
    }
    address.map_or(SocketAddr::from(([127, 0, 0, 1], 9999)), |(ip, port)| SocketAddr::new(ip, port))
}

/// The web app's own address, which may call the API whatever else is configured.
const WEB_APP_ORIGIN: &str = "https://www.repduel.com";

/// Origins that may call the API from a browser.
pub(super) fn origins(reader: &mut Reader<'_>) -> Vec<String> {
    let given = reader.text("FRONTEND_ORIGINS");
    let from_json = serde_json::from_str::<Vec<String>>(&given);
    let listed = from_json.unwrap_or_else(|_| list(&given).map(str::to_owned).collect());
    let mut origins = vec![WEB_APP_ORIGIN.to_owned()];
    for (name, address) in listed
        .iter()
        .map(|address| ("FRONTEND_ORIGINS", address.clone()))
        .chain(["APP_URL", "STATIC_PUBLIC_BASE"].map(|name| (name, reader.text(name))))
        .filter(|(_, address)| !address.is_empty())
        .collect::<Vec<_>>()
    {
        match origin_of(&address) {
            Some(origin) => origins.push(origin),
            None => reader.fail(name, "hold http or https addresses only"),
        }
    }
    origins
}

/// Host names that are served; empty: all.
pub(super) fn trusted_hosts(reader: &Reader<'_>) -> Vec<String> {
    list(&reader.text("TRUSTED_HOSTS")).map(str::to_ascii_lowercase).collect()
}

/// Machines of ours that say on whose behalf they ask.
pub(super) fn trusted_proxies(reader: &mut Reader<'_>) -> Vec<Network> {
    let must = "be `none`, or hold addresses and networks only";
    reader.parsed("TRUSTED_PROXIES", must, Vec::new(), |text| match text {
        "none" => Some(Vec::new()),
        _ => list(text).map(Network::parse).collect(),
    })
}

/// Who may read the figures, beside this machine.
pub(super) fn metrics_allow(reader: &mut Reader<'_>) -> Vec<Network> {
    let must = "hold addresses and networks only";
    reader.parsed("METRICS_ALLOW", must, Vec::new(), |text| list(text).map(Network::parse).collect())
}

/// The largest budget: as good as none.
const LIMIT_MAX: i64 = 1_000_000;
/// The longest window: a week.
const WINDOW_S_MAX: i64 = 7 * 24 * 3600;

/// How many requests in how much time; `None`: as many as come.
pub(super) fn budgets(reader: &mut Reader<'_>) -> Option<Quotas> {
    let is_enabled = reader.switch("RATE_LIMIT_ENABLED");
    let quotas = Quotas::read(|budget: Budget| {
        let name = budget.name().to_ascii_uppercase();
        let mut number = |what: &str, max| {
            let number = reader.integer(&format!("RATE_LIMIT_{name}_{what}"), 1, max);
            u32::try_from(number).unwrap_or(u32::MAX)
        };
        Quota { limit: number("LIMIT", LIMIT_MAX), window_s: number("WINDOW_SECONDS", WINDOW_S_MAX) }
    });
    is_enabled.then_some(quotas)
}
