//! The cost of filtering an answer, and of looking up a known session: `make microbench`.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use enricher::hidden_companies::HiddenCompanies;
use enricher::native;
use enricher::profile::filter;
use enricher::sessions::{PublishOutcome, Published, Sessions};
use enricher::sighting::EventTimes;
use protocol::{Guid, Millis, Timestamp};

const IP: &str = "203.0.113.7";
const ANSWER: &[u8] = br#"{"ip":"203.0.113.7","company":{"guid":"0d0b1f2a-8a50-4c9e-a3a8-2d0b7d1b6a11","name":"Lumen Works","domain":"lumen.example"},"contact":{"guid":"6f1c1f63-1d0c-44a4-9f1f-6d8c1a3a0c22","name":"Ada Moss","title":"Buyer","emailAddresses":["ada@lumen.example","ada.moss@gmail.com"],"phoneNumbers":["+1 555 0100"]}}"#;

/// How many sessions are known.
const SESSIONS: u32 = 100_000;

const NOW: Timestamp = Timestamp::from_unix_ms(1_740_974_641_984);

/// The uptime at [`NOW`].
const UPTIME: Millis = 60_000;

const KEEP_ALIVE: EventTimes = EventTimes {
    opening: false,
    at: NOW,
    received_at: NOW,
    referrer_at: None,
};

fn filtering(criterion: &mut Criterion) {
    let hidden = HiddenCompanies::new([]);
    criterion.bench_function("read and filter an answer", |bencher| {
        bencher.iter(|| native::read(IP, 200, None, black_box(ANSWER)).map(|answer| filter(answer, &hidden)));
    });
}

fn touching(criterion: &mut Criterion) {
    let guids: Vec<_> = (0..SESSIONS)
        .filter_map(|number| Guid::new(&format!("9d8802fe-631a-4591-b1d8-{number:012x}")).ok())
        .collect();
    let mut sessions = Sessions::<()>::default();
    for guid in &guids {
        sessions.begin_publish(guid, UPTIME);
        let published = Published {
            opened_at: Some(NOW),
            first_seen_at: NOW,
            published_at: UPTIME,
            unidentified: false,
            referrer_at: None,
        };
        drop(sessions.end_publish(guid, PublishOutcome::Published(published)));
    }
    let mut turn = guids.iter().cycle();
    let mut group = criterion.benchmark_group("sessions");
    group.throughput(Throughput::Elements(1));
    group.bench_function("a keep-alive of one of 100,000 known", |bencher| {
        bencher.iter(|| {
            turn.next()
                .map(|guid| sessions.decide(black_box(guid), KEEP_ALIVE, UPTIME))
        });
    });
    group.finish();
}

criterion_group!(benches, filtering, touching);
criterion_main!(benches);
