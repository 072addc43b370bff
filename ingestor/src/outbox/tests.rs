use super::batch::OVERHEAD;
use super::*;
use proptest::prelude::*;
use protocol::event::{MAX_BYTES, MAX_EVENTS, lines};
use protocol::time::unix_ms;
use std::collections::BTreeMap;

use EventKind::{KeepAlive, SessionOpened};

const ROOMY: Limits = Limits {
    bytes: 1 << 20,
    replay_window: 60_000,
};

fn events(batch: &Batch) -> Vec<(Vec<u8>, Millis)> {
    let stamps: Vec<_> = batch.received_at.iter().map(ToString::to_string).collect();
    lines(&batch.payload, Some(&stamps.join(",")), unix_ms(0))
        .map(|(line, at)| (line.to_vec(), at.unix_ms()))
        .collect()
}

#[test]
fn a_lone_event_goes_out_at_once() {
    let mut outbox = Outbox::new(ROOMY);
    outbox.push(KeepAlive, b"{1}", 5);
    let (id, batch) = outbox.next_batch().unwrap();
    assert_eq!(events(&batch), [(b"{1}".to_vec(), 5)]);
    assert_eq!(outbox.unacknowledged(), 1);
    assert_eq!(outbox.acknowledge(id), 1);
    assert_eq!(outbox.unacknowledged(), 0);
    assert_eq!(outbox.next_batch(), None);
}

#[test]
fn events_during_a_round_trip_share_a_message() {
    let mut outbox = Outbox::new(ROOMY);
    outbox.push(KeepAlive, b"{1}", 5);
    let (id, _) = outbox.next_batch().unwrap();
    outbox.push(KeepAlive, b"{2}", 6);
    outbox.push(KeepAlive, b"{3}", 7);
    assert_eq!(
        outbox.next_batch(),
        None,
        "something of the kind is unacknowledged"
    );
    outbox.acknowledge(id);
    let (_, batch) = outbox.next_batch().unwrap();
    assert_eq!(events(&batch), [(b"{2}".to_vec(), 6), (b"{3}".to_vec(), 7)]);
}

#[test]
fn a_round_trip_of_one_kind_does_not_hold_up_another() {
    let mut outbox = Outbox::new(ROOMY);
    outbox.push(KeepAlive, b"{1}", 5);
    outbox.next_batch().unwrap();
    outbox.push(SessionOpened, b"{2}", 6);
    assert_eq!(outbox.next_batch().unwrap().1.kind, SessionOpened);
}

#[test]
fn full_messages_do_not_wait_for_a_round_trip() {
    let mut outbox = Outbox::new(ROOMY);
    for _ in 0..2 * MAX_EVENTS {
        outbox.push(KeepAlive, b"{}", 1);
    }
    let sizes: Vec<_> = std::iter::from_fn(|| outbox.next_batch())
        .map(|(_, batch)| batch.events())
        .collect();
    assert_eq!(sizes, [MAX_EVENTS as u64; 2]);
}

#[test]
fn no_message_is_larger_than_the_bound() {
    let mut outbox = Outbox::new(ROOMY);
    let event = vec![b'x'; MAX_BYTES / 2];
    for _ in 0..3 {
        outbox.push(KeepAlive, &event, 1);
    }
    let batches: Vec<_> = std::iter::from_fn(|| outbox.next_batch())
        .map(|(_, batch)| batch.payload.len())
        .collect();
    assert_eq!(batches, [MAX_BYTES / 2, MAX_BYTES / 2]);
}

#[test]
fn an_event_with_line_breaks_travels_alone() {
    let mut outbox = Outbox::new(ROOMY);
    outbox.push(KeepAlive, b"{1}", 1);
    outbox.push(KeepAlive, b"{\n2}", 2);
    outbox.push(KeepAlive, b"{3}", 3);
    let batches: Vec<_> = std::iter::from_fn(|| outbox.next_batch())
        .map(|(_, batch)| events(&batch))
        .collect();
    assert_eq!(
        batches,
        [vec![(b"{1}".to_vec(), 1)], vec![(b"{\n2}".to_vec(), 2)]]
    );
}

