use std::{collections::HashMap, time::Duration};

use simulator::{
    emitter::{Emitter, EmitterConfig},
    event::EventKind,
    load::{Load, LoadConfig},
};

use crate::client::Client;

#[tokio::test]
async fn received_frames_match_the_expected_sessions() {
    let emitter = Emitter::start(EmitterConfig::default()).unwrap();
    let mut client = Client::connect(&emitter).await;
    let mut load = Load::new(&LoadConfig {
        rate: 20_000.0,
        sessions: 500,
        ..LoadConfig::default()
    });
    let opened = load.open_all(&emitter).await;
    assert_eq!((opened.sent.session_opened, opened.sent.events()), (500, 500));
    let report = load.run(&emitter, Duration::from_millis(500)).await;
    assert_eq!(report.sent.events(), 10_000);
    assert_eq!(emitter.stats().frames.events(), 10_500);

    let mut live = HashMap::new();
    for _ in 0..10_500 {
        let event = client.event().await;
        match event.kind {
            EventKind::SessionOpened => drop(live.insert(event.guid, event.ip)),
            EventKind::KeepAlive => assert!(live.contains_key(&event.guid)),
            EventKind::SessionClosed => assert!(live.remove(&event.guid).is_some()),
        }
    }
    let expected: HashMap<_, _> = load.active().map(|session| (session.guid, session.ip)).collect();
    assert_eq!(live, expected);
}

#[tokio::test]
async fn pouring_loses_nothing_and_waits_for_the_client() {
    let emitter = Emitter::start(EmitterConfig::default()).unwrap();
    let mut client = Client::connect(&emitter).await;
    let mut load = Load::new(&LoadConfig::default());
    let (report, ()) = tokio::join!(load.pour(&emitter, Duration::from_millis(200)), async {
        client.event().await;
    });
    assert!(report.sent.events() > 1);
    for _ in 1..report.sent.events() {
        client.event().await;
    }
    assert_eq!(emitter.stats().too_slow, 0);
}
