//! The sessions that this enricher shows unidentified, by address, to hide them once any enricher learns that they
//! must not be shown. Pure.

use std::collections::HashMap;

use protocol::Guid;

use crate::address_key::Key;

/// Sessions that are shown unidentified, by address.
#[derive(Debug, Default)]
pub struct ShownUnidentified {
    by_address: HashMap<Key, Vec<Guid>>,
}

impl ShownUnidentified {
    /// Adds a session that is published unidentified.
    pub fn add(&mut self, key: Key, guid: Guid) {
        let guids = self.by_address.entry(key).or_default();
        if !guids.contains(&guid) {
            guids.push(guid);
        }
    }

    /// The sessions of an address.
    pub fn of(&self, key: Key) -> Vec<Guid> {
        self.by_address.get(&key).cloned().unwrap_or_default()
    }

    pub fn keys(&self) -> Vec<Key> {
        self.by_address.keys().copied().collect()
    }

    /// Forgets the sessions for which `is_over` returns true.
    pub fn forget(&mut self, mut is_over: impl FnMut(&Guid) -> bool) {
        self.by_address.retain(|_, guids| {
            guids.retain(|guid| !is_over(guid));
            !guids.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_is_found_by_its_address_until_it_is_forgotten() {
        let (key, other) = (Key::from_digest(&[1; 32]), Key::from_digest(&[2; 32]));
        let guid = |name| Guid::new(name).unwrap();
        let mut unidentified = ShownUnidentified::default();
        for name in ["a", "b", "b", "c"] {
            unidentified.add(key, guid(name));
        }
        unidentified.add(other, guid("d"));
        unidentified.forget(|session| *session == guid("c") || *session == guid("d"));
        assert_eq!(unidentified.of(key), [guid("a"), guid("b")]);
        unidentified.forget(|session| *session == guid("a"));
        assert_eq!(unidentified.of(key), [guid("b")]);
        unidentified.forget(|_| true);
        assert!(unidentified.keys().is_empty());
        assert!(unidentified.by_address.is_empty());
    }
}
