//! Compares a view while events are still being sent.

use std::collections::{BTreeMap, HashMap};

use protocol::Timestamp;
use protocol::frame::VisibleSession;
use simulator::emitter::SentEvent;

use crate::oracle::circumstances::Circumstances;
use crate::oracle::difference::Difference;
use crate::oracle::expected::ExpectedView;
use crate::times::SentAt as _;

/// How a view differs from what `sent`, in order, asks for. Events that were sent after `arrived_at` may or may not have
/// arrived: a session is right if it is what any number of these events lead to.
#[must_use]
pub fn differences_in_transit(
    sent: &[SentEvent],
    arrived_at: Timestamp,
    shown: &BTreeMap<String, VisibleSession>,
    circumstances: Circumstances<'_>,
) -> Vec<Difference> {
    let arrived = sent.partition_point(|event| event.sent_at() <= arrived_at);
    let mut differences = ExpectedView::after_events(&sent[..arrived], circumstances).differences(shown);
    let mut suspects: HashMap<&str, Vec<SentEvent>> = differences
        .iter()
        .map(|difference| (difference.guid(), Vec::new()))
        .collect();
    for event in sent {
        if let Some(events) = suspects.get_mut(event.guid.to_lowercase().as_str()) {
            events.push(event.clone());
        }
    }
    let right: Vec<String> = suspects
        .into_iter()
        .filter(|(guid, events)| is_right(guid, events, arrived_at, shown, circumstances))
        .map(|(guid, _)| guid.to_owned())
        .collect();
    differences.retain(|difference| !right.iter().any(|guid| guid == difference.guid()));
    differences
}

/// Whether one session is right after its events up to some point.
fn is_right(
    guid: &str,
    events: &[SentEvent],
    arrived_at: Timestamp,
    shown: &BTreeMap<String, VisibleSession>,
    circumstances: Circumstances<'_>,
) -> bool {
    let arrived = events.partition_point(|event| event.sent_at() <= arrived_at);
    let shown: BTreeMap<_, _> = shown
        .get_key_value(guid)
        .map(|(guid, session)| (guid.clone(), session.clone()))
        .into_iter()
        .collect();
    (arrived + 1..=events.len()).any(|end| {
        let expected = ExpectedView::after_events(&events[..end], circumstances);
        expected.differences(&shown).is_empty()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::time::unix_ms;
    use std::time::Duration;

    use crate::oracle::HiddenCompanies;
    use crate::oracle::samples::row;
    use simulator::event::EventKind;
    use simulator::world::{Kind, World};

    fn event(kind: EventKind, ip: &str, at: i64) -> SentEvent {
        SentEvent {
            kind,
            guid: "a".to_owned(),
            ip: ip.to_owned(),
            timestamp_ms: Some(at),
            sent_at_ms: at,
            clients: 1,
        }
    }

    #[test]
    fn events_in_transit_may_be_shown_and_arrived_ones_must() {
        let circumstances = Circumstances {
            world: World::new(0),
            hidden: &HiddenCompanies::none(),
            late: &[],
            stale_after: Duration::from_mins(1),
            slack: Duration::ZERO,
            now: unix_ms(1_000),
        };
        let ip = circumstances.world.ip(Kind::Unknown, 1);
        let sent = [
            event(EventKind::SessionOpened, &ip, 100),
            event(EventKind::KeepAlive, &ip, 200),
            event(EventKind::KeepAlive, &ip, 300),
            event(EventKind::SessionClosed, &ip, 400),
        ];
        let session = |last_activity_at| row("a", &ip, unix_ms(100), last_activity_at);
        let wrong = |arrived_at, last_activity_at: Option<i64>| {
            let shown = last_activity_at.map(|at| ("a".to_owned(), session(unix_ms(at))));
            differences_in_transit(
                &sent,
                unix_ms(arrived_at),
                &shown.into_iter().collect(),
                circumstances,
            )
            .len()
        };
        for seen in [Some(200), Some(300), None] {
            assert_eq!(wrong(200, seen), 0, "{seen:?}");
        }
        assert_eq!(wrong(200, Some(100)), 1, "an event that had arrived is not seen");
        assert_eq!(wrong(400, Some(300)), 1, "it is closed");
        assert_eq!(wrong(300, Some(200)), 1, "an event that had arrived is not seen");
    }
}
