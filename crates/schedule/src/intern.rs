//! A memory of what was read and compiled before, so that a hundred thousand jobs with a few
//! hundred schedules share them.
//!
//! It remembers pure functions, nothing else: with or without it every answer is the same. It holds
//! weakly what others hold, and forgets the rest before it grows.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

/// Values in use, by what they were made from.
pub(super) struct Interned<K, V>(LazyLock<Mutex<HashMap<K, Weak<V>>>>);

impl<K: Eq + Hash, V> Interned<K, V> {
    pub(super) const fn new() -> Self {
        Self(LazyLock::new(Mutex::default))
    }

    /// The value made from `key`, if it is in use.
    pub(super) fn find<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<Arc<V>>
    where
        K: Borrow<Q>,
    {
        let values = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        values.get(key).and_then(Weak::upgrade)
    }

    /// Remembers a value as long as it is in use.
    pub(super) fn keep(&self, key: K, value: &Arc<V>) {
        let mut values = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if values.len() == values.capacity() {
            values.retain(|_, value| value.strong_count() > 0);
        }
        values.insert(key, Arc::downgrade(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_holds_is_forgotten() {
        static MEMORY: Interned<u32, String> = Interned::new();
        let held = Arc::new("held".to_owned());
        MEMORY.keep(0, &held);
        for key in 1..1000 {
            MEMORY.keep(key, &Arc::new("dropped".to_owned()));
        }
        assert_eq!(MEMORY.find(&0).as_deref(), Some(&"held".to_owned()));
        assert!((1..1000).all(|key| MEMORY.find(&key).is_none()));
        assert!(MEMORY.0.lock().unwrap().len() < 100, "the dead take room");
    }
}
