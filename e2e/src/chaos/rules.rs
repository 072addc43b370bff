//! Which faults may overlap. Pure.
//!
//! The system promises to survive the failure of any one process at any moment. A plan that destroys the last copy of
//! something proves nothing, so at least one copy always survives:
//!
//! - Events that an ingestor has read and not published are also in the other ingestor, if that one reads the emitter. So
//!   one ingestor always reads, and the emitter has no fault while the other does not.
//! - After a single NATS server has lost its streams, a gateway with the view and an ingestor with the latest events
//!   restore them. One of each has no fault from the loss until the streams are restored.
//! - The same applies if all servers of a cluster restart at once, or a stream is deleted or purged.
//! - The other servers of a cluster have what one of them loses. So one server has a fault at a time, and no stream is
//!   deleted meanwhile.
//! - The enrichers' flags say which companies are hidden. While these change, all enrichers run, and NATS and the gateways
//!   are reachable.
//!
//! A process with a wrong clock counts as one without a fault.

use std::time::Duration;

use crate::chaos::fault::{Fault, FaultKind, Stored, Target};
use crate::chaos::process_counts::ProcessCounts;
use crate::processes::Role;

/// How long a target may take to recover.
pub const BACK: Duration = Duration::from_secs(10);

/// How long it may take to restore the streams of a NATS server that has restarted empty.
const PUT_BACK: Duration = Duration::from_secs(10);

/// The longest time of an event in the queue while the Deanonymizer answers. An ingestor that has run for this long holds
/// all events that a NATS server may lose.
const IN_THE_QUEUE: Duration = Duration::from_secs(10);

/// How long the queue takes to drain after the Deanonymizer has recovered.
const WORKED_OFF: Duration = Duration::from_secs(5);

/// A time in a round.
#[derive(Clone, Copy, Debug)]
struct Window {
    from: Duration,
    to: Duration,
}

impl Window {
    /// The time during which the target may be unavailable.
    fn of(fault: &Fault) -> Self {
        Self {
            from: fault.at,
            to: fault.over() + BACK,
        }
    }

    /// The window, extended on both sides.
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

/// A fault that lasts longer than this keeps events in the queue for longer than [`IN_THE_QUEUE`].
const LONG: Duration = Duration::from_secs(10);

/// Whether `next` may be added to the planned faults.
#[must_use]
pub fn permit(counts: ProcessCounts, planned: &[Fault], next: &Fault) -> bool {
    let mut all = planned.to_vec();
    all.push(*next);
    let same = |fault: &&Fault| fault.target == next.target && fault.takes_away() == next.takes_away();
    let struck_twice = planned
        .iter()
        .filter(same)
        .any(|fault| Window::of(fault).overlaps(Window::of(next)));
    !struck_twice
        && one_reads(&all)
        && nats_is_struck_once_at_a_time(&all)
        && nothing_is_lost_with_nats(counts, &all)
        && everybody_hears_of_new_rules(&all)
}

/// Of the ingestors and the emitter, one has a fault at a time.
fn one_reads(all: &[Fault]) -> bool {
    apart(all, |target| {
        matches!(target, Target::Emitter | Target::Instance(Role::Ingestor, _))
    })
}

fn nats_is_struck_once_at_a_time(all: &[Fault]) -> bool {
    apart(all, is_nats)
}

fn is_nats(target: Target) -> bool {
    matches!(target, Target::Nats(_) | Target::Cluster | Target::Stored(_))
}

fn apart(all: &[Fault], is_meant: impl Fn(Target) -> bool) -> bool {
    let windows: Vec<_> = all
        .iter()
        .filter(|fault| fault.takes_away() && is_meant(fault.target))
        .map(Window::of)
        .collect();
    let pairs = windows
        .iter()
        .enumerate()
        .flat_map(|(index, one)| windows[index + 1..].iter().map(move |other| (one, other)));
    pairs.into_iter().all(|(one, other)| !one.overlaps(*other))
}

/// Whether NATS loses something that only our processes can restore. A cluster keeps what one of its servers
/// loses, one that is frozen loses nothing, and a work queue keeps its messages without a consumer.
#[must_use]
pub fn loses_something(counts: ProcessCounts, fault: &Fault) -> bool {
    match fault.target {
        Target::Nats(_) => {
            counts.nats_servers == 1 && matches!(fault.kind, FaultKind::Kill | FaultKind::Stop)
        }
        Target::Cluster => true,
        Target::Stored(stored) => !matches!(stored, Stored::Rejected | Stored::Consumer),
        Target::Instance(..) | Target::HiddenCompanies | Target::Emitter | Target::Deanonymizer => false,
    }
}

fn nothing_is_lost_with_nats(counts: ProcessCounts, all: &[Fault]) -> bool {
    let mut losses = all.iter().filter(|fault| loses_something(counts, fault));
    losses.all(|nats| {
        let away = Window::of(nats).widened(Duration::ZERO, PUT_BACK);
        let remembered = away.widened(IN_THE_QUEUE, Duration::ZERO);
        let worked_off = Window {
            from: nats.at.saturating_sub(WORKED_OFF),
            to: nats.at,
        };
        let long: Vec<_> = all.iter().filter(|fault| fault.lasting > LONG).copied().collect();
        one_is_left_alone(all, Role::Gateway, counts.gateways, away)
            && one_is_left_alone(all, Role::Ingestor, counts.ingestors, remembered)
            && one_is_left_alone(&long, Role::Enricher, counts.enrichers, remembered)
            && leave_alone(all, Target::Deanonymizer, worked_off)
    })
}

fn everybody_hears_of_new_rules(all: &[Fault]) -> bool {
    let is_change = |fault: &&Fault| fault.target == Target::HiddenCompanies;
    let changes: Vec<_> = all.iter().filter(is_change).collect();
    // The next change is in another round, so that the views are compared in between.
    let Some(change) = changes.first() else {
        return true;
    };
    let in_the_way = |fault: &&Fault| match fault.target {
        Target::Instance(Role::Enricher, _) => true,
        Target::Instance(Role::Gateway, _) => !matches!(fault.kind, FaultKind::Kill | FaultKind::Stop),
        target => is_nats(target),
    };
    changes.len() == 1
        && all
            .iter()
            .filter(|fault| fault.takes_away())
            .filter(in_the_way)
            .all(|fault| !Window::of(fault).overlaps(Window::of(change)))
}

fn one_is_left_alone(all: &[Fault], role: Role, count: usize, window: Window) -> bool {
    (0..count).any(|number| leave_alone(all, Target::Instance(role, number), window))
}

fn leave_alone(all: &[Fault], target: Target, window: Window) -> bool {
    all.iter()
        .filter(|fault| fault.takes_away() && fault.target == target)
        .all(|fault| !Window::of(fault).overlaps(window))
}
