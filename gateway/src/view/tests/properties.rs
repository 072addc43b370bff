//! Properties that hold for all messages in any order.

use std::collections::HashMap;

use super::*;
use proptest::prelude::*;
use proptest::sample::Index;

/// A record with an identity: an address, a company, and whether and when it was identified.
fn found(name: &str, opened_at: Option<Timestamp>, at: Timestamp, finding: Finding) -> SessionMessage {
    let SessionMessage::Record(mut record) = record(name, opened_at, at) else {
        unreachable!()
    };
    let (ip, company, unidentified, identified_at) = finding;
    record.ip = ip.into();
    record.profile.company = company.map(|name| {
        Arc::new(Company {
            guid: name.into(),
            name: name.into(),
            domain: "c.example".into(),
        })
    });
    (record.unidentified, record.identified_at) = (unidentified, identified_at);
    SessionMessage::Record(record)
}

type Finding = (&'static str, Option<&'static str>, bool, Option<Timestamp>);

fn finding() -> impl Strategy<Value = Finding> {
    let company = proptest::option::of(proptest::sample::select(vec!["A", "B"]));
    let ip = proptest::sample::select(vec!["::1", "::2"]);
    (
        ip,
        company,
        any::<bool>(),
        proptest::option::of((0..3_i64).prop_map(unix_ms)),
    )
}

#[derive(Clone, Debug)]
enum Input {
    Message(SessionMessage),
    Activity(Activity),
}

/// Whole seconds, because sessions go stale within a fraction of one.
fn seconds(range: std::ops::Range<i64>) -> impl Strategy<Value = Timestamp> {
    range.prop_map(|seconds| unix_ms(seconds * 1000))
}

fn input() -> impl Strategy<Value = Input> {
    let name = || proptest::sample::select(vec!["a", "b", "c"]);
    prop_oneof![
        3 => (name(), any::<bool>(), seconds(0..50), finding())
            .prop_map(|(name, opening, at, finding)| Input::Message(found(name, opening.then_some(at), at, finding))),
        4 => (name(), seconds(0..50)).prop_map(|(name, at)| Input::Activity(Activity::new(guid(name), at, at))),
        1 => (name(), seconds(0..50)).prop_map(|(name, at)| Input::Message(tombstone(name, at))),
    ]
}

fn inputs() -> impl Strategy<Value = Vec<Input>> {
    proptest::collection::vec(input(), 0..24)
}

/// The last message of each session, as the stream keeps it when writes of records are create-only or merged and a
/// tombstone is never overwritten.
#[derive(Default)]
struct Stream {
    last: HashMap<Guid, (SessionMessage, u64, Duration)>,
    sequence: u64,
}

impl Stream {
    fn publish(&mut self, message: SessionMessage, ttl: Duration) {
        self.sequence += 1;
        self.last
            .insert(message.guid().clone(), (message, self.sequence, ttl));
    }

    /// Writes like an enricher: a record is merged with the stored one, and never replaces a tombstone.
    fn enricher(&mut self, message: SessionMessage) {
        let message = match (self.last.get(message.guid()), message) {
            (Some((SessionMessage::Tombstone(_), ..)), SessionMessage::Record(_)) => return,
            (Some((SessionMessage::Record(before), ..)), SessionMessage::Record(record)) => {
                let mut merged = before.clone();
                merged.merge(&record);
                SessionMessage::Record(merged)
            }
            (_, message) => message,
        };
        self.publish(message, RECORD_TTL);
    }

    fn replay(&self, view: &mut View, now: Timestamp) {
        for (message, sequence, ttl) in self.last.values() {
            view.message(
                message.clone(),
                StoredMessage::new(message, *sequence, Some(*ttl), now),
                now,
            );
        }
    }

    fn write_back(&mut self, view: &mut View, now: Timestamp) {
        for write in view.write_backs(usize::MAX, now, false) {
            let stored = self
                .last
                .get(write.message.guid())
                .map_or(0, |(_, sequence, _)| *sequence);
            assert_eq!(write.expected, stored);
            self.publish(write.message, write.ttl);
        }
    }
}

fn shown(view: &View) -> Vec<VisibleSession> {
    sorted(view.sessions())
}

fn sorted(mut sessions: Vec<VisibleSession>) -> Vec<VisibleSession> {
    sessions.sort_by(|a, b| a.guid.cmp(&b.guid));
    sessions
}

/// What happens to a view and its clients.
#[derive(Clone, Debug)]
enum Step {
    Input(Input),
    Time,
    /// A frame goes out to every client.
    Frame,
    /// A client connects, and is sent a snapshot.
    Join,
    /// A client is sent no more frames until it asks for a snapshot.
    FallBehind(Index),
    /// A client asks for a snapshot, whether or not it is behind.
    AskAgain(Index),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => input().prop_map(Step::Input),
        2 => Just(Step::Time),
        3 => Just(Step::Frame),
        3 => Just(Step::Join),
        1 => any::<Index>().prop_map(Step::FallBehind),
        2 => any::<Index>().prop_map(Step::AskAgain),
    ]
}

/// The view that a client has built from its frames.
struct Client {
    revision: u64,
    sessions: HashMap<Guid, VisibleSession>,
    is_behind: bool,
}

