//! The open tabs of one browser. The latest beacon of each tab counts.

use protocol::Millis;

use crate::beacon::{Beacon, Presence};

/// Maximum tabs of a session. Beyond it, tabs that were left are removed first, then the one with the oldest beacon.
///
/// Each document is a tab of its own, and browsers deliver its beacons in any order. So a tab that was left must be known
/// until its last late beacon has arrived, which would open it again. Chromium on a busy machine delivers one 15 seconds
/// late, after 32 further documents of a visitor in a hurry.
const MAX_TABS: usize = 128;

/// How many heartbeats a visible tab may miss before it counts as closed.
const VISIBLE_HEARTBEATS: i64 = 4;

/// The same for a hidden one, which sends every fourth heartbeat, and even later if the browser saves energy.
const HIDDEN_HEARTBEATS: i64 = 12;

/// How long a tab may be silent before it counts as closed.
#[derive(Clone, Copy, Debug)]
pub struct Silence {
    /// While it is visible, in ms.
    pub visible: Millis,
    /// While it is hidden, when browsers throttle timers, in ms.
    pub hidden: Millis,
}

impl Silence {
    /// For tabs whose tracker sends a beacon every `heartbeat` ms while they are visible.
    pub fn of(heartbeat: Millis) -> Self {
        Self {
            visible: heartbeat * VISIBLE_HEARTBEATS,
            hidden: heartbeat * HIDDEN_HEARTBEATS,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Tab {
    id: u32,
    number: u32,
    presence: Presence,
    /// When its latest beacon arrived; for a tab that was left, when it was last open.
    at: Millis,
}

/// The tabs of a session.
#[derive(Clone, Debug, Default)]
pub struct Tabs(Vec<Tab>);

impl Tabs {
    /// Applies a beacon. Returns `false`, without a change, if it is not newer than the latest beacon of its tab.
    pub fn apply(&mut self, beacon: &Beacon, now: Millis) -> bool {
        let heard = Tab {
            id: beacon.tab,
            number: beacon.number,
            presence: beacon.presence,
            at: now,
        };
        match self.0.iter_mut().find(|tab| tab.id == heard.id) {
            Some(tab) if tab.number >= heard.number => return false,
            Some(tab) => *tab = heard,
            None => {
                if self.0.len() >= MAX_TABS {
                    self.forget_one();
                }
                self.0.push(heard);
            }
        }
        true
    }

    /// Closes tabs that have been silent for too long.
    pub fn expire(&mut self, now: Millis, silence: Silence) {
        for tab in &mut self.0 {
            if tab.expires_at(silence).is_some_and(|at| at <= now) {
                tab.presence = Presence::Left;
            }
        }
    }

    /// When the next one will have been silent for too long.
    pub fn next_expiry(&self, silence: Silence) -> Option<Millis> {
        self.0.iter().filter_map(|tab| tab.expires_at(silence)).min()
    }

    /// Whether one of them is visible.
    pub fn is_visible(&self) -> bool {
        self.0.iter().any(|tab| tab.presence == Presence::Visible)
    }

    /// When the last one was left; `None` while one is open.
    pub fn left_at(&self) -> Option<Millis> {
        let open = self.0.iter().any(|tab| tab.presence != Presence::Left);
        let last = self.0.iter().map(|tab| tab.at).max();
        last.filter(|_| !open)
    }

    fn forget_one(&mut self) {
        let oldest = self
            .0
            .iter()
            .enumerate()
            .min_by_key(|(_, tab)| (tab.presence != Presence::Left, tab.at));
        if let Some((place, _)) = oldest {
            self.0.swap_remove(place);
        }
    }
}

impl Tab {
    fn expires_at(&self, silence: Silence) -> Option<Millis> {
        match self.presence {
            Presence::Visible => Some(self.at + silence.visible),
            Presence::Hidden => Some(self.at + silence.hidden),
            Presence::Left => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tabs_that_are_remembered_are_bounded() {
        let mut tabs = Tabs::default();
        for (tab, presence) in (0..10_000).zip(
            [Presence::Visible, Presence::Hidden, Presence::Left]
                .into_iter()
                .cycle(),
        ) {
            let beacon = Beacon {
                session: 1,
                tab,
                number: 1,
                presence,
                settled: false,
                page: None,
                referrer: None,
            };
            assert!(tabs.apply(&beacon, Millis::from(tab)));
            assert!(tabs.0.len() <= MAX_TABS);
        }
    }
}
