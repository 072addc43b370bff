//! An enricher's share of the calls that the fleet may have in flight. Pure.
//!
//! The fleet has one limit. The enricher whose name sorts first adapts it and reports it in its status; the others follow.
//! Each takes an equal share, minus what the others have in flight beyond theirs.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long after its last status an enricher counts as gone.
const GONE_AFTER: Duration = Duration::from_secs(5);

/// How long to listen until every other enricher has been heard: each publishes its status every second.
const HEARS_ALL_AFTER: Duration = Duration::from_millis(1_500);

/// The assumed number of enrichers before all have been heard.
const ASSUMED_ENRICHERS: usize = 8;

/// What another enricher reports about its calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerCalls {
    /// How many it has in flight.
    pub in_flight: usize,
    /// The fleet's limit, if it adapts it or was just asked for fewer calls.
    pub fleet_limit: Option<usize>,
    /// Whether its breaker is closed. An enricher that makes no calls cannot find the limit.
    pub is_calling: bool,
}

/// The other enrichers, according to their statuses.
#[derive(Debug)]
pub struct Peers {
    own_name: Box<str>,
    /// Since when statuses have arrived without a gap that is long enough for an enricher to count as gone.
    listening_since: Option<Instant>,
    /// When the last status arrived, including this enricher's own.
    heard_at: Option<Instant>,
    others: BTreeMap<Box<str>, (Instant, PeerCalls)>,
}

impl Peers {
    /// The state of the enricher with that name before any status has arrived.
    pub fn new(own_name: &str) -> Self {
        Self {
            own_name: own_name.into(),
            listening_since: None,
            heard_at: None,
            others: BTreeMap::new(),
        }
    }

    /// From now on, statuses are received.
    pub fn start_listening(&mut self, now: Instant) {
        self.listening_since.get_or_insert(now);
    }

