use std::collections::HashMap;

use simulator::{
    emitter::{Emitter, EmitterConfig, Lively},
    emitter_fault::Faults,
    event::EventKind,
};

use crate::client::Client;

#[tokio::test]
async fn a_site_plays_by_itself() {
    let lively = Lively::new(200.0, 40, Faults::none()).unwrap();
    let config = EmitterConfig {
        lively: Some(lively),
        record: true,
        ..EmitterConfig::default()
    };
    let emitter = Emitter::start(config).unwrap();
    let mut client = Client::connect(&emitter).await;
    let mut sessions = HashMap::<_, Vec<_>>::new();
    let mut closed = 0;
    while closed < 200 {
        let event = client.event().await;
        closed += usize::from(event.kind == EventKind::SessionClosed);
        sessions.entry(event.guid).or_default().push(event.kind);
    }
    let whole = sessions
        .values()
        .filter(|kinds| {
            kinds.first() == Some(&EventKind::SessionOpened)
                && kinds.last() == Some(&EventKind::SessionClosed)
        })
        .count();
    assert!(whole > 100, "{whole} sessions were seen from opening to closing");
    assert!(emitter.sent().iter().filter(|sent| sent.clients == 1).count() >= sessions.len());
}
