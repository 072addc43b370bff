//! One visitor's session: when it opens, when it needs a keep-alive, and when it closes.

use std::net::IpAddr;
use std::sync::Arc;

use protocol::Millis;
use protocol::event::EventKind;
use uuid::Uuid;

use super::event::Event;
use super::settings::Settings;
use super::tabs::Tabs;
use crate::beacon::{Beacon, Page, Presence};

/// The namespace of guids: a visitor can neither choose a guid nor derive an id from one.
const NAMESPACE: Uuid = Uuid::from_u128(0x6d1f_0a53_2c57_4f0e_9d39_5b1c_8d0e_77a1);

/// The state of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It has not been visible for long enough.
    Settling {
        /// How long it was visible before `since`.
        before: Millis,
        /// Since when it has been visible, if it is.
        since: Option<Millis>,
    },
    /// It waits for permission to open.
    Waiting {
        /// Its place in the queue.
        turn: u64,
    },
    /// Its opened event was sent.
    Open {
        /// When its last event was sent.
        sent_at: Millis,
    },
    /// Its closed event was sent.
    Closed {
        /// When its closed event was sent.
        closing: Closing,
        /// Its position among the sessions to forget.
        turn: u64,
    },
}

/// A closed event that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closing {
    /// When it was sent.
    pub at: Millis,
    /// Since when no tab had been open.
    pub left_at: Millis,
}

impl Closing {
    /// Whether it must still be remembered, because its guid is not shown again until then.
    fn is_remembered(self, now: Millis, settings: &Settings) -> bool {
        now < self.at + settings.remember_closings
    }
}

/// The next action for a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Nothing now.
    Nothing,
    /// Open it, as soon as that is permitted.
    Open,
    /// Send a keep-alive, because it has not had an event for a while.
    KeepAlive,
    /// Close it; no tab has been open since this time.
    Close(Millis),
    /// Forget this visit, which was not reported, and go on remembering the closing of the one before.
    Withdraw(Closing),
    /// Forget it.
    Forget,
}

/// A session.
#[derive(Clone, Debug)]
pub struct Session {
    /// The visitor's address when the session began.
    pub address: IpAddr,
    /// Its state.
    pub phase: Phase,
    /// When it must be checked next.
    pub deadline: Option<Millis>,
    /// Whether an earlier collector may have opened it. Then it must be closed although this one has not opened it.
    pub is_inherited: bool,
    /// Whether it was also open long enough before. Then it opens again without counting as new.
    pub is_continued: bool,
    /// When its last beacon arrived.
    heard_at: Millis,
    /// How many earlier sessions with the same id were closed.
    visit: u32,
    /// The closing of the visit before, in a session that was restarted.
    earlier: Option<Closing>,
    first_seen_at: Millis,
    active_at: Millis,
    tabs: Tabs,
    page: Option<Arc<Page>>,
    referrer: Option<Arc<str>>,
}

impl Session {
    /// A session that has just begun.
    pub fn new(address: IpAddr, now: Millis) -> Self {
        Self {
            address,
            phase: Phase::Settling {
                before: 0,
                since: None,
            },
            deadline: None,
            is_inherited: false,
            is_continued: false,
            heard_at: now,
            visit: 0,
            earlier: None,
            first_seen_at: now,
            active_at: now,
            tabs: Tabs::default(),
            page: None,
            referrer: None,
        }
    }

    /// Begins the next session of a browser whose last one is closed.
    pub fn restart(&mut self, address: IpAddr, now: Millis) {
        let old = std::mem::replace(self, Self::new(address, now));
        self.visit = old.visit + 1;
        self.earlier = match old.phase {
            Phase::Closed { closing, .. } => Some(closing),
            Phase::Settling { .. } | Phase::Waiting { .. } | Phase::Open { .. } => None,
        };
        self.deadline = old.deadline;
        self.tabs = old.tabs;
    }

    /// Returns to the visit before, whose guid is closed. The next visit gets the number of this one.
    pub fn withdraw(&mut self) {
        self.visit -= 1;
        self.earlier = None;
    }

    /// Applies a beacon to its tab. Returns `false` if a later beacon is known; see [`Tabs::apply`].
    pub fn apply_to_tab(&mut self, beacon: &Beacon, now: Millis) -> bool {
        let is_news = self.tabs.apply(beacon, now);
        if is_news {
            self.heard_at = now;
        }
        is_news
    }

    /// Whether a beacon has arrived since then.
    pub fn is_heard_since(&self, at: Millis) -> bool {
        self.heard_at >= at
    }

