//! Which feature flags are on, as far as this process knows. Whoever knows better says so.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::{Mutex, MutexGuard};

/// Flags by their names.
pub type FlagMap = BTreeMap<String, bool>;

/// The flags of this process.
#[derive(Default)]
pub struct Flags {
    known: RwLock<Option<Arc<FlagMap>>>,
    refreshing: Mutex<()>,
}

impl Flags {
    /// Whether the flag of this name is on. One that nobody set is off, and so are all before they are known.
    #[must_use]
    pub fn is_on(&self, name: &str) -> bool {
        self.known().is_some_and(|flags| flags.get(name).copied().unwrap_or_default())
    }

    /// All of them; `None` before they are known.
    #[must_use]
    pub fn known(&self) -> Option<Arc<FlagMap>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes these for true.
    pub fn set(&self, flags: FlagMap) -> Arc<FlagMap> {
        let flags = Arc::new(flags);
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&flags));
        flags
    }

    /// To be held while they are asked for and set: of two who do, the one who asked first must not be the last to set.
    pub async fn turn(&self) -> MutexGuard<'_, ()> {
        self.refreshing.lock().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_off() {
        let flags = Flags::default();
        assert!(flags.known().is_none() && !flags.is_on("a"));
        flags.set(BTreeMap::from([("a".to_owned(), true), ("b".to_owned(), false)]));
        assert!(flags.is_on("a") && !flags.is_on("b") && !flags.is_on("c"));
    }
}
