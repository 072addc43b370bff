//! What this enricher knows of each session's record, and so what an event of it needs. Pure.

use std::time::Duration;

use protocol::guid::GuidMap;
use protocol::stream::{RECORD_TTL, REMEMBER_CLOSINGS, renew_after, tombstone_ttl};
use protocol::time::millis;
use protocol::{Guid, Millis, Record, Tombstone};

use crate::sighting::Sighting;

/// After how long without an event a session is forgotten, in ms: well before its record expires as stale.
const FORGET_AFTER: Millis = 5 * 60 * 1000;

/// How often it is looked whom to forget, in ms: that is a look at all of them.
const SWEEP_EVERY: Millis = FORGET_AFTER / 10;

/// A record half as old as its TTL allows is published anew, in ms.
const RECORD_HALF_LIFE: Millis = millis(RECORD_TTL) / 2;

/// Longer ago than anything lasts.
const LONG_AGO: Millis = Millis::MIN / 2;

/// What a record that is out says of the opening, and since when it is out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// The opened time, where it is known.
    pub opened_at: Option<Millis>,
    /// The earliest event in it.
    pub first_seen_at: Millis,
    /// When it was published.
    pub published_at: Millis,
    /// Whether it does not say who the visitor is, because nobody could say yet.
    pub unidentified: bool,
}

impl Published {
    /// What a record says that was published at that time.
    #[must_use]
    pub fn of(record: &Record, published_at: Millis) -> Self {
        Self {
            opened_at: record.opened_at,
            first_seen_at: record.first_seen_at,
            published_at,
            unidentified: record.unidentified,
        }
    }

    /// Whether an event knows the opening better than the record, or the record is getting old.
    fn needs(&self, opening: bool, at: Millis, now: Millis) -> bool {
        let better = match self.opened_at {
            Some(opened_at) => opening && at < opened_at,
            None => opening || at < self.first_seen_at,
        };
        better || now - self.published_at > RECORD_HALF_LIFE
    }
}

/// What an event needs next. `T` is what the caller wants to find again with a held sighting.
#[derive(Debug, PartialEq, Eq)]
pub enum Next<T> {
    /// Nothing is known of the session: find out who it is.
    Identify(Sighting, T),
    /// The record must take over what the sighting knows.
    Complete(Sighting, T),
    /// Its activity must go out.
    Touch(Sighting, T),
    /// Its activity must go out; and it is still to be found out who it is.
    TouchAndIdentify(Sighting, T),
    /// The session is closed, and its tombstone must be published anew.
    Renew(Tombstone, T),
    /// The session is closed; there is nothing to do.
    Nothing(T),
    /// The session is never shown; there is nothing to do.
    Hidden(T),
    /// A publish of the same session is under way; the sighting comes back with its end.
    Held,
}

#[derive(Debug)]
enum Known<T> {
    Publishing {
        held: Vec<(Sighting, T)>,
    },
    Published(Published),
    Closed {
        tombstone: Tombstone,
        renewed_at: Millis,
    },
    /// Like a record's, the verdict on a session holds as long as the session.
    Hidden,
}

#[derive(Debug)]
struct Entry<T> {
    known: Known<T>,
    last_event_at: Millis,
}

/// How the publish of a record ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A record is out that says this.
    Published(Published),
    /// The session was closed before, by a tombstone that was published then.
    Closed(Tombstone, Millis),
    /// No record is out.
    Missing,
    /// No record is out, and none must be: the session is never shown.
    Hidden,
}

/// The sessions that this enricher has met lately.
#[derive(Debug)]
pub struct Sessions<T> {
    entries: GuidMap<Entry<T>>,
    swept_at: Millis,
    /// How long a tombstone that is written now is kept.
    tombstone_ttl: Duration,
}

impl<T> Default for Sessions<T> {
    fn default() -> Self {
        Self {
            entries: GuidMap::default(),
            swept_at: 0,
            tombstone_ttl: tombstone_ttl(REMEMBER_CLOSINGS),
        }
    }
}

impl<T> Sessions<T> {
    /// Tombstones are kept for so long from now on.
    pub fn keep_tombstones(&mut self, ttl: Duration) {
        self.tombstone_ttl = ttl;
    }