    /// Applies the rest of a beacon that [`Session::apply_to_tab`] has accepted.
    pub fn apply(&mut self, beacon: Beacon, now: Millis, settings: &Settings) {
        if beacon.presence == Presence::Visible {
            self.active_at = now;
            if beacon.page.as_ref() != self.page.as_deref() {
                self.page = beacon.page.map(Arc::new);
            }
            if self.referrer.is_none() {
                self.referrer = beacon.referrer.map(Arc::from);
            }
        }
        if let Phase::Settling { before, since } = &mut self.phase {
            if beacon.settled && beacon.presence != Presence::Left {
                *before = settings.settle;
            }
            if let Some(since) = since.take() {
                *before += now - since;
            }
            *since = self.tabs.is_visible().then_some(now);
        }
    }

    /// The next action of the session.
    pub fn due(&mut self, now: Millis, settings: &Settings) -> Due {
        self.tabs.expire(now, settings.silence);
        let closes_at = self.tabs.left_at().map(|at| at + settings.leave_grace);
        let abandoned = closes_at.is_some_and(|at| at <= now);
        match self.phase {
            Phase::Closed { closing, .. } if !closing.is_remembered(now, settings) => Due::Forget,
            Phase::Open { .. } if abandoned => Due::Close(self.tabs.left_at().unwrap_or(now)),
            Phase::Open { sent_at } if sent_at + settings.refresh <= now => Due::KeepAlive,
            Phase::Settling { .. } | Phase::Waiting { .. } if abandoned && self.is_inherited => {
                Due::Close(self.tabs.left_at().unwrap_or(now))
            }
            Phase::Settling { .. } | Phase::Waiting { .. } if abandoned => self
                .earlier
                .filter(|closing| closing.is_remembered(now, settings))
                .map_or(Due::Forget, Due::Withdraw),
            Phase::Settling { before, since }
                if settled_at(before, since, settings).is_some_and(|at| at <= now) =>
            {
                Due::Open
            }
            Phase::Settling { .. } | Phase::Waiting { .. } | Phase::Open { .. } | Phase::Closed { .. } => {
                Due::Nothing
            }
        }
    }

    /// When [`Session::due`] must be asked again.
    pub fn next_deadline(&self, settings: &Settings) -> Option<Millis> {
        let own = match self.phase {
            Phase::Settling { before, since } => settled_at(before, since, settings),
            Phase::Waiting { .. } => None,
            Phase::Open { sent_at } => Some(sent_at + settings.refresh),
            Phase::Closed { closing, .. } => return Some(closing.at + settings.remember_closings),
        };
        let tabs = self.tabs.next_expiry(settings.silence);
        let closes = self.tabs.left_at().map(|at| at + settings.leave_grace);
        [own, tabs, closes].into_iter().flatten().min()
    }

    /// Whether the session counts against the limits.
    pub fn is_live(&self) -> bool {
        !matches!(self.phase, Phase::Closed { .. })
    }

    /// The opened event.
    pub fn opened(&self, id: u128) -> Event {
        self.event(EventKind::SessionOpened, id, self.visit, self.first_seen_at)
    }

    /// A keep-alive with the time at which the page was last seen.
    pub fn keep_alive(&self, id: u128) -> Event {
        self.event(EventKind::KeepAlive, id, self.visit, self.active_at)
    }

    /// The closed event.
    pub fn closed(&self, id: u128, at: Millis) -> Event {
        self.event(EventKind::SessionClosed, id, self.visit, at)
    }

    /// The last closed event once more, if it is remembered: that of this visit or of the one before.
    pub fn closed_again(&self, id: u128, now: Millis, settings: &Settings) -> Option<Event> {
        let (visit, closing) = match self.phase {
            Phase::Closed { closing, .. } => (self.visit, closing),
            Phase::Settling { .. } | Phase::Waiting { .. } | Phase::Open { .. } => {
                (self.visit.checked_sub(1)?, self.earlier?)
            }
        };
        let event = || self.event(EventKind::SessionClosed, id, visit, closing.left_at);
        closing.is_remembered(now, settings).then(event)
    }

    fn event(&self, kind: EventKind, id: u128, visit: u32, at: Millis) -> Event {
        let mut name = [0; 20];
        name[..16].copy_from_slice(&id.to_be_bytes());
        name[16..].copy_from_slice(&visit.to_be_bytes());
        Event {
            kind,
            guid: Uuid::new_v5(&NAMESPACE, &name),
            address: self.address,
            at,
            page: self.page.clone(),
            referrer: self.referrer.clone(),
        }
    }
}

/// When the session will have been visible for long enough, if it stays visible.
fn settled_at(before: Millis, since: Option<Millis>, settings: &Settings) -> Option<Millis> {
    if before >= settings.settle {
        return Some(Millis::MIN);
    }
    since.map(|since| since + settings.settle - before)
}
