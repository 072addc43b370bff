//! Sessions as a whole.

mod closings;
mod properties;
mod rules;

use std::num::NonZeroU32;

use protocol::event::EventKind;
use uuid::Uuid;

use super::*;
use crate::beacon::Page;

const SETTINGS: Settings = Settings {
    settle: 2_000,
    leave_grace: 10_000,
    silence: Silence {
        visible: 60_000,
        hidden: 180_000,
    },
    refresh: 30_000,
    remember_closings: 600_000,
    new_sessions_per_minute: NonZeroU32::new(600).unwrap(),
    max_sessions: 1_000,
    max_sessions_per_address: 256,
};

const START: Millis = 1_000_000;

/// A collector, and what it has sent.
struct World {
    visits: Visits,
    events: Vec<Event>,
}

impl World {
    /// A collector that has run for long.
    fn new(settings: Settings) -> Self {
        Self::started(settings, 0)
    }

    fn started(settings: Settings, at: Millis) -> Self {
        Self {
            visits: Visits::new(settings, at),
            events: Vec::new(),
        }
    }

    fn apply(&mut self, beacon: Beacon, at: Millis) -> Result<(), DropReason> {
        self.hear_from(beacon, "203.0.113.7", at)
    }

    fn hear_from(&mut self, beacon: Beacon, address: &str, at: Millis) -> Result<(), DropReason> {
        let address = address.parse().unwrap();
        self.visits.apply(beacon, address, at, &mut self.events)
    }

    /// Does what is due until then, at the moments at which it is due.
    fn run(&mut self, until: Millis) {
        while let Some(at) = self.visits.next_deadline().filter(|at| *at <= until) {
            self.visits.advance(at, &mut self.events);
            let next = self.visits.next_deadline();
            assert!(next.is_none_or(|next| next > at), "it is due again at once");
        }
        self.visits.advance(until, &mut self.events);
    }

    fn kinds(&self) -> Vec<EventKind> {
        self.events.iter().map(|event| event.kind).collect()
    }

    /// The guids that are open by what was sent.
    fn open(&self) -> BTreeSet<Uuid> {
        let mut open = BTreeSet::new();
        for event in &self.events {
            match event.kind {
                EventKind::SessionOpened => assert!(open.insert(event.guid), "opened twice"),
                EventKind::KeepAlive => assert!(open.contains(&event.guid), "alive but not open"),
                EventKind::SessionClosed => assert!(open.remove(&event.guid), "closed but not open"),
            }
        }
        open
    }

    fn agrees(&self) {
        let opened: BTreeSet<_> = self.visits.opened().map(|event| event.guid).collect();
        assert_eq!(self.open(), opened);
        assert_eq!(self.visits.counts().open, opened.len());
        let live = self
            .visits
            .sessions
            .values()
            .filter(|session| session.is_live())
            .count();
        assert_eq!(self.visits.by_address.values().sum::<usize>(), live);
        let scheduled = self
            .visits
            .sessions
            .values()
            .filter(|session| session.deadline.is_some())
            .count();
        assert_eq!(self.visits.deadlines.len(), scheduled);
    }
}

fn beacon(session: u128, tab: u32, number: u32, presence: Presence) -> Beacon {
    let page = Page {
        url: format!("https://shop.example/{number}"),
        title: "Shop".to_owned(),
    };
    Beacon {
        session,
        tab,
        number,
        presence,
        settled: false,
        page: (presence == Presence::Visible).then_some(page),
        referrer: None,
    }
}
