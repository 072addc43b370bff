//! How wrong the views are, and why one might think so. Pure.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use protocol::frame::VisibleSession;
use simulator::emitter::SentEvent;

use crate::oracle::Difference;

/// The most sessions that are told of.
const TOLD: usize = 5;

/// What was wrong of a view.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wrongs {
    /// Sessions that should be shown.
    pub missing: usize,
    /// Sessions that should not.
    pub ghosts: usize,
    /// Rows that say something wrong.
    pub rows: usize,
}

impl Wrongs {
    /// Counts.
    #[must_use]
    pub fn of(differences: &[Difference]) -> Self {
        let mut wrongs = Self::default();
        for difference in differences {
            *match difference {
                Difference::Missing(_) => &mut wrongs.missing,
                Difference::Ghost(_) => &mut wrongs.ghosts,
                Difference::Wrong { .. } => &mut wrongs.rows,
            } += 1;
        }
        wrongs
    }
}

/// The first few differences, each with all that was sent of its session.
#[must_use]
pub fn in_words(
    differences: &[Difference],
    sent: &[SentEvent],
    shown: &BTreeMap<String, VisibleSession>,
) -> String {
    let Wrongs {
        missing,
        ghosts,
        rows,
    } = Wrongs::of(differences);
    let mut words = format!("{missing} lost, {ghosts} ghosts, {rows} wrong");
    for difference in differences.iter().take(TOLD) {
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
    fn each_session_is_told_with_its_events() {
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
        let words = in_words(&differences, &sent, &BTreeMap::new());
        assert!(words.starts_with("1 lost, 1 ghosts, 0 wrong"), "{words}");
        assert!(words.contains("7 session-opened of None to 2"), "{words}");
    }
}
