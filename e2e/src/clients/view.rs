//! A client's view, built from a gateway's frames. Pure.

use std::borrow::Cow;
use std::collections::BTreeMap;

use protocol::Timestamp;
use protocol::frame::{Frame, Removal, Snapshot, SnapshotPart, Stats, VisibleSession};
use protocol::status::Pipeline;

/// The view of a client.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// The revision of the last frame.
    pub revision: u64,
    /// The gateway's clock at the last frame.
    pub now: Timestamp,
    /// Every session shown, by guid.
    pub sessions: BTreeMap<String, VisibleSession>,
    /// The last statistics.
    pub stats: Stats,
    /// The last state of the processes.
    pub pipeline: Pipeline,
    /// The reason for each removal, if a frame contained one.
    pub removals: BTreeMap<String, Removal>,
    /// A snapshot with missing parts.
    incoming: Option<Snapshot<'static>>,
    /// The number of complete snapshots received.
    pub snapshots: usize,
    /// The number of parts received after the first ones.
    pub parts: usize,
    /// The number of deltas received.
    pub deltas: usize,
    /// The number of gaps in the revisions.
    pub gaps: usize,
    /// How often a session reappeared after it was reported as closed.
    pub returned: usize,
}

impl View {
    /// Applies a frame. Returns `false`, without a change, if a frame before it is missing.
    pub fn apply(&mut self, frame: &Frame<'_>) -> bool {
        match frame {
            Frame::Snapshot(snapshot) if snapshot.remaining > 0 => {
                self.incoming = Some(Snapshot {
                    sessions: Cow::Owned(snapshot.sessions.to_vec()),
                    pipeline: Cow::Owned(snapshot.pipeline.clone().into_owned()),
                    ..*snapshot
                });
                true
            }
            Frame::Snapshot(snapshot) => {
                self.replace(snapshot);
                true
            }
            Frame::SnapshotPart(part) => self.add(part),
            Frame::Delta(delta)
                if self.incoming.is_some() || self.snapshots == 0 || delta.revision != self.revision + 1 =>
            {
                self.gaps += 1;
                false
            }
            Frame::Delta(delta) => {
                self.deltas += 1;
                self.revision = delta.revision;
                self.now = delta.now;
                for (guid, removal) in delta.removed.iter() {
                    self.sessions.remove(&guid.to_string());
                    self.removals.insert(guid.to_string(), *removal);
                }
                self.sessions.extend(delta.changed.iter().map(by_guid));
                self.count_returned(&delta.changed);
                for (guid, at) in delta.touched.iter() {
                    if let Some(session) = self.sessions.get_mut(&guid.to_string()) {
                        session.last_activity_at = *at;
                    }
                }
                self.stats = delta.stats;
                if let Some(pipeline) = &delta.pipeline {
                    self.pipeline = pipeline.clone().into_owned();
                }
                true
            }
        }
    }

    fn replace(&mut self, snapshot: &Snapshot<'_>) {
        self.incoming = None;
        self.snapshots += 1;
        self.revision = snapshot.revision;
        self.now = snapshot.now;
        self.sessions = snapshot.sessions.iter().map(by_guid).collect();
        self.count_returned(&snapshot.sessions);
        self.stats = snapshot.stats;
        self.pipeline = snapshot.pipeline.clone().into_owned();
    }

    /// Adds a part to the snapshot that is coming. Returns `false` if it does not belong there.
    fn add(&mut self, part: &SnapshotPart<'_>) -> bool {
        let Some(mut snapshot) = self.incoming.take().filter(|snapshot| {
            snapshot.revision == part.revision
                && snapshot.remaining == part.sessions.len() as u64 + part.remaining
        }) else {
            self.gaps += 1;
            return false;
        };
        self.parts += 1;
        snapshot.sessions.to_mut().extend_from_slice(&part.sessions);
        snapshot.remaining = part.remaining;
        if snapshot.remaining == 0 {
            self.replace(&snapshot);
        } else {
            self.incoming = Some(snapshot);
        }
        true
    }

    fn count_returned(&mut self, shown: &[VisibleSession]) {
        let closed = |session: &&VisibleSession| {
            self.removals.get(&session.guid.to_string()) == Some(&Removal::Closed)
        };
        self.returned += shown.iter().filter(closed).count();
    }
}