    /// What a sighting needs. [`Next::Complete`] means that a publish is now under way.
    pub fn see(&mut self, sighting: Sighting, ticket: T, now: Millis) -> Next<T> {
        let Some(entry) = self.entries.get_mut(&sighting.guid) else {
            return Next::Identify(sighting, ticket);
        };
        entry.last_event_at = now;
        match &mut entry.known {
            Known::Publishing { held } => {
                held.push((sighting, ticket));
                Next::Held
            }
            Known::Published(published) if published.needs(sighting.opening, sighting.at, now) => {
                entry.known = Known::Publishing { held: Vec::new() };
                Next::Complete(sighting, ticket)
            }
            Known::Published(published) if published.unidentified => Next::TouchAndIdentify(sighting, ticket),
            Known::Published(_) => Next::Touch(sighting, ticket),
            Known::Closed {
                tombstone,
                renewed_at,
            } if now - *renewed_at > millis(renew_after(self.tombstone_ttl)) => {
                *renewed_at = now;
                tombstone.ttl = self.tombstone_ttl;
                tombstone.received_at = tombstone.received_at.max(sighting.received_at);
                Next::Renew(tombstone.clone(), ticket)
            }
            Known::Closed { .. } => Next::Nothing(ticket),
            Known::Hidden => Next::Hidden(ticket),
        }
    }

    /// Whether all that an event says of its session is that it is still there, as most do: the record is out, and knows
    /// the rest.
    pub fn touch(&mut self, guid: &Guid, opening: bool, at: Millis, now: Millis) -> bool {
        let Some(entry) = self.entries.get_mut(guid) else {
            return false;
        };
        let touched = matches!(&entry.known, Known::Published(published)
            if !published.unidentified && !published.needs(opening, at, now));
        if touched {
            entry.last_event_at = now;
        }
        touched
    }

    /// The session's first publish is under way.
    pub fn publishing(&mut self, guid: &Guid, now: Millis) {
        self.know(guid.clone(), Known::Publishing { held: Vec::new() }, now);
    }

    /// The publish under way has ended so. Gives what was held back for it.
    pub fn published(&mut self, guid: &Guid, outcome: Outcome) -> Vec<(Sighting, T)> {
        let Some(entry) = self.entries.get_mut(guid) else {
            return Vec::new();
        };
        let Known::Publishing { held } = &mut entry.known else {
            return Vec::new();
        };
        let held = std::mem::take(held);
        match outcome {
            Outcome::Published(published) => entry.known = Known::Published(published),
            Outcome::Closed(tombstone, published_at) => {
                entry.known = Known::Closed {
                    tombstone,
                    renewed_at: published_at,
                };
            }
            Outcome::Missing => {
                self.entries.remove(guid);
            }
            Outcome::Hidden => entry.known = Known::Hidden,
        }
        held
    }

    /// The session is closed, whatever was known of it. Gives what was held back.
    pub fn close(&mut self, tombstone: Tombstone, now: Millis) -> Vec<(Sighting, T)> {
        let guid = tombstone.guid.clone();
        let known = Known::Closed {
            tombstone,
            renewed_at: now,
        };
        match self.know(guid, known, now) {
            Some(Known::Publishing { held }) => held,
            _ => Vec::new(),
        }
    }

    /// Forgets the sessions that have had no event for long, unless it was looked for them just now; gives whether it
    /// has looked.
    pub fn forget_idle(&mut self, now: Millis) -> bool {
        if now - self.swept_at < SWEEP_EVERY {
            return false;
        }
        self.swept_at = now;
        self.entries.retain(|_, entry| {
            matches!(entry.known, Known::Publishing { .. }) || now - entry.last_event_at <= FORGET_AFTER
        });
        true
    }

    /// What the records say of the openings that are out, as far as is known here.
    pub fn published_records(&self) -> impl Iterator<Item = (&Guid, Published)> {
        self.entries.iter().filter_map(|(guid, entry)| match entry.known {
            Known::Published(published) => Some((guid, published)),
            Known::Publishing { .. } | Known::Closed { .. } | Known::Hidden => None,
        })
    }

    /// How many sessions have a record in the stream, as far as is known here. Looks at all of them.
    #[must_use]
    pub fn published_count(&self) -> u64 {
        let known = self.entries.values().map(|entry| &entry.known);
        known.filter(|known| matches!(known, Known::Published(_))).count() as u64
    }

