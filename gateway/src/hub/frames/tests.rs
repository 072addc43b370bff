use std::borrow::Cow;
use std::collections::BTreeMap;

use proptest::prelude::*;
use protocol::frame::{Removal, Stats, VisibleSession};
use protocol::status::Pipeline;
use protocol::time::unix_ms;
use protocol::{Guid, Timestamp};
use service::metrics::Metrics;

use super::*;
use crate::hub::pacing::FrameInterval;

/// What a client shows: the last activity of each session.
type Shown = BTreeMap<Guid, Timestamp>;

/// What may happen to the hub.
#[derive(Clone, Debug)]
enum Step {
    /// A session comes or is active.
    Active(u8),
    Leaves(u8),
    Frame,
    /// A client joins.
    Join,
    /// Time passes until the next client gets a new snapshot.
    Pause,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0u8..40).prop_map(Step::Active),
        2 => (0u8..40).prop_map(Step::Leaves),
        2 => Just(Step::Frame),
        2 => Just(Step::Join),
        1 => Just(Step::Pause),
    ]
}

fn guid(number: u8) -> Guid {
    Guid::new(&format!("g{number}")).unwrap()
}

fn session(guid: &Guid, at: Timestamp) -> VisibleSession {
    VisibleSession {
        guid: guid.clone(),
        ip: "::1".into(),
        opened_at: unix_ms(0),
        last_activity_at: at,
        page: None,
        referrer: None,
        company: None,
        contact: None,
        network: None,
        country: None,
        unidentified: false,
    }
}

/// The hub, with a view as simple as a map.
struct Played {
    frames: FrameBuilder,
    now: Instant,
    clock: Timestamp,
    shown: Shown,
    /// What has changed since the last frame.
    changed: Shown,
    removed: Vec<Guid>,
    /// What each frame shows.
    history: Vec<Shown>,
}

impl Played {
    fn new() -> Self {
        let now = Instant::now();
        let metrics = Arc::new(GatewayMetrics::new(&Metrics::new("gateway")));
        let pacing = Pacing::new(FrameInterval::Auto, 1);
        Self {
            frames: FrameBuilder::new(pacing, metrics, now),
            now,
            clock: unix_ms(0),
            shown: Shown::new(),
            changed: Shown::new(),
            removed: Vec::new(),
            history: vec![Shown::new()],
        }
    }

    fn join(&mut self) -> Following {
        let sessions = self.shown.iter().map(|(guid, at)| session(guid, *at)).collect();
        let content = |revision| Content {
            revision,
            now: unix_ms(0),
            sessions: Cow::Owned(sessions),
            remaining: 0,
            stats: Stats::default(),
            pipeline: Cow::Owned(Pipeline::default()),
        };
        self.frames.join(self.now, content).unwrap()
    }

    fn send(&mut self) {
        let changed = std::mem::take(&mut self.changed);
        let removed = std::mem::take(&mut self.removed);
        self.history.push(self.shown.clone());
        self.frames.send(self.now, false, |revision, _| Delta {
            revision,
            now: unix_ms(0),
            changed: changed.iter().map(|(guid, at)| session(guid, *at)).collect(),
            touched: Cow::Owned(Vec::new()),
            removed: removed.into_iter().map(|guid| (guid, Removal::Closed)).collect(),
            stats: Stats::default(),
            pipeline: None,
        });
    }

    fn does(&mut self, step: &Step) {
        self.clock += 1;
        match step {
            Step::Active(number) => {
                self.shown.insert(guid(*number), self.clock);
                self.changed.insert(guid(*number), self.clock);
                self.removed.retain(|removed| *removed != guid(*number));
            }
            Step::Leaves(number) => {
                if self.shown.remove(&guid(*number)).is_some() {
                    self.changed.remove(&guid(*number));
                    self.removed.push(guid(*number));
                }
            }
            Step::Frame => self.send(),
            Step::Join => {}
            Step::Pause => {
                self.now += Duration::from_secs(1);
                self.frames.tidy(self.now);
            }
        }
    }
}

/// Reads all parts of the snapshot as a client does.
async fn read_snapshot(joined: &Joined) -> Shown {
    let mut shown = Shown::new();
    let mut remaining = None;
    for number in 0..joined.snapshot.parts() {
        let part = joined.snapshot.part(number).await;
        let (revision, sessions, left) = match serde_json::from_slice(part.text()).unwrap() {
            Frame::Snapshot(first) if number == 0 => (first.revision, first.sessions, first.remaining),
            Frame::SnapshotPart(part) if number > 0 => (part.revision, part.sessions, part.remaining),
            other => panic!("part {number} is {other:?}"),
        };
        assert_eq!(revision, joined.snapshot.revision());
        if let Some(before) = remaining {
            assert_eq!(before, left + sessions.len() as u64);
        }
        remaining = Some(left);
        for session in sessions.iter() {
            let twice = shown.insert(session.guid.clone(), session.last_activity_at);
            assert_eq!(twice, None, "a session is in one part only");
        }
    }
    assert_eq!(remaining, Some(0), "nothing remains after the last part");
    shown
}

/// The deltas that the client gets after the snapshot.
fn deltas(joined: Joined, mut following: broadcast::Receiver<Outgoing>) -> Vec<Delta<'static>> {
    let since = joined.snapshot.revision();
    let later = std::iter::from_fn(|| following.try_recv().ok());
    let all = joined.frames.into_iter().chain(later);
    let needed = all.filter(|frame| frame.revision > since);
    let parsed = needed.map(|frame| serde_json::from_slice(frame.message.text()).unwrap());
    parsed
        .map(|frame| match frame {
            Frame::Delta(delta) => delta,
            other => panic!("{other:?} among the deltas"),
        })
        .collect()
}

fn apply(shown: &mut Shown, delta: &Delta<'_>) {
    for (guid, _) in delta.removed.iter() {
        shown.remove(guid);
    }
    for session in delta.changed.iter() {
        shown.insert(session.guid.clone(), session.last_activity_at);
    }
}

proptest! {
    #[test]
    fn client_is_right_after_its_snapshot_and_after_each_delta(
        steps in proptest::collection::vec(step(), 1..120),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut hub = Played::new();
            let mut clients = Vec::new();
            for step in &steps {
                hub.does(step);
                if matches!(step, Step::Join) {
                    let (joined, following) = hub.join();
                    clients.push((joined, following, hub.shown.clone()));
                }
            }
            hub.send();
            for (joined, following, when_joined) in clients {
                let mut shown = read_snapshot(&joined).await;
                let mut revision = joined.snapshot.revision();
                let mut was_right = shown == when_joined;
                for delta in deltas(joined, following) {
                    assert_eq!(delta.revision, revision + 1, "no delta is missing");
                    revision = delta.revision;
                    apply(&mut shown, &delta);
                    assert_eq!(shown, hub.history[usize::try_from(revision).unwrap()]);
                    was_right = true;
                }
                assert!(was_right, "the snapshot is the view at some time");
                assert_eq!(shown, *hub.history.last().unwrap());
            }
        });
    }
}
