//! Who opens or refreshes a session, as far as its owner can recognise a device by it. A hint, never a proof.

use hyper::header::USER_AGENT;

use crate::error::Result;
use crate::http::{Cx, FromCx};

/// Characters of a user agent that are kept: the column's width.
const USER_AGENT_MAX: usize = 255;

/// The client of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// What it calls itself, if it does, in ASCII that can be shown.
    pub user_agent: Option<String>,
    /// Its address.
    pub address: String,
}

/// The text with everything replaced that does not just stand there: control characters, and letters that look like others.
fn shown(user_agent: &[u8]) -> Option<String> {
    let shown = |byte: &u8| if byte.is_ascii_graphic() || *byte == b' ' { char::from(*byte) } else { '?' };
    let text: String = user_agent.iter().take(USER_AGENT_MAX).map(shown).collect();
    Some(text).filter(|text| !text.trim().is_empty())
}

impl FromCx for Client {
    async fn from_cx(cx: &mut Cx) -> Result<Self> {
        let user_agent = cx.headers().get(USER_AGENT).and_then(|value| shown(value.as_bytes()));
        Ok(Self { user_agent, address: cx.client_address().to_string() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_agents_are_cut_and_cleaned() {
        assert_eq!(shown(b"RepDuel/3.2 (iPhone; iOS 26)").as_deref(), Some("RepDuel/3.2 (iPhone; iOS 26)"));
        assert_eq!(shown("a\tb\u{7f}ü".as_bytes()).as_deref(), Some("a?b???"));
        assert_eq!(shown(b"  "), None);
        assert_eq!(shown(&[b'x'; 9000]).map(|text| text.len()), Some(USER_AGENT_MAX));
    }
}