    /// The connection was lost and with it the answer to every publish under way; with `stream_lost` also all that was
    /// published. Closings are remembered, to be published anew when their session is heard of.
    pub fn reconnected(&mut self, stream_lost: bool) {
        self.entries.retain(|_, entry| match &mut entry.known {
            Known::Publishing { .. } => false,
            Known::Hidden => true,
            Known::Published(_) => !stream_lost,
            Known::Closed { renewed_at, .. } => {
                if stream_lost {
                    *renewed_at = LONG_AGO;
                }
                true
            }
        });
    }

    /// Another message stands in the place of the record of a session that is known.
    pub fn replaced(&mut self, guid: &Guid, outcome: Outcome, now: Millis) {
        if let Some(Entry {
            known: Known::Published(_),
            ..
        }) = self.entries.get(guid)
        {
            self.publishing(guid, now);
            self.published(guid, outcome);
        }
    }

    /// Whether no record is out, or under way, that does not say who the visitor is.
    #[must_use]
    pub fn is_not_out_unidentified(&self, guid: &Guid) -> bool {
        match self.entries.get(guid).map(|entry| &entry.known) {
            Some(Known::Publishing { .. }) => false,
            Some(Known::Published(published)) => !published.unidentified,
            Some(Known::Closed { .. } | Known::Hidden) | None => true,
        }
    }

    /// Whether nothing is known of the session.
    #[must_use]
    pub fn is_unknown(&self, guid: &Guid) -> bool {
        !self.entries.contains_key(guid)
    }

    /// Whether the session is never shown.
    #[must_use]
    pub fn is_hidden(&self, guid: &Guid) -> bool {
        matches!(
            self.entries.get(guid),
            Some(Entry {
                known: Known::Hidden,
                ..
            })
        )
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.entries.len()
    }

