//! When each session must be checked if no event comes. Pure.

use std::collections::BTreeMap;

use protocol::{Guid, Millis, Timestamp};

/// Deadlines within one span of this length, in ms, are due together.
const SPAN: Millis = 250;

/// Sessions by deadline. A deadline that has moved is noticed when the old one is due, so that an event costs nothing
/// here.
#[derive(Debug, Default)]
pub struct Deadlines {
    /// By the number of the span since the Unix epoch.
    spans: BTreeMap<i64, Vec<Guid>>,
}

impl Deadlines {
    /// Makes the session due soon after `deadline`.
    pub fn add(&mut self, guid: Guid, deadline: Timestamp) {
        self.spans
            .entry(deadline.unix_ms().div_euclid(SPAN) + 1)
            .or_default()
            .push(guid);
    }

    /// Removes and returns the sessions that are due.
    pub fn due(&mut self, now: Timestamp) -> Vec<Guid> {
        let later = self.spans.split_off(&(now.unix_ms().div_euclid(SPAN) + 1));
        std::mem::replace(&mut self.spans, later)
            .into_values()
            .flatten()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use protocol::time::unix_ms;

    proptest! {
        #[test]
        fn due_after_the_deadline_and_not_much_later(deadlines in proptest::collection::vec(-5_000..5_000i64, 0..50), now in -6_000..6_000i64) {
            let now = unix_ms(now);
            let mut schedule = Deadlines::default();
            for deadline in &deadlines {
                schedule.add(Guid::new(&format!("{}", deadline + 10_000)).unwrap(), unix_ms(*deadline));
            }
            let due: Vec<_> = schedule.due(now).iter().map(|guid| unix_ms(guid.to_string().parse().unwrap()) - 10_000).collect();
            prop_assert!(due.iter().all(|deadline| *deadline <= now));
            let overdue = deadlines.iter().filter(|deadline| unix_ms(**deadline) <= now - SPAN).count();
            prop_assert!(due.len() >= overdue);
            prop_assert_eq!(due.len() + schedule.due(Timestamp::MAX - SPAN).len(), deadlines.len());
        }
    }
}