    /// A status has arrived. This enricher's own status arrives as well: after a gap without even that one, the others are
    /// no longer known.
    pub fn on_status(&mut self, name: &str, calls: PeerCalls, now: Instant) {
        if !self.is_listening(now) {
            self.listening_since = Some(now);
        }
        self.heard_at = Some(now);
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

    /// The fleet's limit, as other enrichers report it; the lowest counts.
    pub fn reported_limit(&self, now: Instant) -> Option<usize> {
        self.live(now).filter_map(|(_, calls)| calls.fleet_limit).min()
    }

    /// How many of the fleet's calls this enricher may make, at least one. `is_settled`: the calls that the others have in
    /// flight belong to this limit. Enrichers that had a share of a higher limit give up the rest on their own.
    pub fn share(&self, fleet_limit: usize, is_settled: bool, now: Instant) -> usize {
        let count = self.count(now);
        let before = self.live(now).filter(|(name, _)| **name < *self.own_name).count();
        let equal = fleet_limit / count + usize::from(before < fleet_limit % count);
        if !is_settled {
            return equal.max(1);
        }
        let in_flight: usize = self.live(now).map(|(_, calls)| calls.in_flight).sum();
        equal.min(fleet_limit.saturating_sub(in_flight)).max(1)
    }

    fn has_heard_all(&self, now: Instant) -> bool {
        self.is_listening(now)
            && self
                .listening_since
                .is_some_and(|since| now >= since + HEARS_ALL_AFTER)
    }

    /// Whether statuses arrive, or this enricher has only just begun to listen.
    fn is_listening(&self, now: Instant) -> bool {
        let last = self.heard_at.max(self.listening_since);
        last.is_some_and(|at| now < at + GONE_AFTER)
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
            peers.start_listening(now.checked_sub(HEARS_ALL_AFTER).unwrap());
            for name in &names {
                peers.on_status(name, QUIET, now);
            }
            peers
        });
        all.collect()
    }

    #[test]
    fn enricher_without_all_statuses_takes_a_small_share() {
        let now = Instant::now();
        let mut peers = Peers::new("e");
        assert_eq!(peers.share(512, true, now), 64);
        peers.start_listening(now);
        assert!(!peers.leads(true, now));
        let later = now + HEARS_ALL_AFTER;
        assert_eq!(peers.share(512, true, later), 512);
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
        peers.on_status("e1", busy, now);
        assert_eq!(peers.share(512, true, now), 12);
        peers.on_status(
            "e1",
            PeerCalls {
                in_flight: 600,
                ..QUIET
            },
            now,
        );
        assert_eq!(peers.share(512, true, now), 1);
    }

    #[test]
    fn gone_enrichers_have_no_share() {
        let now = Instant::now();
        let mut peers = fleet(2, now).remove(0);
        assert_eq!(peers.share(512, true, now), 256);
        peers.on_status("e0", QUIET, now + HEARS_ALL_AFTER);
        assert_eq!(peers.share(512, true, now + GONE_AFTER), 512);
    }

    #[test]
    fn after_a_disconnection_no_enricher_takes_the_share_of_others() {
        let now = Instant::now();
        let mut peers = fleet(4, now).remove(0);
        assert_eq!(peers.share(512, true, now), 128);
        let back = now + GONE_AFTER * 2;
        let small = 512 / ASSUMED_ENRICHERS;
        assert_eq!(
            peers.share(512, true, back),
            small,
            "not even its own status arrives"
        );
        assert!(!peers.leads(true, back));
        peers.on_status("e0", QUIET, back);
        assert_eq!(
            peers.share(512, true, back),
            small,
            "the others are heard within a second"
        );
        for name in ["e1", "e2", "e3"] {
            peers.on_status(name, QUIET, back + Duration::from_secs(1));
        }
        assert_eq!(peers.share(512, true, back + HEARS_ALL_AFTER), 128);
        assert!(peers.leads(true, back + HEARS_ALL_AFTER));
    }

    #[test]
    fn halving_the_limit_halves_the_shares() {
        let now = Instant::now();
        let mut fleet = fleet(4, now);
        let busy = PeerCalls {
            in_flight: 128,
            ..QUIET
        };
        for (peers, other) in fleet.iter_mut().zip(["e1", "e2", "e3", "e0"]) {
            peers.on_status(other, busy, now);
        }
        let shares: Vec<_> = fleet.iter().map(|peers| peers.share(256, false, now)).collect();
        assert_eq!(shares, [64; 4]);
    }

    #[test]
    fn lowest_limit_counts() {
        let now = Instant::now();
        let mut peers = fleet(3, now).remove(1);
        for (name, limit) in [("e0", 128), ("e2", 64)] {
            let calls = PeerCalls {
                fleet_limit: Some(limit),
                ..QUIET
            };
            peers.on_status(name, calls, now);
        }
        assert_eq!(peers.reported_limit(now), Some(64));
    }

    #[test]
    fn one_adapts_the_limit_and_the_others_follow_it() {
        let now = Instant::now();
        let mut fleet = fleet(3, now);
        let leads: Vec<_> = fleet.iter().map(|peers| peers.leads(true, now)).collect();
        assert_eq!(leads, [true, false, false]);
        let calls = PeerCalls {
            fleet_limit: Some(77),
            ..QUIET
        };
        fleet[2].on_status("e0", calls, now);
        assert_eq!(fleet[2].reported_limit(now), Some(77));
        assert_eq!(fleet[2].reported_limit(now + GONE_AFTER), None);
    }

    #[test]
    fn enricher_without_calls_leaves_the_limit_to_another() {
        let now = Instant::now();
        let mut fleet = fleet(2, now);
        assert!(!fleet[0].leads(false, now));
        fleet[1].on_status(
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
            let sum: usize = fleet(count, now).iter().map(|peers| peers.share(limit, true, now)).sum();
            prop_assert_eq!(sum, limit.max(count));
        }
    }
}