#[test]
fn the_window_bounds_what_is_unacknowledged() {
    let mut outbox = Outbox::new(ROOMY);
    for _ in 0..(MAX_IN_FLIGHT + 5) * MAX_EVENTS {
        outbox.push(KeepAlive, b"{}", 1);
    }
    assert_eq!(std::iter::from_fn(|| outbox.next_batch()).count(), MAX_IN_FLIGHT);
}

#[test]
fn a_lost_connection_sends_the_unacknowledged_again() {
    let mut outbox = Outbox::new(ROOMY);
    outbox.push(KeepAlive, b"{1}", 1);
    let (acknowledged, _) = outbox.next_batch().unwrap();
    outbox.acknowledge(acknowledged);
    outbox.push(KeepAlive, b"{2}", 2);
    let (lost, batch) = outbox.next_batch().unwrap();
    outbox.resend_unacknowledged();
    assert_eq!(outbox.next_batch(), Some((lost, batch)));
    assert_eq!(outbox.next_batch(), None);
}

#[test]
fn a_refused_batch_is_sent_again_before_later_ones() {
    let mut outbox = Outbox::new(ROOMY);
    outbox.push(KeepAlive, b"{1}", 1);
    let (refused, batch) = outbox.next_batch().unwrap();
    outbox.push(KeepAlive, b"{2}", 2);
    outbox.refuse(refused);
    outbox.refuse(refused);
    assert_eq!(outbox.unacknowledged(), 2);
    assert_eq!(outbox.next_batch(), Some((refused, batch)));
    assert_eq!(
        outbox.next_batch(),
        None,
        "the second waits for an acknowledgement"
    );
}

#[test]
fn a_lost_stream_gets_the_replay_window_again() {
    let mut outbox = Outbox::new(ROOMY);
    for at in [0, 30_000, 61_000] {
        outbox.push(KeepAlive, format!("{{{at}}}").as_bytes(), at);
        let (id, _) = outbox.next_batch().unwrap();
        outbox.acknowledge(id);
    }
    outbox.forget(61_000);
    outbox.resend_everything();
    assert_eq!(outbox.unacknowledged(), 2);
    let again: Vec<_> = std::iter::from_fn(|| outbox.next_batch())
        .flat_map(|(_, batch)| events(&batch))
        .collect();
    assert_eq!(
        again.iter().map(|(_, at)| *at).collect::<Vec<_>>(),
        [30_000, 61_000]
    );
}

#[test]
fn beyond_its_room_it_keeps_the_newest_and_counts_the_rest() {
    let limits = Limits {
        bytes: 10 * (OVERHEAD + 100),
        ..ROOMY
    };
    let mut outbox = Outbox::new(limits);
    for at in 0..100 {
        outbox.push(KeepAlive, format!("{{{at}\n}}").as_bytes(), at);
        outbox.forget(at);
    }
    let kept: Vec<_> = std::iter::from_fn(|| outbox.next_batch())
        .flat_map(|(_, batch)| events(&batch))
        .collect();
    assert_eq!(kept.last().map(|(_, at)| *at), Some(99));
    assert_eq!(outbox.take_dropped(), 100 - kept.len() as u64);
    assert_eq!(outbox.take_dropped(), 0);
    assert_eq!(outbox.unacknowledged(), kept.len() as u64);
}

#[derive(Clone, Debug)]
enum Step {
    Push(EventKind),
    Send,
    Acknowledge(usize),
    Refuse(usize),
    LoseConnection,
    LoseStream,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let kind = proptest::sample::select(EventKind::ALL.to_vec());
    let step = prop_oneof![
        4 => kind.prop_map(Step::Push),
        3 => Just(Step::Send),
        3 => any::<usize>().prop_map(Step::Acknowledge),
        1 => any::<usize>().prop_map(Step::Refuse),
        1 => Just(Step::LoseConnection),
        1 => Just(Step::LoseStream),
    ];
    proptest::collection::vec(step, 0..200)
}

