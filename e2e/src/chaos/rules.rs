//! What may be struck together. Pure.
//!
//! The promise is that any one process may die at any moment. What holds the only copy of something is not one process
//! but what is left of several, and a plan that takes the last copy away proves nothing. So:
//!
//! - What an ingestor has read and not handed over is in the other ingestor too, as long as that one reads the emitter:
//!   one of them does at any moment, and the emitter is not struck while one does not.
//! - What a lone NATS server held is put back by a gateway that has the view, and by an ingestor that remembers what may
//!   still have been in the queue: while it is away, and until that is done, one of each is left alone.
//! - The same holds where all servers of a cluster are restarted at once, and where a stream is deleted or emptied.
//! - What a cluster holds is in the other servers: one of them is struck at a time, and nothing that NATS keeps meanwhile.
//! - What is hidden is in the flags of the enrichers: while these change, every enricher runs and is told, and gateways
//!   and NATS can pass it on.
//!
//! A process whose clock is wrong does its job, and may be the one that is left alone.

use std::time::Duration;

use crate::chaos::fault::{Fault, FaultKind, Stored, Target};
use crate::chaos::process_counts::ProcessCounts;
use crate::processes::Role;

/// How long what was struck may take until it does its job again.
pub const BACK: Duration = Duration::from_secs(10);

/// How long until the streams of a NATS server that came back empty say what they should.
const PUT_BACK: Duration = Duration::from_secs(10);

/// The longest that an event waits in the queue while the Deanonymizer is well. So long an ingestor must have been back
/// before it remembers all that a NATS server may lose.
const IN_THE_QUEUE: Duration = Duration::from_secs(10);

/// How long after the Deanonymizer is back the queue is worked off.
const WORKED_OFF: Duration = Duration::from_secs(5);

/// A time in a round.
#[derive(Clone, Copy, Debug)]
struct Window {
    from: Duration,
    to: Duration,
}

impl Window {
    /// The time in which what was struck cannot be counted on.
    fn of(strike: &Fault) -> Self {
        Self {
            from: strike.at,
            to: strike.over() + BACK,
        }
    }

    /// The same, and so long before and after.
    fn widened(self, before: Duration, after: Duration) -> Self {
        Self {
            from: self.from.saturating_sub(before),
            to: self.to + after,
        }
    }

    fn overlaps(self, other: Self) -> bool {
        self.from < other.to && other.from < self.to
    }
}

/// What is struck for longer than this keeps events in the queue for longer than [`IN_THE_QUEUE`].
const LONG: Duration = Duration::from_secs(10);

/// Whether `next` may be done besides what is planned already.
#[must_use]
pub fn permit(cast: ProcessCounts, planned: &[Fault], next: &Fault) -> bool {
    let mut all = planned.to_vec();
    all.push(*next);
    let same = |strike: &&Fault| strike.victim == next.victim && strike.takes_away() == next.takes_away();
    let struck_twice = planned
        .iter()
        .filter(same)
        .any(|strike| Window::of(strike).overlaps(Window::of(next)));
    !struck_twice
        && one_reads(&all)
        && nats_is_struck_once_at_a_time(&all)
        && nothing_is_lost_with_nats(cast, &all)
        && everybody_hears_of_new_rules(&all)
}

/// Of the ingestors and the emitter, one is struck at a time.
fn one_reads(all: &[Fault]) -> bool {
    apart(all, |victim| {
        matches!(victim, Target::Emitter | Target::Instance(Role::Ingestor, _))
    })
}

fn nats_is_struck_once_at_a_time(all: &[Fault]) -> bool {
    apart(all, is_nats)
}

fn is_nats(victim: Target) -> bool {
    matches!(victim, Target::Nats(_) | Target::Cluster | Target::Stored(_))
}

fn apart(all: &[Fault], is_meant: impl Fn(Target) -> bool) -> bool {
    let windows: Vec<_> = all
        .iter()
        .filter(|strike| strike.takes_away() && is_meant(strike.victim))
        .map(Window::of)
        .collect();
    let pairs = windows
        .iter()
        .enumerate()
        .flat_map(|(index, one)| windows[index + 1..].iter().map(move |other| (one, other)));
    pairs.into_iter().all(|(one, other)| !one.overlaps(*other))
}

/// Whether NATS loses something by it that only our processes can put back. A cluster keeps what one of its servers
/// loses, one that is frozen loses nothing, and a work queue keeps its messages without a consumer.
#[must_use]
pub fn loses_something(cast: ProcessCounts, strike: &Fault) -> bool {
    match strike.victim {
        Target::Nats(_) => cast.nats_servers == 1 && matches!(strike.harm, FaultKind::Kill | FaultKind::Stop),
        Target::Cluster => true,
        Target::Stored(stored) => !matches!(stored, Stored::Rejected | Stored::Consumer),
        Target::Instance(..) | Target::HiddenCompanies | Target::Emitter | Target::Deanonymizer => false,
    }
}

fn nothing_is_lost_with_nats(cast: ProcessCounts, all: &[Fault]) -> bool {
    let mut losses = all.iter().filter(|strike| loses_something(cast, strike));
    losses.all(|nats| {
        let away = Window::of(nats).widened(Duration::ZERO, PUT_BACK);
        let remembered = away.widened(IN_THE_QUEUE, Duration::ZERO);
        let worked_off = Window {
            from: nats.at.saturating_sub(WORKED_OFF),
            to: nats.at,
        };
        let long: Vec<_> = all
            .iter()
            .filter(|strike| strike.lasting > LONG)
            .copied()
            .collect();
        one_is_left_alone(all, Role::Gateway, cast.gateways, away)
            && one_is_left_alone(all, Role::Ingestor, cast.ingestors, remembered)
            && one_is_left_alone(&long, Role::Enricher, cast.enrichers, remembered)
            && leave_alone(all, Target::Deanonymizer, worked_off)
    })
}

fn everybody_hears_of_new_rules(all: &[Fault]) -> bool {
    let is_change = |strike: &&Fault| strike.victim == Target::HiddenCompanies;
    let changes: Vec<_> = all.iter().filter(is_change).collect();
    // The next change comes in another round, so that there is a quiet point in between.
    let Some(change) = changes.first() else {
        return true;
    };
    let in_the_way = |strike: &&Fault| match strike.victim {
        Target::Instance(Role::Enricher, _) => true,
        Target::Instance(Role::Gateway, _) => !matches!(strike.harm, FaultKind::Kill | FaultKind::Stop),
        victim => is_nats(victim),
    };
    changes.len() == 1
        && all
            .iter()
            .filter(|strike| strike.takes_away())
            .filter(in_the_way)
            .all(|strike| !Window::of(strike).overlaps(Window::of(change)))
}

fn one_is_left_alone(all: &[Fault], role: Role, count: usize, window: Window) -> bool {
    (0..count).any(|number| leave_alone(all, Target::Instance(role, number), window))
}

fn leave_alone(all: &[Fault], victim: Target, window: Window) -> bool {
    all.iter()
        .filter(|strike| strike.takes_away() && strike.victim == victim)
        .all(|strike| !Window::of(strike).overlaps(window))
}
