//! The cost of the reads and writes that each event causes: `make microbench`.

use std::borrow::Cow;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use protocol::event::Event;
use protocol::frame::{Delta, Frame, Stats};
use protocol::time::unix_ms;
use protocol::{Activity, Guid};

const EVENT: &[u8] = br#"{"eventType":"keep-alive","ip":"203.225.30.200","guid":"9d8802fe-631a-4591-b1d8-c030870dea05","timestamp":"2025-03-03T04:04:01.984Z"}"#;
const RECORD: &str = include_str!("../fixtures/record.json");
const DELTA: &str = include_str!("../fixtures/delta.json");

/// The number of sessions in one frame or message under load.
const MANY: u32 = 1_000;

fn guid(number: u32) -> Option<Guid> {
    Guid::new(&format!("9d8802fe-631a-4591-b1d8-{number:012x}")).ok()
}

fn reading(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("read");
    group.throughput(Throughput::Elements(1));
    group.bench_function("event", |bencher| bencher.iter(|| Event::parse(black_box(EVENT))));
    group.bench_function("record", |bencher| {
        bencher.iter(|| serde_json::from_str::<protocol::SessionMessage>(black_box(RECORD)));
    });
    let at = unix_ms(1_740_974_641_984);
    let activities: Vec<_> = (0..MANY)
        .filter_map(|number| Some(Activity::new(guid(number)?, at, at)))
        .collect();
    let text = serde_json::to_string(&activities).unwrap_or_default();
    group.throughput(Throughput::Elements(MANY.into()));
    group.bench_function("1,000 activities", |bencher| {
        bencher.iter(|| serde_json::from_str::<Vec<Activity>>(black_box(&text)));
    });
    group.finish();
}

fn writing(criterion: &mut Criterion) {
    let touched: Vec<_> = (0..MANY)
        .filter_map(|number| Some((guid(number)?, unix_ms(1_740_974_641_984))))
        .collect();
    let delta = |changed| {
        Frame::Delta(Delta {
            revision: 1,
            now: unix_ms(1_740_974_641_984),
            changed,
            touched: Cow::Borrowed(&touched),
            removed: Cow::default(),
            stats: Stats::default(),
            pipeline: None,
        })
    };
    let mut group = criterion.benchmark_group("write a delta");
    group.throughput(Throughput::Elements(MANY.into()));
    group.bench_function("1,000 touched", |bencher| {
        bencher.iter(|| serde_json::to_string(&delta(black_box(Cow::default()))));
    });
    if let Ok(Frame::Delta(Delta { changed, .. })) = serde_json::from_str(DELTA) {
        let changed: Vec<_> = changed.iter().cycle().take(MANY as usize).cloned().collect();
        group.throughput(Throughput::Elements(u64::from(MANY) * 2));
        group.bench_function("1,000 touched and 1,000 changed", |bencher| {
            bencher.iter(|| serde_json::to_string(&delta(black_box(Cow::Borrowed(&changed)))));
        });
    }
    group.finish();
}

criterion_group!(messages, reading, writing);
criterion_main!(messages);
