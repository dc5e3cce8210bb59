//! Which feature flags are on, as far as this process knows. Whoever knows better says so.

use std::collections::BTreeMap;

use crate::mirror::Mirror;

/// Flags by their names.
pub type FlagMap = BTreeMap<String, bool>;

/// The flags of this process.
#[derive(Default)]
pub struct Flags(pub Mirror<FlagMap>);

impl Flags {
    /// Whether the flag of this name is on. One that nobody set is off, and so are all before they are known.
    #[must_use]
    pub fn is_on(&self, name: &str) -> bool {
        self.0.shown().is_some_and(|flags| flags.get(name).copied().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_not_known_is_off() {
        let flags = Flags::default();
        assert!(flags.0.shown().is_none() && !flags.is_on("a"));
        flags.0.refresh(async { Ok(BTreeMap::from([("a".to_owned(), true), ("b".to_owned(), false)])) }).await.unwrap();
        assert!(flags.is_on("a") && !flags.is_on("b") && !flags.is_on("c"));
    }
}
