//! Keeps one copy of each company, contact, network, country, page and referrer. Pure.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;

use foldhash::quality::RandomState;
use protocol::{Company, Contact, Page, Record, SeenPage, SeenReferrer};

/// The number of values below which unused ones are not removed.
const FEW: usize = 1024;

/// The values that the known sessions share.
#[derive(Debug, Default)]
pub struct Interner {
    companies: Pool<Company>,
    contacts: Pool<Contact>,
    pages: Pool<Page>,
    /// Networks, countries and referrers.
    texts: Pool<str>,
}

impl Interner {
    /// Replaces the values of a record with the copies of equal ones.
    pub fn intern(&mut self, record: &mut Record) {
        self.intern_page(record);
        if let Some(SeenReferrer { url, .. }) = &mut record.referrer {
            *url = self.texts.intern(Arc::clone(url));
        }
        let profile = &mut record.profile;
        profile.company = profile
            .company
            .take()
            .map(|company| self.companies.intern(company));
        profile.contact = profile
            .contact
            .take()
            .map(|contact| self.contacts.intern(contact));
        for text in [&mut profile.network, &mut profile.country] {
            *text = text.take().map(|text| self.texts.intern(text));
        }
    }

    /// Replaces the page of a record with the copy of an equal one.
    pub fn intern_page(&mut self, record: &mut Record) {
        if let Some(SeenPage { page, .. }) = &mut record.page {
            *page = self.pages.intern(Arc::clone(page));
        }
    }
}

#[derive(Debug)]
struct Pool<T: ?Sized> {
    held: HashSet<Arc<T>, RandomState>,
    /// The number of values at which unused ones are removed.
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
    fn intern(&mut self, value: Arc<T>) -> Arc<T> {
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
    fn shares_equal_values_and_drops_unused_ones() {
        let mut pool = Pool::default();
        let first = pool.intern(Arc::new(0));
        assert!(Arc::ptr_eq(&first, &pool.intern(Arc::new(0))));
        for other in 1..3 * FEW {
            pool.intern(Arc::new(other));
            assert!(pool.held.len() <= FEW + 1);
        }
        assert!(Arc::ptr_eq(&first, &pool.intern(Arc::new(0))));
    }
}
