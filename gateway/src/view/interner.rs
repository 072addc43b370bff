//! One copy of each company and contact, however many sessions are of it. Pure.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;

use foldhash::quality::RandomState;
use protocol::{Company, Contact, Profile};

/// How many are held before it is asked for the first time whether anybody still needs them.
const FEW: usize = 1024;

/// The companies and contacts of the sessions known.
#[derive(Debug, Default)]
pub struct Sharing {
    companies: Pool<Company>,
    contacts: Pool<Contact>,
    /// Networks and countries.
    texts: Pool<str>,
}

impl Sharing {
    /// Puts in the place of company and contact those that others have already.
    pub fn share(&mut self, profile: &mut Profile) {
        profile.company = profile
            .company
            .take()
            .map(|company| self.companies.share(company));
        profile.contact = profile.contact.take().map(|contact| self.contacts.share(contact));
        for text in [&mut profile.network, &mut profile.country] {
            *text = text.take().map(|text| self.texts.share(text));
        }
    }
}

#[derive(Debug)]
struct Pool<T: ?Sized> {
    held: HashSet<Arc<T>, RandomState>,
    /// With how many those that nobody needs are let go.
    full: usize,
}

impl<T: ?Sized> Default for Pool<T> {
    fn default() -> Self {
        Self {
            held: HashSet::default(),
            full: FEW,
        }
    }
}

impl<T: Eq + Hash + ?Sized> Pool<T> {
    fn share(&mut self, value: Arc<T>) -> Arc<T> {
        if let Some(held) = self.held.get(&value) {
            return Arc::clone(held);
        }
        if self.held.len() >= self.full {
            self.held.retain(|held| Arc::strong_count(held) > 1);
            self.full = FEW.max(2 * self.held.len());
        }
        self.held.insert(Arc::clone(&value));
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_are_shared_and_what_nobody_needs_is_let_go() {
        let mut pool = Pool::default();
        let first = pool.share(Arc::new(0));
        assert!(Arc::ptr_eq(&first, &pool.share(Arc::new(0))));
        for other in 1..3 * FEW {
            pool.share(Arc::new(other));
            assert!(pool.held.len() <= FEW + 1);
        }
        assert!(Arc::ptr_eq(&first, &pool.share(Arc::new(0))));
    }
}
