//! Opening times of sessions whose records were lost with their stream. Pure.
//!
//! The next event of such a session, usually a keep-alive, causes a new record. That record must not claim that the
//! session began with the event.

use protocol::guid::GuidMap;
use protocol::{Guid, Millis, Record};

use crate::records::sessions::Published;

/// How long an opening is remembered, in ms. An active session has had an event by then.
const KEEP_FOR: Millis = 5 * 60 * 1000;

#[derive(Clone, Copy, Debug)]
struct Opening {
    published: Published,
    noted_at: Millis,
}

/// Known openings that no published record contains.
#[derive(Debug, Default)]
pub struct LostOpenings {
    by_session: GuidMap<Opening>,
}

impl LostOpenings {
    /// Records the opening of a lost record.
    pub fn note(&mut self, guid: Guid, published: Published, now: Millis) {
        let opening = Opening {
            published,
            noted_at: now,
        };
        self.by_session.insert(guid, opening);
    }

    /// Adds the noted opening of its session to a record.
    pub fn complete(&self, record: &mut Record) {
        let Some(Opening { published: known, .. }) = self.by_session.get(&record.guid) else {
            return;
        };
        record.opened_at = [record.opened_at, known.opened_at].into_iter().flatten().min();
        record.first_seen_at = record.first_seen_at.min(known.first_seen_at);
    }

    /// Forgets the opening, because a record contains it again or the session is closed.
    pub fn forget(&mut self, guid: &Guid) {
        // Nearly always the table is empty.
        if !self.by_session.is_empty() {
            self.by_session.remove(guid);
        }
    }

    /// Forgets openings that were noted long ago.
    pub fn forget_old(&mut self, now: Millis) {
        self.by_session
            .retain(|_, opening| now - opening.noted_at <= KEEP_FOR);
    }
}

#[cfg(test)]
mod tests {
    use protocol::time::unix_ms;
    use protocol::{Profile, Timestamp};

    use super::*;
    use crate::sighting::Sighting;

    fn record(opening: bool, at: Timestamp) -> Record {
        let sighting = Sighting {
            guid: Guid::new("a").unwrap(),
            ip: "::1".into(),
            opening,
            at,
            received_at: at,
            page: None,
            referrer: None,
        };
        sighting.record(Profile::default())
    }

    fn lost(opened_at: Option<Timestamp>, first_seen_at: Timestamp) -> LostOpenings {
        let mut openings = LostOpenings::default();
        let published = Published {
            opened_at,
            first_seen_at,
            ..Published::of(&record(false, first_seen_at), 0)
        };
        openings.note(Guid::new("a").unwrap(), published, 0);
        openings
    }

    #[test]
    fn record_after_a_loss_has_the_known_opening() {
        let mut completed = record(false, unix_ms(50));
        lost(Some(unix_ms(5)), unix_ms(5)).complete(&mut completed);
        assert_eq!(
            (completed.opened_at, completed.first_seen_at),
            (Some(unix_ms(5)), unix_ms(5))
        );
        assert_eq!(completed.last_activity_at, unix_ms(50));
    }

    #[test]
    fn earliest_opening_counts() {
        let mut completed = record(true, unix_ms(50));
        lost(Some(unix_ms(70)), unix_ms(40)).complete(&mut completed);
        assert_eq!(
            (completed.opened_at, completed.first_seen_at),
            (Some(unix_ms(50)), unix_ms(40))
        );
        let mut completed = record(true, unix_ms(50));
        lost(None, unix_ms(40)).complete(&mut completed);
        assert_eq!(
            (completed.opened_at, completed.first_seen_at),
            (Some(unix_ms(50)), unix_ms(40))
        );
    }

    #[test]
    fn forgotten_after_a_while() {
        let mut openings = lost(Some(unix_ms(5)), unix_ms(5));
        openings.forget_old(KEEP_FOR);
        let mut completed = record(false, unix_ms(50));
        openings.complete(&mut completed);
        assert_eq!(completed.opened_at, Some(unix_ms(5)));
        openings.forget_old(KEEP_FOR + 1);
        let mut completed = record(false, unix_ms(50));
        openings.complete(&mut completed);
        assert_eq!(completed.opened_at, None);
    }
}
