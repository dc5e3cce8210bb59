//! Something small about each of as many lifters, addresses or accounts as may come, for as long as they keep coming.
//!
//! Always holds: there are never more than [`SHARDS`] × 2 × [`KEYS_MAX`] entries. Who was not seen while as many others came as
//! a shard holds is forgotten, and begins anew: a flood of addresses costs memory for so many and no more.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Mutex, PoisonError};

/// Parts with a lock each, so that requests on several cores seldom meet.
pub const SHARDS: usize = 16;
/// Entries of one generation in a shard.
pub const KEYS_MAX: usize = 1024;

/// The entries.
pub struct Recent<K, V> {
    shards: Vec<Mutex<Shard<K, V>>>,
    hasher: RandomState,
}

/// Two generations: who comes is moved into the young one, and when that is full it becomes the old one, which is forgotten.
struct Shard<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K, V> Default for Shard<K, V> {
    fn default() -> Self {
        Self { young: HashMap::new(), old: HashMap::new() }
    }
}

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        let shards = std::iter::repeat_with(Mutex::default).take(SHARDS).collect();
        Self { shards, hasher: RandomState::new() }
    }
}

impl<K: Copy + Eq + Hash, V: Default> Recent<K, V> {
    /// Does this with the entry of that key, which is the default one if nothing is remembered.
    pub fn with<T: Default>(&self, key: K, act: impl FnOnce(&mut V) -> T) -> T {
        let hash = usize::try_from(self.hasher.hash_one(key) % SHARDS as u64).unwrap_or(0);
        let Some(shard) = self.shards.get(hash) else { return T::default() };
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        act(shard.entry(key))
    }
}

impl<K: Copy + Eq + Hash, V: Default> Shard<K, V> {
    fn entry(&mut self, key: K) -> &mut V {
        if !self.young.contains_key(&key) {
            let known = self.old.remove(&key).unwrap_or_default();
            if self.young.len() >= KEYS_MAX {
                self.old = std::mem::take(&mut self.young);
            }
            self.young.insert(key, known);
        }
        self.young.entry(key).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_forgotten_and_who_is_busy_meanwhile_is_not() {
        let recent = Recent::<u128, u32>::default();
        let ada = u128::MAX;
        recent.with(ada, |visits| *visits = 0);
        for number in 0..300_000 {
            recent.with(number, |visits| *visits += 1);
            if number % 1000 == 0 {
                recent.with(ada, |visits| *visits += 1);
            }
        }
        let held: usize =
            recent.shards.iter().map(|shard| shard.lock().unwrap()).map(|s| s.young.len() + s.old.len()).sum();
        assert!(held <= SHARDS * 2 * KEYS_MAX, "{held}");
        assert_eq!(recent.with(ada, |visits| *visits), 300);
        assert_eq!(recent.with(0, |visits| *visits), 0);
    }
}