fn by_guid(session: &VisibleSession) -> (String, VisibleSession) {
    (session.guid.to_string(), session.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::time::unix_ms;

    use crate::oracle::samples::row;
    use protocol::Guid;
    use protocol::frame::Delta;

    fn session(guid: &str, last_activity_at: i64) -> VisibleSession {
        row(guid, "::1", unix_ms(1), unix_ms(last_activity_at))
    }

    fn snapshot(revision: u64, sessions: Vec<VisibleSession>) -> Frame<'static> {
        Frame::Snapshot(Snapshot {
            revision,
            now: unix_ms(0),
            sessions: Cow::Owned(sessions),
            remaining: 0,
            stats: Stats::default(),
            pipeline: Cow::default(),
        })
    }

    fn delta(
        revision: u64,
        changed: Vec<VisibleSession>,
        touched: Vec<(&str, i64)>,
        removed: Vec<&str>,
    ) -> Frame<'static> {
        let guid = |text: &str| Guid::new(text).unwrap();
        Frame::Delta(Delta {
            revision,
            now: unix_ms(0),
            changed: Cow::Owned(changed),
            touched: Cow::Owned(
                touched
                    .into_iter()
                    .map(|(name, at)| (guid(name), unix_ms(at)))
                    .collect(),
            ),
            removed: Cow::Owned(
                removed
                    .into_iter()
                    .map(|name| (guid(name), Removal::Closed))
                    .collect(),
            ),
            stats: Stats::default(),
            pipeline: None,
        })
    }

    #[test]
    fn deltas_change_the_snapshot() {
        let mut view = View::default();
        assert!(view.apply(&snapshot(7, vec![session("a", 1), session("b", 1)])));
        assert!(view.apply(&delta(8, vec![session("c", 1)], vec![("a", 5)], vec!["b"])));
        let known: Vec<_> = view
            .sessions
            .values()
            .map(|session| (session.guid.to_string(), session.last_activity_at.unix_ms()))
            .collect();
        assert_eq!(known, [("a".to_owned(), 5), ("c".to_owned(), 1)]);
        assert_eq!(view.removals["b"], Removal::Closed);
        assert_eq!(view.returned, 0);
    }

    fn first_part(revision: u64, remaining: u64) -> Frame<'static> {
        let Frame::Snapshot(snapshot) = snapshot(revision, vec![session("a", 1)]) else {
            unreachable!()
        };
        Frame::Snapshot(Snapshot {
            remaining,
            ..snapshot
        })
    }

    fn part(revision: u64, name: &str, remaining: u64) -> Frame<'static> {
        Frame::SnapshotPart(SnapshotPart {
            revision,
            sessions: Cow::Owned(vec![session(name, 1)]),
            remaining,
        })
    }

    #[test]
    fn snapshot_counts_once_all_its_parts_are_there() {
        let mut view = View::default();
        assert!(view.apply(&first_part(7, 2)) && view.apply(&part(7, "b", 1)));
        assert_eq!((view.snapshots, view.sessions.len()), (0, 0));
        assert!(view.apply(&part(7, "c", 0)));
        assert_eq!((view.snapshots, view.parts, view.sessions.len()), (1, 2, 3));
        assert!(view.apply(&delta(8, vec![], vec![], vec!["a"])));
        assert_eq!(view.gaps, 0);
    }

    #[test]
    fn frames_between_the_parts_of_a_snapshot_are_noticed() {
        for wrong in [delta(8, vec![], vec![], vec![]), part(8, "b", 0), part(7, "b", 1)] {
            let mut view = View::default();
            assert!(view.apply(&first_part(7, 1)));
            assert!(!view.apply(&wrong), "{wrong:?}");
        }
    }

    #[test]
    fn a_closed_session_that_comes_back_is_noticed() {
        let mut view = View::default();
        view.apply(&snapshot(7, vec![session("a", 1)]));
        view.apply(&delta(8, vec![], vec![], vec!["a"]));
        view.apply(&delta(9, vec![session("a", 1)], vec![], vec![]));
        view.apply(&snapshot(20, vec![session("a", 1)]));
        assert_eq!(view.returned, 2);
    }

    #[test]
    fn a_missing_frame_is_noticed_and_a_snapshot_heals_it() {
        let mut view = View::default();
        assert!(!view.apply(&delta(1, vec![], vec![], vec![])), "no snapshot yet");
        view.apply(&snapshot(7, vec![]));
        assert!(!view.apply(&delta(9, vec![session("a", 1)], vec![], vec![])));
        assert!(view.sessions.is_empty());
        assert!(view.apply(&snapshot(9, vec![session("a", 1)])));
        assert!(view.apply(&delta(10, vec![], vec![("a", 2)], vec![])));
        assert_eq!((view.sessions.len(), view.gaps), (1, 2));
    }
}