impl Client {
    fn with_snapshot(view: &View, revision: u64) -> Self {
        let sessions = view.sessions().into_iter();
        Self {
            revision,
            sessions: sessions.map(|session| (session.guid.clone(), session)).collect(),
            is_behind: false,
        }
    }

    fn apply(&mut self, changes: &Changes, revision: u64) {
        assert_eq!(revision, self.revision + 1);
        self.revision = revision;
        for session in &changes.changed {
            self.sessions.insert(session.guid.clone(), session.clone());
        }
        for (guid, at) in &changes.touched {
            self.sessions.get_mut(guid).unwrap().last_activity_at = *at;
        }
        for (guid, _) in &changes.removed {
            self.sessions.remove(guid);
        }
    }

    fn shows(&self) -> Vec<VisibleSession> {
        sorted(self.sessions.values().cloned().collect())
    }
}

proptest! {
    #[test]
    fn order_and_repetition_make_no_difference(
        (inputs, shuffled) in inputs().prop_flat_map(|inputs| {
            let twice = inputs.iter().chain(&inputs).cloned().collect::<Vec<_>>();
            (Just(inputs), Just(twice).prop_shuffle())
        }),
        now in seconds(50..130),
    ) {
        let fold = |inputs: &[Input]| {
            let mut view = View::new(STALE_AFTER);
            for input in inputs {
                match input {
                    Input::Message(message) => apply(&mut view, message.clone(), 1, unix_ms(50_000)),
                    Input::Activity(activity) => view.activity(activity, unix_ms(50_000)),
                }
            }
            view.tick(now);
            (shown(&view), view.stats(0, now))
        };
        prop_assert_eq!(fold(&inputs), fold(&shuffled));
    }

    /// Clients that join at any point, fall behind and ask again have what a snapshot says, after every frame.
    #[test]
    fn frames_add_up_to_the_view(steps in proptest::collection::vec(step(), 0..40)) {
        let mut view = View::new(STALE_AFTER);
        let mut clients: Vec<Client> = Vec::new();
        let mut revision = 0;
        for (index, step) in steps.into_iter().chain([Step::Frame]).enumerate() {
            let now = unix_ms(50_000) + 4_000 * Millis::try_from(index).unwrap();
            match step {
                Step::Input(Input::Message(message)) => apply(&mut view, message, 1, now),
                Step::Input(Input::Activity(activity)) => view.activity(&activity, now),
                Step::Time => view.tick(now),
                Step::Join => clients.push(Client::with_snapshot(&view, revision)),
                Step::AskAgain(client) if !clients.is_empty() => {
                    let client = client.index(clients.len());
                    clients[client] = Client::with_snapshot(&view, revision);
                }
                Step::FallBehind(client) if !clients.is_empty() => {
                    let client = client.index(clients.len());
                    clients[client].is_behind = true;
                }
                Step::AskAgain(_) | Step::FallBehind(_) => {}
                Step::Frame => {
                    revision += 1;
                    let changes = view.take_changes();
                    let expected = shown(&view);
                    for client in clients.iter_mut().filter(|client| !client.is_behind) {
                        client.apply(&changes, revision);
                        prop_assert_eq!(client.shows(), expected.clone());
                    }
                }
            }
        }
    }

    /// A gateway that starts from the streams has the view of one that saw it all.
    #[test]
    fn a_restart_from_the_streams_gives_the_same_view(inputs in inputs(), now in seconds(50..130)) {
        let (mut stream, mut activities, mut view) = (Stream::default(), Vec::new(), View::new(STALE_AFTER));
        for input in inputs {
            match input {
                Input::Message(message) => stream.enricher(message),
                Input::Activity(activity) => {
                    view.activity(&activity, unix_ms(50_000));
                    activities.push(activity);
                }
            }
            stream.replay(&mut view, unix_ms(50_000));
        }
        view.tick(now);
        stream.write_back(&mut view, now);

        let mut restarted = View::new(STALE_AFTER);
        stream.replay(&mut restarted, now);
        for activity in activities.iter().filter(|activity| activity.received_at > now - 2 * STALE_AFTER) {
            restarted.activity(activity, now);
        }
        prop_assert_eq!(shown(&restarted), shown(&view));
        stream.write_back(&mut restarted, now);
        restarted.tick(now);
        prop_assert_eq!(restarted.write_backs(1, now, false), []);
    }

    /// After the stream is lost, what one gateway puts back makes the same view at another, also where enrichers have
    /// begun to write again without knowing the earlier messages.
    #[test]
    fn restored_stream_gives_the_same_view(inputs in inputs(), meanwhile in inputs()) {
        let now = unix_ms(50_000);
        let (mut stream, mut activities, mut view) = (Stream::default(), Vec::new(), View::new(STALE_AFTER));
        for input in inputs {
            match input {
                Input::Message(message) => stream.enricher(message),
                Input::Activity(activity) => {
                    view.activity(&activity, now);
                    activities.push(activity);
                }
            }
            stream.replay(&mut view, now);
        }
        let mut stream = Stream::default();
        view.stream_lost();
        for input in meanwhile {
            if let Input::Message(message) = input {
                stream.enricher(message);
            }
        }
        stream.replay(&mut view, now);
        stream.write_back(&mut view, now);
        let mut other = View::new(STALE_AFTER);
        stream.replay(&mut other, now);
        for activity in &activities {
            other.activity(activity, now);
        }
        prop_assert_eq!(shown(&other), shown(&view));
    }
}
