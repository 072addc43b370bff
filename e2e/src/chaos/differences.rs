//! Counts and describes differences. Pure.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use protocol::frame::VisibleSession;
use simulator::emitter::SentEvent;

use crate::oracle::Difference;

/// The number of sessions that are described.
const MAX_DESCRIBED: usize = 5;

/// The number of differences of a view.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DifferenceCounts {
    /// Sessions that should be shown.
    pub missing: usize,
    /// Sessions that should not.
    pub ghosts: usize,
    /// Rows with wrong content.
    pub rows: usize,
}

impl DifferenceCounts {
    /// Counts differences.
    #[must_use]
    pub fn of(differences: &[Difference]) -> Self {
        let mut counts = Self::default();
        for difference in differences {
            *match difference {
                Difference::Missing(_) => &mut counts.missing,
                Difference::Ghost(_) => &mut counts.ghosts,
                Difference::Wrong { .. } => &mut counts.rows,
            } += 1;
        }
        counts
    }
}

/// The first few differences, each with all that was sent of its session.
#[must_use]
pub fn describe(
    differences: &[Difference],
    sent: &[SentEvent],
    shown: &BTreeMap<String, VisibleSession>,
) -> String {
    let DifferenceCounts {
        missing,
        ghosts,
        rows,
    } = DifferenceCounts::of(differences);
    let mut words = format!("{missing} lost, {ghosts} ghosts, {rows} wrong");
    for difference in differences.iter().take(MAX_DESCRIBED) {
        // Writing to a string cannot fail.
        let _ = write!(
            words,
            "\n  {difference}\n    shown: {:?}",
            shown.get(difference.guid())
        );
        let of_it = sent
            .iter()
            .filter(|event| event.guid.eq_ignore_ascii_case(difference.guid()));
        for event in of_it {
            let _ = write!(
                words,
                "\n    {} {} of {:?} to {}",
                event.sent_at_ms, event.kind, event.timestamp_ms, event.clients
            );
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use simulator::event::EventKind;

    #[test]
    fn each_session_is_described_with_its_events() {
        let sent = [SentEvent {
            kind: EventKind::SessionOpened,
            guid: "A".to_owned(),
            ip: "::1".to_owned(),
            timestamp_ms: None,
            sent_at_ms: 7,
            clients: 2,
        }];
        let differences = [
            Difference::Missing("a".to_owned()),
            Difference::Ghost("b".to_owned()),
        ];
        let words = describe(&differences, &sent, &BTreeMap::new());
        assert!(words.starts_with("1 lost, 1 ghosts, 0 wrong"), "{words}");
        assert!(words.contains("7 session-opened of None to 2"), "{words}");
    }
}