    /// Notes what is known from now on; gives what was known before.
    fn know(&mut self, guid: Guid, known: Known<T>, now: Millis) -> Option<Known<T>> {
        let entry = Entry {
            known,
            last_event_at: now,
        };
        self.entries.insert(guid, entry).map(|before| before.known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 75 s.
    const RENEW_AFTER: Millis = 75_000;

    fn guid() -> Guid {
        Guid::new("a").unwrap()
    }

    fn sighting(opening: bool, at: Millis) -> Sighting {
        Sighting {
            guid: guid(),
            ip: "::1".into(),
            opening,
            at,
            received_at: at,
        }
    }

    fn tombstone() -> Tombstone {
        Tombstone {
            guid: guid(),
            closed_at: 50,
            received_at: 50,
            hidden: false,
            ttl: tombstone_ttl(REMEMBER_CLOSINGS),
        }
    }

    fn out(opened_at: Option<Millis>, first_seen_at: Millis) -> Sessions<u8> {
        let mut sessions = Sessions::default();
        sessions.publishing(&guid(), 0);
        let published = Published {
            opened_at,
            first_seen_at,
            published_at: 0,
            unidentified: false,
        };
        sessions.published(&guid(), Outcome::Published(published));
        sessions
    }

    #[test]
    fn a_new_session_is_identified() {
        let mut sessions = Sessions::default();
        assert_eq!(
            sessions.see(sighting(true, 1), 7, 1),
            Next::Identify(sighting(true, 1), 7)
        );
    }

    #[test]
    fn what_comes_during_a_publish_waits_for_its_end() {
        let mut sessions = Sessions::default();
        sessions.publishing(&guid(), 0);
        assert_eq!(sessions.see(sighting(false, 2), 7, 2), Next::Held);
        let published = Published {
            opened_at: Some(1),
            first_seen_at: 1,
            published_at: 0,
            unidentified: false,
        };
        assert_eq!(
            sessions.published(&guid(), Outcome::Published(published)),
            [(sighting(false, 2), 7)]
        );
        assert_eq!(
            sessions.see(sighting(false, 2), 7, 3),
            Next::Touch(sighting(false, 2), 7)
        );
    }

    #[test]
    fn an_opening_completes_a_record_that_has_none() {
        assert!(matches!(
            out(None, 5).see(sighting(true, 9), 7, 9),
            Next::Complete(..)
        ));
        assert!(matches!(
            out(Some(5), 5).see(sighting(true, 4), 7, 9),
            Next::Complete(..)
        ));
        assert!(matches!(
            out(Some(5), 5).see(sighting(true, 5), 7, 9),
            Next::Touch(..)
        ));
    }

    #[test]
    fn an_earlier_keep_alive_counts_only_while_there_is_no_opening() {
        assert!(matches!(
            out(None, 5).see(sighting(false, 4), 7, 9),
            Next::Complete(..)
        ));
        assert!(matches!(
            out(Some(5), 5).see(sighting(false, 4), 7, 9),
            Next::Touch(..)
        ));
    }

    #[test]
    fn an_unidentified_session_is_touched_and_still_looked_up() {
        let mut sessions = Sessions::default();
        sessions.publishing(&guid(), 0);
        let published = Published {
            opened_at: Some(1),
            first_seen_at: 1,
            published_at: 0,
            unidentified: true,
        };
        sessions.published(&guid(), Outcome::Published(published));
        assert!(!sessions.is_not_out_unidentified(&guid()));
        assert!(matches!(
            sessions.see(sighting(false, 9), 7, 9),
            Next::TouchAndIdentify(..)
        ));
    }

    #[test]
    fn an_old_record_is_published_anew() {
        let late = RECORD_HALF_LIFE + 1;
        assert!(matches!(
            out(Some(5), 5).see(sighting(false, late), 7, late),
            Next::Complete(..)
        ));
    }

    #[test]
    fn a_closed_session_stays_closed_and_its_tombstone_is_renewed() {
        let mut sessions = out(Some(5), 5);
        sessions.close(tombstone(), 50);
        assert_eq!(sessions.see(sighting(true, 60), 7, 60), Next::Nothing(7));
        let late = 50 + RENEW_AFTER + 1;
        assert!(matches!(
            sessions.see(sighting(false, late), 7, late),
            Next::Renew(..)
        ));
        assert_eq!(sessions.see(sighting(false, late), 7, late), Next::Nothing(7));
    }

    #[test]
    fn an_old_tombstone_met_in_the_stream_is_renewed_at_once() {
        let mut sessions = Sessions::default();
        let now = RENEW_AFTER + 100;
        sessions.publishing(&guid(), now);
        sessions.published(&guid(), Outcome::Closed(tombstone(), 50));
        assert!(matches!(
            sessions.see(sighting(false, now), 7, now),
            Next::Renew(..)
        ));
    }

    #[test]
    fn a_closing_during_a_publish_wins() {
        let mut sessions = Sessions::default();
        sessions.publishing(&guid(), 0);
        sessions.see(sighting(false, 2), 7, 2);
        assert_eq!(sessions.close(tombstone(), 50), [(sighting(false, 2), 7)]);
        let published = Published {
            opened_at: None,
            first_seen_at: 1,
            published_at: 0,
            unidentified: false,
        };
        assert!(
            sessions
                .published(&guid(), Outcome::Published(published))
                .is_empty()
        );
        assert_eq!(sessions.see(sighting(false, 60), 7, 60), Next::Nothing(7));
    }

    #[test]
    fn idle_sessions_are_forgotten() {
        let mut sessions = out(Some(5), 5);
        sessions.forget_idle(FORGET_AFTER);
        assert_eq!(sessions.count(), 1);
        sessions.forget_idle(FORGET_AFTER + SWEEP_EVERY - 1);
        assert_eq!(sessions.count(), 1, "it was looked just now");
        sessions.forget_idle(FORGET_AFTER + SWEEP_EVERY);
        assert_eq!(sessions.count(), 0);
    }

    #[test]
    fn a_lost_stream_makes_records_unknown_and_closings_due() {
        let mut sessions = out(Some(5), 5);
        sessions.reconnected(false);
        assert_eq!(sessions.count(), 1);
        sessions.reconnected(true);
        assert_eq!(sessions.count(), 0);
        sessions.close(tombstone(), RENEW_AFTER);
        sessions.reconnected(true);
        assert!(matches!(
            sessions.see(sighting(false, 60), 7, RENEW_AFTER + 1),
            Next::Renew(..)
        ));
    }
}