proptest! {
    /// After any sequence of failures, once everything is acknowledged, the current stream has every event.
    #[test]
    fn every_event_arrives(steps in steps()) {
        let mut outbox = Outbox::new(ROOMY);
        let mut pushed = 0;
        let mut under_way: Vec<(BatchId, Batch)> = Vec::new();
        let mut stream: BTreeMap<Millis, u32> = BTreeMap::new();
        for step in steps.into_iter().chain(std::iter::repeat_n([Step::Send, Step::Acknowledge(0)], 500).flatten()) {
            match step {
                Step::Push(kind) => {
                    outbox.push(kind, b"{}", pushed);
                    pushed += 1;
                }
                Step::Send => under_way.extend(outbox.next_batch()),
                Step::Acknowledge(which) if !under_way.is_empty() => {
                    let (id, batch) = under_way.swap_remove(which % under_way.len());
                    for (_, at) in events(&batch) {
                        *stream.entry(at).or_default() += 1;
                    }
                    outbox.acknowledge(id);
                }
                Step::Refuse(which) if !under_way.is_empty() => {
                    let (id, _) = under_way.swap_remove(which % under_way.len());
                    outbox.refuse(id);
                }
                Step::Acknowledge(_) | Step::Refuse(_) => {}
                Step::LoseConnection => {
                    under_way.clear();
                    outbox.resend_unacknowledged();
                }
                Step::LoseStream => {
                    under_way.clear();
                    stream.clear();
                    outbox.resend_everything();
                }
            }
        }
        prop_assert_eq!(outbox.unacknowledged(), 0);
        prop_assert_eq!(stream.into_keys().collect::<Vec<_>>(), (0..pushed).collect::<Vec<_>>());
    }
}

#[test]
fn a_limit_that_everything_fits_leaves_gathered_events_alone() {
    let mut outbox = Outbox::new(ROOMY);
    outbox.push(KeepAlive, b"{1}", 1);
    let (id, _) = outbox.next_batch().unwrap();
    outbox.push(KeepAlive, b"{2}", 2);
    assert!(outbox.limit_messages(4_096).is_empty());
    outbox.push(KeepAlive, b"{3}", 3);
    outbox.acknowledge(id);
    assert_eq!(outbox.next_batch().unwrap().1.events(), 2);
}

#[test]
fn messages_are_split_to_fit_a_smaller_server_and_the_rest_is_returned() {
    let mut outbox = Outbox::new(ROOMY);
    let large = vec![b'x'; 9_000];
    for at in 0..8 {
        outbox.push(
            EventKind::KeepAlive,
            &vec![b'a' + u8::try_from(at).unwrap(); 1_000],
            at,
        );
    }
    outbox.push(EventKind::SessionOpened, &large, 8);
    assert!(outbox.accepts(&large));
    let oversized = outbox.limit_messages(4_096);
    assert_eq!(oversized.len(), 1);
    assert_eq!(oversized[0].payload.len(), large.len());
    assert!(!outbox.accepts(&large));
    assert_eq!(outbox.unacknowledged(), 8);
    let mut sent = Vec::new();
    while let Some((id, batch)) = outbox.next_batch() {
        assert!(batch.message_size() <= 4_096);
        sent.extend(batch.received_at.iter().copied());
        outbox.acknowledge(id);
    }
    assert_eq!(sent, (0..8).collect::<Vec<_>>());
    assert_eq!(outbox.unacknowledged(), 0);
    for at in 10..20 {
        outbox.push(EventKind::KeepAlive, &[b'x'; 1_000], at);
    }
    while let Some((id, batch)) = outbox.next_batch() {
        assert!(batch.message_size() <= 4_096);
        outbox.acknowledge(id);
    }
    assert_eq!(outbox.unacknowledged(), 0);
}
