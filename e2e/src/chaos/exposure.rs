//! Checks every frame that a page receives for content that must never be shown, not even briefly.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use protocol::Timestamp;
use protocol::frame::{Frame, VisibleSession};
use service::clock;
use simulator::world::World;
use tokio::sync::watch;

use crate::clients::{Observer, View};
use crate::oracle::{HiddenCompanies, company_of};

/// Exposed content, by session.
pub type Exposures = BTreeMap<String, String>;

/// Checks the frames of one page.
#[derive(Clone, Debug)]
pub struct ExposureWatch {
    page: String,
    world: World,
    hidden: watch::Receiver<HiddenCompanies>,
    /// The hidden companies against which this page's rows were checked.
    in_force: BTreeSet<String>,
    found: Arc<Mutex<Exposures>>,
}

impl ExposureWatch {
    /// Checks the page of that name, and adds exposed content to `found`.
    #[must_use]
    pub fn new(
        page: &str,
        world: World,
        hidden: watch::Receiver<HiddenCompanies>,
        found: Arc<Mutex<Exposures>>,
    ) -> Self {
        Self {
            page: page.to_owned(),
            world,
            hidden,
            in_force: BTreeSet::new(),
            found,
        }
    }

    fn look(&mut self, frame: &Frame<'_>, view: &View, now: Timestamp) {
        let in_force = self.hidden.borrow().in_force(now);
        let rules_are_new = !in_force.is_subset(&self.in_force);
        self.in_force = in_force;
        match frame {
            // Under the same rules, rows that were checked before need no second check.
            Frame::Delta(delta) if !rules_are_new => self.note(delta.changed.iter(), now),
            Frame::Delta(_) => self.note(view.sessions.values(), now),
            Frame::Snapshot(snapshot) => self.note(snapshot.sessions.iter(), now),
            Frame::SnapshotPart(part) => self.note(part.sessions.iter(), now),
        }
    }

    fn note<'a>(&self, rows: impl Iterator<Item = &'a VisibleSession>, now: Timestamp) {
        for row in rows {
            if let Some(what) = exposed(self.world, &self.in_force, row) {
                let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
                found
                    .entry(row.guid.to_string())
                    .or_insert_with(|| format!("{} at {now}: {what}", self.page));
            }
        }
    }
}

impl Observer for ExposureWatch {
    fn received(&mut self, frame: &Frame<'_>, view: &View) {
        self.look(frame, view, clock::now());
    }
}

/// The content of a row that must not be shown while these companies are hidden.
fn exposed(world: World, hidden: &BTreeSet<String>, row: &VisibleSession) -> Option<String> {
    if world.kind_of(&row.ip).is_data_centre() {
        return Some(format!("{} of a data centre", row.ip));
    }
    if let Some(company) = company_of(world, &row.ip).filter(|company| hidden.contains(company)) {
        return Some(format!("{} of the hidden company {company}", row.ip));
    }
    let contact = row.contact.as_deref()?;
    let answer = world.answer(&row.ip);
    let business = answer
        .contact()
        .map(|contact| contact.business_addresses.as_slice());
    let personal = contact
        .email_addresses
        .iter()
        .find(|address| !business.is_some_and(|business| business.contains(address)));
    personal.map(|address| format!("the personal address {address}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::time::unix_ms;
    use std::borrow::Cow;

    use crate::oracle::samples;
    use protocol::Guid;
    use protocol::frame::{Delta, Removal, Stats};
    use protocol::record::Contact;
    use simulator::world::Kind;

    const NOW: Timestamp = unix_ms(1_750_000_000_000);

    fn row(guid: &str, ip: &str) -> VisibleSession {
        samples::row(guid, ip, unix_ms(1), unix_ms(1))
    }

    fn delta(changed: Vec<VisibleSession>) -> Frame<'static> {
        Frame::Delta(Delta {
            revision: 1,
            now: unix_ms(0),
            changed: Cow::Owned(changed),
            touched: Cow::Owned(Vec::new()),
            removed: Cow::Owned(Vec::<(Guid, Removal)>::new()),
            stats: Stats::default(),
            pipeline: None,
        })
    }

    struct Page {
        hidden: watch::Sender<HiddenCompanies>,
        watch: ExposureWatch,
        view: View,
    }

    impl Page {
        fn new() -> Self {
            let (hidden, rules) = watch::channel(HiddenCompanies::default());
            Self {
                hidden,
                watch: ExposureWatch::new("page", World::new(0), rules, Arc::default()),
                view: View::default(),
            }
        }

        fn frame(&mut self, changed: Vec<VisibleSession>, now: Timestamp) -> Vec<String> {
            for row in &changed {
                self.view.sessions.insert(row.guid.to_string(), row.clone());
            }
            self.watch.look(&delta(changed), &self.view, now);
            self.watch.found.lock().unwrap().keys().cloned().collect()
        }
    }

    #[test]
    fn data_centres_and_personal_addresses_are_never_shown() {
        let world = World::new(0);
        let mut page = Page::new();
        let mut person = row("b", &world.ip(Kind::Full, 1));
        person.contact = Some(Arc::new(Contact {
            guid: "p".into(),
            name: "Ada".into(),
            title: None,
            email_addresses: vec!["ada@gmail.com".into()],
            phone_numbers: vec![],
        }));
        let rows = vec![
            row("a", &world.ip(Kind::VertexCloud, 1)),
            person,
            row("c", &world.ip(Kind::Full, 2)),
        ];
        assert_eq!(page.frame(rows, NOW), ["a", "b"]);
    }

    #[test]
    fn rows_of_a_company_are_counted_once_it_is_hidden_and_those_that_are_left_then_as_well() {
        let world = World::new(0);
        let ip = world.ip(Kind::CompanyOnly, 1);
        let mut page = Page::new();
        assert!(page.frame(vec![row("a", &ip)], NOW).is_empty());
        let company = company_of(world, &ip).unwrap();
        page.hidden.send_modify(|hidden| {
            hidden.hide(&company);
            hidden.rules_applied(NOW);
        });
        assert!(page.frame(vec![row("b", &ip)], NOW + 4_999).is_empty());
        assert_eq!(page.frame(vec![], NOW + 5_000), ["a", "b"]);
        assert_eq!(page.frame(vec![row("c", &ip)], NOW + 5_001), ["a", "b", "c"]);
        page.hidden.send_modify(HiddenCompanies::release_all);
        assert_eq!(page.frame(vec![row("d", &ip)], NOW + 9_000), ["a", "b", "c"]);
    }
}
