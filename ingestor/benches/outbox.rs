//! The cost of batching: `make microbench`.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ingestor::outbox::{Limits, Outbox};
use protocol::{EventKind, Millis};

const EVENT: &[u8] = br#"{"eventType":"keep-alive","ip":"203.225.30.200","guid":"9d8802fe-631a-4591-b1d8-c030870dea05","timestamp":"2025-03-03T04:04:01.984Z"}"#;

/// The number of events between two polls of the outbox under load.
const MANY: u64 = 1_000;

const NOW: Millis = 1_740_974_641_984;

fn batching(criterion: &mut Criterion) {
    let mut outbox = Outbox::new(Limits {
        bytes: 256 << 20,
        replay_window: 60_000,
    });
    let mut now = NOW;
    let mut group = criterion.benchmark_group("outbox");
    group.throughput(Throughput::Elements(MANY));
    group.bench_function("1,000 events in, sent, acknowledged and forgotten", |bencher| {
        bencher.iter(|| {
            for _ in 0..MANY {
                outbox.push(EventKind::KeepAlive, black_box(EVENT), now);
            }
            while let Some((id, batch)) = outbox.next_batch() {
                black_box(batch);
                outbox.acknowledge(id);
            }
            now += 60_001;
            outbox.forget(now);
        });
    });
    group.finish();
}

criterion_group!(benches, batching);
criterion_main!(benches);
