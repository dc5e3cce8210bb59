//! Who may look behind the scenes: whoever is on this machine, or where the operator says.

use std::net::IpAddr;

use hyper::header::HeaderMap;

use crate::error::{Error, Problem, Result};
use crate::http::{Cx, FromCx, Operation};

/// A caller on loopback or in METRICS_ALLOW. Others learn nothing, not even that there is something: 404.
pub struct Operator;

impl FromCx for Operator {
    async fn from_cx(cx: &mut Cx) -> Result<Self> {
        let allowed = &cx.app.config.metrics_allow;
        let is_near =
            |address: IpAddr| address.is_loopback() || allowed.iter().any(|network| network.contains(address));
        let known =
            is_near(cx.client_address()) && forwarded_for(cx.headers()).all(|address| address.is_some_and(is_near));
        if known { Ok(Self) } else { Err(Error::new(Problem::NotFound)) }
    }

    fn describe(operation: &mut Operation) {
        operation.failures.insert(Problem::NotFound.status());
    }
}

/// On whose behalf a proxy asks, in its own words: the proxy is on this machine, who asks it need not be. Everybody on the way
/// must be allowed, so nobody gains by adding to this list. What cannot be read is `None`.
fn forwarded_for(headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> {
    let lines = headers.get_all("x-forwarded-for").iter();
    lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b',')).map(|entry| {
        let text = std::str::from_utf8(entry).ok()?;
        text.trim().parse().ok().map(|address: IpAddr| address.to_canonical())
    })
}
