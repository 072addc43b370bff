use std::borrow::Cow;

use super::*;
use crate::hub::outgoing::Encoded;
use crate::hub::snapshot::SnapshotMetrics;
use protocol::Timestamp;
use protocol::frame::{Snapshot as Content, Stats};
use protocol::status::Pipeline;

/// The part of the hub that handles snapshots.
struct Played {
    snapshots: Snapshots,
    metrics: SnapshotMetrics,
    revision: u64,
    start: Instant,
}

impl Played {
    fn new() -> Self {
        Self {
            snapshots: Snapshots::default(),
            metrics: SnapshotMetrics::default(),
            revision: 0,
            start: Instant::now(),
        }
    }

    fn ask(&mut self, after: u64) -> Result<Joined, Busy> {
        let now = self.start + Duration::from_millis(after);
        if let Some(joined) = self.snapshots.current(now)? {
            return Ok(joined);
        }
        let content = Content {
            revision: self.revision,
            now: Timestamp::from_unix_ms(0),
            sessions: Cow::Borrowed(&[]),
            remaining: 0,
            stats: Stats::default(),
            pipeline: Cow::Owned(Pipeline::default()),
        };
        let snapshot = Snapshot::build(content, self.metrics.clone());
        Ok(self.snapshots.add(snapshot, now))
    }

    fn send_frame(&mut self, bytes: usize) {
        self.revision += 1;
        self.snapshots.frame(&Outgoing {
            revision: self.revision,
            message: Encoded::new(vec![0; bytes].into()),
        });
    }

    fn built(&self) -> u64 {
        self.metrics.built.get()
    }
}

fn revisions(joined: &Joined) -> Vec<u64> {
    joined.frames.iter().map(|frame| frame.revision).collect()
}

#[tokio::test]
async fn one_snapshot_serves_everyone_who_asks_within_a_quarter_of_a_second() {
    let mut hub = Played::new();
    for after in 0..250 {
        let joined = hub.ask(after).unwrap();
        joined.snapshot.part(0).await;
        joined.snapshot.gzip().await;
        hub.send_frame(10);
    }
    assert_eq!((hub.built(), hub.metrics.compressed.get()), (1, 1));
    hub.ask(250).unwrap();
    assert_eq!(hub.built(), 2);
}

#[tokio::test]
async fn nobody_misses_a_frame() {
    let mut hub = Played::new();
    for after in (0..2_000).step_by(10) {
        let joined = hub.ask(after).unwrap();
        joined.snapshot.part(0).await;
        let expected: Vec<_> = (joined.snapshot.revision() + 1..=hub.revision).collect();
        assert_eq!(revisions(&joined), expected);
        hub.send_frame(1);
        hub.snapshots.tidy(hub.start + Duration::from_millis(after));
    }
}

#[tokio::test]
async fn readers_that_do_not_read_hold_few_snapshots() {
    let mut hub = Played::new();
    let mut unread = Vec::new();
    for n in 0..250 {
        let joined = hub.ask(n * 1_000).unwrap();
        joined.snapshot.part(0).await;
        unread.push(joined);
        hub.send_frame(1);
    }
    assert_eq!(hub.built(), MAX_HELD as u64);
    assert_eq!(hub.metrics.held.get(), MAX_HELD as u64);
    let last = unread.last().unwrap();
    assert_eq!(revisions(last).last(), Some(&(hub.revision - 1)));

    // What has happened since would cost more than a new snapshot.
    hub.send_frame(MIN_FRAME_BYTES);
    assert_eq!(hub.ask(250_000).err(), Some(Busy));
    unread.clear();
    assert!(hub.ask(250_001).is_ok());
}

#[tokio::test]
async fn nothing_is_held_once_it_is_sent() {
    let mut hub = Played::new();
    drop(hub.ask(0).unwrap());
    hub.snapshots.tidy(hub.start + Duration::from_millis(249));
    assert!(hub.snapshots.need_frames());
    hub.snapshots.tidy(hub.start + SHARED_FOR);
    assert!(!hub.snapshots.need_frames());
    assert_eq!(hub.metrics.held.get(), 0);
}

#[tokio::test]
async fn what_is_compressed_is_the_same() {
    use std::io::Read as _;
    let mut hub = Played::new();
    let snapshot = hub.ask(0).unwrap().snapshot;
    let (text, gzip) = (snapshot.whole().await, snapshot.gzip().await);
    let mut read = Vec::new();
    flate2::read::GzDecoder::new(&gzip[..])
        .read_to_end(&mut read)
        .unwrap();
    assert!(!read.is_empty());
    assert_eq!(read, text);
}
