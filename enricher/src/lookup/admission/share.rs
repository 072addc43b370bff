//! An enricher's share of the calls that the fleet may have in flight. Pure.
//!
//! The fleet has one limit. The enricher whose name comes first adapts it and tells it in its status; the others follow it.
//! Each takes an equal share, less what the others have in flight beyond theirs.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// After how long without a status an enricher is taken for gone.
const GONE_AFTER: Duration = Duration::from_secs(5);

/// How long one must listen to have heard every other: each tells its status every second.
const HEARS_ALL_AFTER: Duration = Duration::from_millis(1_500);

/// How many enrichers there are taken to be before all have been heard.
const ASSUMED_ENRICHERS: usize = 8;

/// What another enricher tells of its calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerCalls {
    /// How many it has in flight.
    pub in_flight: usize,
    /// The fleet's limit, if it is the one that adapts it.
    pub fleet_limit: Option<usize>,
    /// Whether its breaker is closed. One that makes no calls cannot find the limit.
    pub is_calling: bool,
}

/// The other enrichers, as this one hears of them.
#[derive(Debug)]
pub struct Peers {
    own_name: Box<str>,
    listening_since: Option<Instant>,
    others: BTreeMap<Box<str>, (Instant, PeerCalls)>,
}

impl Peers {
    /// For the enricher of that name, which has heard nobody yet.
    pub fn new(own_name: &str) -> Self {
        Self {
            own_name: own_name.into(),
            listening_since: None,
            others: BTreeMap::new(),
        }
    }

    /// From now on statuses are heard.
    pub fn listens(&mut self, now: Instant) {
        self.listening_since.get_or_insert(now);
    }

    /// An enricher has told its status.
    pub fn heard(&mut self, name: &str, calls: PeerCalls, now: Instant) {
        if *name == *self.own_name {
            return;
        }
        self.others.retain(|_, (at, _)| now < *at + GONE_AFTER);
        self.others.insert(name.into(), (now, calls));
    }

    /// How many enrichers there are, this one included.
    pub fn count(&self, now: Instant) -> usize {
        let heard = self.live(now).count() + 1;
        if self.has_heard_all(now) {
            heard
        } else {
            heard.max(ASSUMED_ENRICHERS)
        }
    }

    /// Whether this enricher adapts the fleet's limit.
    pub fn leads(&self, is_calling: bool, now: Instant) -> bool {
        let mut able = self.live(now).filter(|(_, calls)| calls.is_calling);
        self.has_heard_all(now)
            && if is_calling {
                able.all(|(name, _)| *name > *self.own_name)
            } else {
                able.next().is_none()
            }
    }

    /// The fleet's limit, as the enricher tells it that adapts it.
    pub fn told_limit(&self, now: Instant) -> Option<usize> {
        self.live(now).find_map(|(_, calls)| calls.fleet_limit)
    }

    /// How many of the fleet's calls may be this enricher's, at least one.
    pub fn share(&self, fleet_limit: usize, now: Instant) -> usize {
        let count = self.count(now);
        let before = self.live(now).filter(|(name, _)| **name < *self.own_name).count();
        let equal = fleet_limit / count + usize::from(before < fleet_limit % count);
        let in_flight: usize = self.live(now).map(|(_, calls)| calls.in_flight).sum();
        equal.min(fleet_limit.saturating_sub(in_flight)).max(1)
    }

    fn has_heard_all(&self, now: Instant) -> bool {
        self.listening_since
            .is_some_and(|since| now >= since + HEARS_ALL_AFTER)
    }

    fn live(&self, now: Instant) -> impl Iterator<Item = (&str, &PeerCalls)> {
        let others = self
            .others
            .iter()
            .filter(move |(_, (at, _))| now < *at + GONE_AFTER);
        others.map(|(name, (_, calls))| (&**name, calls))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const QUIET: PeerCalls = PeerCalls {
        in_flight: 0,
        fleet_limit: None,
        is_calling: true,
    };

    /// Enrichers that have all heard one another.
    fn fleet(count: usize, now: Instant) -> Vec<Peers> {
        let names: Vec<_> = (0..count).map(|number| format!("e{number}")).collect();
        let all = names.iter().map(|own| {
            let mut peers = Peers::new(own);
            peers.listens(now.checked_sub(HEARS_ALL_AFTER).unwrap());
            for name in &names {
                peers.heard(name, QUIET, now);
            }
            peers
        });
        all.collect()
    }

    #[test]
    fn who_has_not_heard_all_takes_a_small_share() {
        let now = Instant::now();
        let mut peers = Peers::new("e");
        assert_eq!(peers.share(512, now), 64);
        peers.listens(now);
        assert!(!peers.leads(true, now));
        let later = now + HEARS_ALL_AFTER;
        assert_eq!(peers.share(512, later), 512);
        assert!(peers.leads(true, later));
    }

    #[test]
    fn newcomer_leaves_room_for_what_is_in_flight() {
        let now = Instant::now();
        let [mut peers, _] = <[Peers; 2]>::try_from(fleet(2, now)).unwrap();
        let busy = PeerCalls {
            in_flight: 500,
            ..QUIET
        };
        peers.heard("e1", busy, now);
        assert_eq!(peers.share(512, now), 12);
        peers.heard(
            "e1",
            PeerCalls {
                in_flight: 600,
                ..QUIET
            },
            now,
        );
        assert_eq!(peers.share(512, now), 1);
    }

    #[test]
    fn who_is_gone_has_no_share() {
        let now = Instant::now();
        let peers = fleet(2, now).remove(0);
        assert_eq!(peers.share(512, now), 256);
        assert_eq!(peers.share(512, now + GONE_AFTER), 512);
    }

    #[test]
    fn one_adapts_the_limit_and_the_others_follow_it() {
        let now = Instant::now();
        let mut fleet = fleet(3, now);
        let leads: Vec<_> = fleet.iter().map(|peers| peers.leads(true, now)).collect();
        assert_eq!(leads, [true, false, false]);
        let told = PeerCalls {
            fleet_limit: Some(77),
            ..QUIET
        };
        fleet[2].heard("e0", told, now);
        assert_eq!(fleet[2].told_limit(now), Some(77));
        assert_eq!(fleet[2].told_limit(now + GONE_AFTER), None);
    }

    #[test]
    fn who_makes_no_calls_leaves_the_limit_to_another() {
        let now = Instant::now();
        let mut fleet = fleet(2, now);
        assert!(!fleet[0].leads(false, now));
        fleet[1].heard(
            "e0",
            PeerCalls {
                is_calling: false,
                ..QUIET
            },
            now,
        );
        assert!(fleet[1].leads(true, now));
    }

    proptest! {
        #[test]
        fn shares_add_up_to_the_limit(count in 1..20_usize, limit in 1..600_usize) {
            let now = Instant::now();
            let sum: usize = fleet(count, now).iter().map(|peers| peers.share(limit, now)).sum();
            prop_assert_eq!(sum, limit.max(count));
        }
    }
}
