//! The cost of folding messages into the view, and of making a delta: `make microbench`.

use std::borrow::Cow;
use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use gateway::view::View;
use gateway::view::write_back::StoredMessage;
use protocol::frame::{Delta, Frame};
use protocol::stream::RECORD_TTL;
use protocol::{Activity, Guid, SessionMessage, Timestamp};

const RECORD: &str = include_str!("../../protocol/fixtures/record.json");

/// How many sessions are live, and how many change between two frames.
const LIVE: u32 = 100_000;
const MANY: u32 = 1_000;

const NOW: Timestamp = Timestamp::from_unix_ms(1_740_974_641_984);

fn message(number: u32) -> Option<(SessionMessage, StoredMessage)> {
    let mut message = serde_json::from_str(RECORD).ok()?;
    if let SessionMessage::Record(record) = &mut message {
        record.guid = guid(number)?;
        record.received_at = NOW;
    }
    let stored = StoredMessage::new(&message, number.into(), Some(RECORD_TTL), NOW);
    Some((message, stored))
}

fn guid(number: u32) -> Option<Guid> {
    Guid::new(&format!("9d8802fe-631a-4591-b1d8-{number:012x}")).ok()
}

fn full() -> View {
    let mut view = View::new(Duration::from_mins(1));
    for (message, stored) in (0..LIVE).filter_map(message) {
        view.message(message, stored, NOW);
    }
    drop(view.take_changes());
    view
}

fn folding(criterion: &mut Criterion) {
    let mut view = full();
    let mut group = criterion.benchmark_group("fold");
    group.throughput(Throughput::Elements(MANY.into()));
    let activities =
        |at| (0..MANY).filter_map(move |number| Some(Activity::new(guid(number * (LIVE / MANY))?, at, at)));
    let mut at = NOW;
    group.bench_function("1,000 activities among 100,000 sessions", |bencher| {
        bencher.iter_batched(
            || {
                at += 1;
                activities(at).collect::<Vec<_>>()
            },
            |activities| {
                for activity in &activities {
                    view.activity(black_box(activity), NOW);
                }
                view.take_changes()
            },
            BatchSize::LargeInput,
        );
    });
    group.bench_function("1,000 records into an empty view", |bencher| {
        bencher.iter_batched(
            || (0..MANY).filter_map(message).collect::<Vec<_>>(),
            |messages| {
                let mut view = View::new(Duration::from_mins(1));
                for (message, stored) in messages {
                    view.message(message, stored, NOW);
                }
                view
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

fn delta(criterion: &mut Criterion) {
    let mut view = View::new(Duration::from_mins(1));
    for (message, stored) in (0..MANY).filter_map(message) {
        view.message(message, stored, NOW);
    }
    let changes = view.take_changes();
    let mut group = criterion.benchmark_group("delta");
    group.throughput(Throughput::Elements(MANY.into()));
    group.bench_function("1,000 new sessions", |bencher| {
        bencher.iter(|| {
            serde_json::to_string(&Frame::Delta(Delta {
                revision: 1,
                now: NOW,
                changed: Cow::Borrowed(black_box(&changes.changed)),
                touched: Cow::Borrowed(&changes.touched),
                removed: Cow::Borrowed(&changes.removed),
                stats: view.stats(0, NOW),
                pipeline: None,
            }))
        });
    });
    group.finish();
}

criterion_group!(benches, folding, delta);
criterion_main!(benches);
