//! Adapts times of receipt to steps of the NATS server's clock. Pure.

use protocol::{Activity, Millis, SessionMessage};
use service::clock::Timeline;

/// How far an event may be ahead of now or of its receipt, in ms, because clocks differ.
const SLACK: Millis = 2_000;

/// Adapts a record or tombstone.
pub fn adapt_message(message: &mut SessionMessage, timeline: &Timeline) {
    match message {
        SessionMessage::Record(record) => {
            record.received_at = timeline.adapt(record.received_at);
            let latest = timeline.now() + SLACK;
            record.opened_at = record.opened_at.map(|at| at.min(latest));
            record.first_seen_at = record.first_seen_at.min(latest);
            record.last_activity_at = record.last_activity_at.min(latest);
            record.identified_at = record.identified_at.map(|at| at.min(latest));
            if let Some(page) = &mut record.page {
                page.at = page.at.min(latest);
            }
            if let Some(referrer) = &mut record.referrer {
                referrer.at = referrer.at.min(latest);
            }
        }
        SessionMessage::Tombstone(tombstone) => {
            tombstone.received_at = timeline.adapt(tombstone.received_at);
            tombstone.closed_at = tombstone.closed_at.min(tombstone.received_at + SLACK);
        }
    }
}

/// Adapts an activity.
pub fn adapt_activity(activity: &mut Activity, timeline: &Timeline) {
    activity.received_at = timeline.adapt(activity.received_at);
    let latest = activity.received_at + SLACK;
    activity.at = activity.at.min(latest);
    if let Some(page) = &mut activity.page {
        page.at = page.at.min(latest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{Guid, Profile, Record, Timestamp, Tombstone};
    use service::clock::Reading;

    const NOW: Timestamp = Timestamp::from_unix_ms(1_750_000_000_000);
    const HOUR: Millis = 3_600_000;

    fn guid() -> Guid {
        Guid::new("a").unwrap()
    }

    fn timeline() -> Timeline {
        Timeline::new(Reading { now: NOW, stepped: 0 })
    }

    #[test]
    fn future_times_become_now() {
        let record = Record {
            guid: guid(),
            ip: "::1".into(),
            opened_at: Some(NOW - 5),
            first_seen_at: NOW - 5,
            last_activity_at: NOW + HOUR,
            received_at: NOW + HOUR,
            identified_at: Some(NOW + HOUR),
            profile: Profile::default(),
            unidentified: false,
            page: None,
            referrer: None,
        };
        let mut message = SessionMessage::Record(record.clone());
        adapt_message(&mut message, &timeline());
        let expected = Record {
            last_activity_at: NOW + SLACK,
            identified_at: Some(NOW + SLACK),
            received_at: NOW,
            ..record.clone()
        };
        assert_eq!(message, SessionMessage::Record(expected));

        // An opening in the past is not moved, regardless of its time of receipt.
        let received_earlier = Record {
            received_at: NOW - HOUR,
            ..record.clone()
        };
        let mut message = SessionMessage::Record(received_earlier);
        adapt_message(&mut message, &timeline());
        let SessionMessage::Record(adapted) = message else {
            panic!("a record")
        };
        assert_eq!(adapted.opened_at, Some(NOW - 5));

        let mut message = SessionMessage::Tombstone(Tombstone {
            guid: guid(),
            closed_at: NOW - 5,
            received_at: NOW + HOUR,
            hidden: false,
            ttl: protocol::stream::tombstone_ttl(protocol::stream::REMEMBER_CLOSINGS),
        });
        adapt_message(&mut message, &timeline());
        assert_eq!(message.received_at(), NOW);

        let mut activity = Activity::new(guid(), NOW - 5, NOW + HOUR);
        adapt_activity(&mut activity, &timeline());
        assert_eq!(activity, Activity::new(guid(), NOW - 5, NOW));
    }
}
