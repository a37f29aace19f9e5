//! What is marked in a list, for actions on many at once.
//!
//! Owns which; never knows what is done to them. A mark is on the thing, not on its row: it stays
//! while rows come and go.

use std::collections::BTreeSet;

/// Marks on things with the key `K`.
#[derive(Debug)]
pub(crate) struct Marks<K> {
    marked: BTreeSet<K>,
    /// Where a range begins.
    anchor: Option<K>,
}

impl<K> Default for Marks<K> {
    fn default() -> Self {
        Self { marked: BTreeSet::new(), anchor: None }
    }
}

impl<K: Ord + Clone> Marks<K> {
    /// Marks it, or takes its mark away; a range begins here.
    pub(crate) fn toggle(&mut self, key: K) {
        if !self.marked.remove(&key) {
            self.marked.insert(key.clone());
        }
        self.anchor = Some(key);
    }

    /// Marks everything from where the range begins to `at`; where nothing begins, `at` alone.
    pub(crate) fn extend(&mut self, rows: impl Iterator<Item = K>, at: K) {
        let from = self.anchor.clone().unwrap_or_else(|| at.clone());
        let mut inside = false;
        let mut found = Vec::new();
        for key in rows {
            let ends = usize::from(key == from) + usize::from(key == at);
            if inside || ends > 0 {
                found.push(key);
            }
            inside ^= ends == 1;
        }
        // Where the beginning is no longer listed, there is no range.
        if inside {
            found = vec![at.clone()];
        }
        self.marked.extend(found);
        self.anchor = Some(at);
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Removes the marks of what no longer exists.
    pub(crate) fn retain(&mut self, keep: impl Fn(&K) -> bool) {
        self.marked.retain(|key| keep(key));
        self.anchor = self.anchor.take().filter(|key| keep(key));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.marked.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.marked.len()
    }

    pub(crate) fn contains(&self, key: &K) -> bool {
        self.marked.contains(key)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &K> {
        self.marked.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(script: &[(char, u32)]) -> Vec<u32> {
        let mut marks = Marks::default();
        for (key, at) in script {
            match key {
                ' ' => marks.toggle(*at),
                _ => marks.extend(10..20, *at),
            }
        }
        marks.iter().copied().collect()
    }

    #[test]
    fn a_range_goes_from_the_last_mark_to_here_in_either_direction() {
        assert_eq!(marked(&[(' ', 12), ('v', 15)]), [12, 13, 14, 15]);
        assert_eq!(marked(&[(' ', 15), ('v', 12)]), [12, 13, 14, 15]);
        assert_eq!(marked(&[(' ', 12), ('v', 12)]), [12]);
        assert_eq!(marked(&[(' ', 12), (' ', 12)]), [0; 0]);
        assert_eq!(marked(&[('v', 12), ('v', 14)]), [12, 13, 14]);
    }

    #[test]
    fn a_range_from_what_is_no_longer_listed_is_only_its_end() {
        assert_eq!(marked(&[(' ', 99), ('v', 12)]), [12, 99]);
    }

    #[test]
    fn what_is_no_more_loses_its_mark() {
        let mut marks = Marks::default();
        marks.toggle(1);
        marks.toggle(2);
        marks.retain(|key| *key == 2);
        assert_eq!((marks.len(), marks.contains(&2)), (1, true));
    }
}
